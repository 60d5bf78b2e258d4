import ChatWire

/// Who is here, and what is said. It does no I/O and knows no clock.
package struct Room: ~Copyable {
  package private(set) var log: RoomLog
  package private(set) var members: [Member] = []
  private var backpressure = Backpressure()
  /// When `tail` gets here, the own lines of overtaken members are pruned: four times a lap of the ring.
  private var nextPruning = LogOffset(0)
  private let maximumLineBytes: Int
  /// Buffer for the safe form of a text that is not plain, reused for the next one.
  private var safeText: [UInt8] = []

  /// - Parameters:
  ///   - logBytes: how much of what was said is kept for members that are behind.
  ///   - maximumLineBytes: the longest text that is said, in bytes of its safe form.
  package init(logBytes: Int, maximumLineBytes: Int) {
    log = RoomLog(capacity: logBytes)
    self.maximumLineBytes = maximumLineBytes
  }

  // MARK: Who is here

  /// Takes in a member that was made just now.
  package mutating func join(_ member: Member) {
    member.place = Int32(members.count)
    members.append(member)
    backpressure.noteJoined(member)
  }

  /// Removes a member. What is still due to it is not delivered any more. Does nothing if it is not in the room.
  package mutating func remove(_ member: Member) {
    guard member.place >= 0 else { return }
    let last = members.removeLast()
    if last !== member {
      members[Int(member.place)] = last
      last.place = member.place
    }
    member.place = -1
    backpressure.noteRemoved(member)
  }

  // MARK: What is said

  /// What became of a line.
  package enum Outcome {
    case said
    /// Nothing was said, because the log is full of lines that somebody has still to get.
    case logFull
    /// Nothing was said, because the text is too long in its safe form, which may be four times as long as what was sent.
    case tooLong
  }

  /// Says a message to everybody but its speaker, made safe.
  package mutating func say(_ text: Span<UInt8>, by member: Member) -> Outcome {
    say(text, behind: member.namePrefix, by: member)
  }

  /// Says what a member does to everybody but itself, made safe.
  package mutating func act(_ text: Span<UInt8>, by member: Member) -> Outcome {
    say(text, behind: Member.NamePrefix(bytes: ServerLine.actionPrefix(of: member.name)), by: member)
  }

  /// A line as it is to be said, with its newline: the safe form of `text` behind `prefix`; nil if it is too long.
  package func line(_ text: Span<UInt8>, behind prefix: [UInt8]) -> [UInt8]? {
    var line = prefix
    line.reserveCapacity(prefix.count + text.count + 1)
    SafeText.append(text, to: &line)
    guard line.count - prefix.count <= maximumLineBytes else { return nil }
    line.append(UInt8(ascii: "\n"))
    return line
  }

  /// Says a line that `line(_:behind:)` of this server or another one has made. There has to be space for it.
  /// - Parameter speaker: the member whose line it is, and that does not get it; nil if that one is not here.
  package mutating func commit(_ line: ArraySlice<UInt8>, by speaker: Member?) {
    precondition(line.last == UInt8(ascii: "\n"), "what is committed is a whole line")
    let start = log.head
    log.append([], line.span.extracting(droppingLast: 1))
    speaker?.cursor.passOver(from: start, in: log)
  }

  /// Says a line of the server itself, with its newline, to everybody.
  /// - Returns: false if nothing was said, because the log is full of lines that somebody has still to get.
  package mutating func announce(_ line: [UInt8]) -> Bool {
    precondition(line.last == UInt8(ascii: "\n"), "what is announced is a whole line")
    guard makeSpace(for: line.count) else { return false }
    log.append([], line.span.extracting(droppingLast: 1))
    return true
  }

  /// Appends a line of an earlier session, without its newline and made safe, before anybody is here. A line that the log
  /// cannot hold is left out.
  /// - Parameter minute: when it was said, in minutes since 1970, UTC.
  package mutating func restore(_ line: Span<UInt8>, minute: Int32) {
    precondition(members.isEmpty, "a line of an earlier session is due to nobody")
    var safe: [UInt8] = []
    SafeText.append(line, to: &safe)
    guard safe.count < log.capacity, makeSpace(for: safe.count + 1) else { return }
    log.mark(minute: minute)
    log.append([], safe.span)
  }

  /// What is said from now on is said in this minute, in minutes since 1970, UTC.
  package mutating func mark(minute: Int32) { log.mark(minute: minute) }

  @inline(__always)
  private mutating func say(_ text: Span<UInt8>, behind prefix: borrowing Member.NamePrefix, by member: Member)
    -> Outcome
  {
    if SafeText.plainPrefix(text) == text.count { return append(text, behind: prefix, by: member) }
    var safe: [UInt8] = []
    swap(&safe, &safeText)
    defer { swap(&safe, &safeText) }
    safe.removeAll(keepingCapacity: true)
    SafeText.append(text, to: &safe)
    return append(safe.span, behind: prefix, by: member)
  }

  @inline(__always)
  private mutating func append(_ text: Span<UInt8>, behind prefix: borrowing Member.NamePrefix, by member: Member)
    -> Outcome
  {
    guard text.count <= maximumLineBytes else { return .tooLong }
    guard makeSpace(for: prefix.bytes.count + text.count + 1) else { return .logFull }
    let start = log.head
    log.append(prefix.bytes, text)
    member.cursor.passOver(from: start, in: log)
    return .said
  }

  /// Whether the log has space for `bytes` now, after eviction where that is needed and nobody is waited for.
  @inline(__always)
  mutating func makeSpace(for bytes: Int) -> Bool {
    if log.free >= bytes || evict(for: bytes) { return true }
    backpressure.noteLogFull()
    return false
  }

  /// Evicts old lines until the log has space for `bytes`.
  /// - Returns: false if some of them are still due to a protected member; then none is evicted.
  private mutating func evict(for bytes: Int) -> Bool {
    let needed = log.head + (bytes - log.capacity)
    let limit = backpressure.evictionLimit(needed: needed, of: members, in: log)
    guard needed <= limit else { return false }
    if let mark = log.mark(atOrAfter: needed), mark.offset <= limit {
      overtakeLaggards(before: mark.offset)
      log.evict(before: mark)
    } else {
      // A protected member is within the block: exactly so much goes as is needed.
      let boundary = log.boundary(atOrAfter: needed)
      guard boundary <= limit else { return false }
      overtakeLaggards(before: boundary)
      log.evict(before: boundary)
    }
    if log.tail >= nextPruning {
      nextPruning = log.tail + log.capacity / 4
      for member in members where member.cursor.isOvertaken { member.cursor.prune(log) }
    }
    return true
  }

  private mutating func overtakeLaggards(before boundary: LogOffset) {
    guard backpressure.unprotectedCount > 0 else { return }
    var copies = EvictedLines()
    for member in members where !member.cursor.isProtected {
      member.cursor.overtake(before: boundary, in: log, sharing: &copies)
    }
  }

  // MARK: Who is waited for

  /// Set when a line found no space in the log; cleared by `measureLag`.
  package var isLogFull: Bool { backpressure.isLogFull }
  /// Set by `measureLag` while a protected member lags by more than the window.
  package var isCrowded: Bool { backpressure.isCrowded }
  /// How far a protected member may lag before bulk senders have to wait.
  package var windowBytes: Int {
    Backpressure.windowBytes(
      logCapacity: log.capacity, protectedCount: members.count - backpressure.unprotectedCount)
  }
  /// Bytes that each member may say in a second so that all of them together fill no more than half the log.
  package var fairBytesPerSecond: Int { max(1, log.capacity / 2 / max(1, members.count)) }

  /// Recomputes whether bulk senders have to wait. Call it after deliveries.
  package mutating func measureLag() { backpressure.measureLag(of: members, in: log, windowBytes: windowBytes) }

  /// Call it when the room has been crowded for all of `patience`.
  package mutating func releaseLaggards() {
    backpressure.releaseLaggards(among: members, in: log, windowBytes: windowBytes)
  }

  /// Call it after a delivery to a member: if it was not protected, it may have caught up.
  @inline(__always)
  package mutating func reprotect(_ member: Member) {
    guard !member.cursor.isProtected, member.place >= 0 else { return }
    backpressure.reprotect(member, in: log, windowBytes: windowBytes)
  }
}

extension Room {
  /// The room as another program has left it, but for its members, which `join` one by one.
  package init(from reader: inout StateReader, logBytes: Int, maximumLineBytes: Int) throws(StateError) {
    let (backpressure, nextPruning): (Backpressure, LogOffset) = (try reader.read(), try reader.read())
    log = try RoomLog(from: &reader, capacity: logBytes)
    (self.backpressure, self.nextPruning) = (backpressure, nextPruning)
    self.maximumLineBytes = maximumLineBytes
  }

  package func write(to writer: inout StateWriter) {
    writer.write(backpressure, nextPruning)
    log.write(to: &writer)
  }
}
