import ChatWire

/// Who is waited for: whether senders have to wait until others have caught up, and which members the log may overtake.
///
/// Who is not read meanwhile is judged in `Server.holdBeforeReading`, for how long in `Server.releaseHeldBack`, and who sends in
/// bulk by `ByteRateMeter` with `Room.fairBytesPerSecond`. `Tests/Model/room.pml` has to follow every change here.
///
/// Invariant: the log forgets nothing that a protected member has still to get. A member loses its protection only by
/// `releaseLaggards`, and gets it back when it has come to within half the window.
struct Backpressure {
  /// No protected member is before this. A lower bound, because cursors advance without updating it.
  private var slowestProtected = LogOffset(0)
  /// Members that are in the room and not protected.
  private(set) var unprotectedCount = 0
  /// Set when the log had no space for a line; cleared by `measureLag`.
  private(set) var isLogFull = false
  /// Set by `measureLag` while the slowest protected member lags by more than the window.
  private(set) var isCrowded = false

  /// How far a protected member may lag before bulk senders have to wait. Small enough that what is in flight to all
  /// members takes a few milliseconds, and large enough that a turn is worth its system calls.
  static func windowBytes(logCapacity: Int, protectedCount: Int) -> Int {
    min(logCapacity / 2, max(minimumWindowBytes, maximumInFlightBytes / max(1, protectedCount)))
  }
  private static let maximumInFlightBytes = 4 << 20
  private static let minimumWindowBytes = 16 << 10

  mutating func noteLogFull() { isLogFull = true }

  /// To be called when a member has come into the room. One that another program has let in may be behind.
  mutating func noteJoined(_ member: Member) {
    if !member.cursor.isProtected { unprotectedCount += 1 }
  }

  /// To be called when a member has left the room.
  mutating func noteRemoved(_ member: Member) {
    if !member.cursor.isProtected { unprotectedCount -= 1 }
  }

  /// Recomputes `isCrowded`, with hysteresis: it is set when the slowest protected member lags by more than the window, and
  /// cleared at three quarters of it, so that senders are not stopped and restarted on every line.
  mutating func measureLag(of members: [Member], in log: borrowing RoomLog, windowBytes: Int) {
    let limit = isCrowded || isLogFull ? windowBytes / 4 * 3 : windowBytes
    if log.head - slowestProtected > limit { slowestProtected = Self.slowestProtected(of: members, in: log) }
    isCrowded = log.head - slowestProtected > limit
    if !isCrowded { isLogFull = false }
  }

  /// The offset up to which the log may evict. Recomputed only if the known one is before `needed`.
  mutating func evictionLimit(needed: LogOffset, of members: [Member], in log: borrowing RoomLog) -> LogOffset {
    if needed > slowestProtected { slowestProtected = Self.slowestProtected(of: members, in: log) }
    return slowestProtected
  }

  /// Takes the protection from all members that lag by more than half the window. They miss nothing as long as the log
  /// keeps what is due to them.
  mutating func releaseLaggards(among members: [Member], in log: borrowing RoomLog, windowBytes: Int) {
    for member in members where member.cursor.isProtected && log.head - member.cursor.position > windowBytes / 2 {
      member.cursor.isProtected = false
      unprotectedCount += 1
    }
  }

  /// Protects a member again if it has come near enough.
  mutating func reprotect(_ member: Member, in log: borrowing RoomLog, windowBytes: Int) {
    guard !member.cursor.isOvertaken, log.head - member.cursor.position <= windowBytes / 2 else { return }
    member.cursor.isProtected = true
    slowestProtected = min(slowestProtected, member.cursor.position)
    unprotectedCount -= 1
  }

  /// The least offset that a protected member has got to: `head` if none is behind.
  private static func slowestProtected(of members: [Member], in log: borrowing RoomLog) -> LogOffset {
    var slowest = log.head
    for member in members where member.cursor.isProtected && member.cursor.position < slowest {
      slowest = member.cursor.position
    }
    return slowest
  }
}

extension Backpressure: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (isLogFull, isCrowded) = (try reader.read(), try reader.read())
  }

  /// The rest is found out from the members, when they have joined.
  func write(to writer: inout StateWriter) { writer.write(isLogFull, isCrowded) }
}
