import ChatWire
import Glibc

/// Who is here, what a line means, and who has to be waited for. It does no I/O and knows no clock.
///
/// Invariant: the log never forgets a byte that a counted member has still to get. A member stops being counted only by
/// `stopWaiting`, and is counted again when it has come back to within half the window.
package struct Room: ~Copyable {
  package private(set) var log: RoomLog
  package private(set) var members: [Member] = []
  /// No counted member is before this. It may lag behind, as cursors only go forward.
  private var floor = LogOffset(0)
  /// How many members do not count.
  private var uncounted = 0
  /// When `tail` gets here, the own lines of overtaken members are pruned: four times a lap of the ring.
  private var nextPruning = LogOffset(0)
  private let maximumLineBytes: Int
  /// Takes the safe form of texts that are not plain.
  private var scratch: [UInt8] = []
  /// Set when a line found no room; cleared by `weigh`.
  package private(set) var isFull = false
  /// Set by `weigh` while a counted member is further behind than the window.
  package private(set) var isCrowded = false

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
    member.place = members.count
    members.append(member)
  }

  /// Forgets a member; what it has not got yet, it never gets. To be done once for each that has joined.
  package mutating func remove(_ member: Member) {
    guard member.place >= 0 else { return }
    let last = members.removeLast()
    if last !== member {
      members[member.place] = last
      last.place = member.place
    }
    member.place = -1
    if !member.cursor.isCounted { uncounted -= 1 }
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

  /// Says a line to everybody but its speaker, made safe.
  package mutating func say(_ text: Span<UInt8>, by member: Member) -> Outcome {
    if SafeText.plainPrefix(text) == text.count { return append(text, by: member) }
    scratch.removeAll(keepingCapacity: true)
    SafeText.append(text, to: &scratch)
    let safe = exchange(&scratch, with: [])
    defer { scratch = safe }
    return append(safe.span, by: member)
  }

  private mutating func append(_ text: Span<UInt8>, by member: Member) -> Outcome {
    guard text.count <= maximumLineBytes else { return .tooLong }
    guard makeRoom(for: member.prefix.count + text.count + 1) else {
      isFull = true
      return .logFull
    }
    let start = log.head
    log.append(member.prefix, text)
    member.cursor.passOver(from: start, in: log)
    return .said
  }

  // MARK: Who is waited for

  /// Lets go of old lines where that is needed and allowed.
  @inline(__always)
  private mutating func makeRoom(for bytes: Int) -> Bool {
    log.free >= bytes || evict(for: bytes)
  }

  private mutating func evict(for bytes: Int) -> Bool {
    let needed = log.head + (bytes - log.capacity)
    if needed > floor { floor = slowestCounted() }
    guard needed <= floor else { return false }
    if let mark = log.mark(atOrAfter: needed), mark.offset <= floor {
      overtakeLaggards(before: mark.offset)
      log.evict(before: mark)
    } else {
      // Somebody who counts is within the block: exactly so much goes as is needed.
      let boundary = log.boundary(atOrAfter: needed)
      guard boundary <= floor else { return false }
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
    guard uncounted > 0 else { return }
    for member in members where !member.cursor.isCounted { member.cursor.overtake(before: boundary, in: log) }
  }

  /// The least offset that a counted member has got to: `head` if nobody is behind.
  private func slowestCounted() -> LogOffset {
    var slowest = log.head
    for member in members where member.cursor.isCounted && member.cursor.position < slowest {
      slowest = member.cursor.position
    }
    return slowest
  }

  /// How far, in bytes, a counted member may be behind before those who pour have to wait: what is on its way to all of
  /// them together is then a few milliseconds' work, and the next line of somebody else is not long behind it. Never so
  /// little that a turn is hardly worth its system calls.
  package var window: Int {
    min(log.capacity / 2, max(Self.leastWindow, Self.onTheWay / max(1, members.count - uncounted)))
  }
  /// Bytes that each member may say in a second so that all of them together fill no more than half the log.
  package var fairBytesPerSecond: Int { max(1, log.capacity / 2 / max(1, members.count)) }
  private static let onTheWay = 4 << 20
  private static let leastWindow = 16 << 10

  /// Finds out whether a counted member is too far behind, and if one was, whether it has come back by a quarter of the
  /// window: so that the room does not stop and go with every line.
  package mutating func weigh() {
    let limit = isCrowded || isFull ? window / 4 * 3 : window
    if log.head - floor > limit { floor = slowestCounted() }
    isCrowded = log.head - floor > limit
    if !isCrowded { isFull = false }
  }

  /// The room has been crowded for as long as anybody is waited for: those behind by more than half the window no longer
  /// count. They miss nothing as long as the log still has what they are to get.
  package mutating func stopWaiting() {
    for member in members where member.cursor.isCounted && member.cursor.position < middle {
      member.cursor.isCounted = false
      uncounted += 1
    }
  }

  /// To be called when a member has got something: if it did not count, it may have caught up.
  @inline(__always)
  package mutating func recount(_ member: Member) {
    guard !member.cursor.isCounted, member.place >= 0, !member.cursor.isOvertaken, member.cursor.position >= middle
    else { return }
    member.cursor.isCounted = true
    floor = min(floor, member.cursor.position)
    uncounted -= 1
  }

  private var middle: LogOffset { log.head + -(window / 2) }
}

/// Puts `new` in place of `value`, and gives what was there.
private func exchange<Value>(_ value: inout Value, with new: Value) -> Value {
  let old = value
  value = new
  return old
}
