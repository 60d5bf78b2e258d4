import ChatWire

/// Which lines of the log one member does not get, because it ignores who said them.
///
/// A line is known by its beginning, and whose that was by when it was said: every entry is an interval of the log in which
/// lines that begin so are ignored. So an ignored member stays ignored under another name, and whoever takes its old name is
/// not.
struct IgnoredLines {
  /// Entries at most. For a new one an entry goes whose interval has ended, or else the oldest.
  static let maximumCount = 200
  /// Bytes of the log that are looked through at most before what comes before an ignored line is sent.
  static let maximumRunBytes = 64 << 10

  private struct Entry {
    let sender: Token
    /// What the ignored lines begin with; it has no LF.
    let prefix: [UInt8]
    let from: LogOffset
    /// `never` while lines that are said now are ignored.
    var to = LogOffset.never
    /// Set when the sender is ignored no longer.
    var isLifted = false
  }

  private var entries: [Entry] = []
  /// The least offset at which a lifted entry ends, where it is of no more use.
  private var nextUseless = LogOffset.never

  var isEmpty: Bool { entries.isEmpty }

  /// From the log's head on, lines of `sender` that begin with one of `prefixes` are ignored, and no others of it.
  mutating func ignore(prefixes: [[UInt8]], of sender: Token, in log: borrowing RoomLog) {
    end(sender, at: log.head)
    entries += prefixes.map { Entry(sender: sender, prefix: $0, from: log.head) }
    let tail = log.tail
    entries.removeAll { $0.to <= tail }
    while entries.count > Self.maximumCount {
      entries.remove(at: entries.firstIndex { $0.to != .never } ?? 0)
    }
  }

  /// Lines of `sender` that are said from `head` on are not ignored.
  mutating func unignore(_ sender: Token, at head: LogOffset) {
    end(sender, at: head)
    for index in entries.indices where entries[index].sender == sender { entries[index].isLifted = true }
    findNextUseless()
  }

  private mutating func end(_ sender: Token, at head: LogOffset) {
    for index in entries.indices where entries[index].sender == sender && entries[index].to == .never {
      entries[index].to = head
    }
    entries.removeAll { $0.from == $0.to }
  }

  /// Forgets what only concerned lines that the member has passed.
  mutating func forget(passed position: LogOffset) {
    guard position >= nextUseless else { return }
    entries.removeAll { $0.isLifted && $0.to <= position }
    findNextUseless()
  }

  private mutating func findNextUseless() {
    nextUseless = entries.lazy.filter(\.isLifted).map(\.to).min() ?? .never
  }

  /// Whether the line that begins at this kept offset is ignored.
  /// - Parameter isHistory: whether lines of those that are ignored no longer are not.
  func contains(lineAt start: LogOffset, in log: borrowing RoomLog, isHistory: Bool = false) -> Bool {
    for entry in entries where entry.from <= start && start < entry.to && !(isHistory && entry.isLifted) {
      if log.isLine(at: start, beginningWith: entry.prefix) { return true }
    }
    return false
  }

  /// The first ignored line that begins at or behind `start` and before `end`.
  func firstLine(from start: LogOffset, to end: LogOffset, in log: borrowing RoomLog) -> LogOffset? {
    var line = log.boundary(atOrAfter: start)
    while line < end {
      if contains(lineAt: line, in: log) { return line }
      line = log.boundary(atOrAfter: line + 1)
    }
    return nil
  }
}

extension IgnoredLines: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    entries = try reader.readEach { reader throws(StateError) in
      Entry(
        sender: try reader.read(), prefix: try reader.read(), from: try reader.read(), to: try reader.read(),
        isLifted: try reader.read())
    }
    findNextUseless()
  }

  func write(to writer: inout StateWriter) {
    writer.write(each: entries) { $0.write($1.sender, $1.prefix, $1.from, $1.to, $1.isLifted) }
  }
}
