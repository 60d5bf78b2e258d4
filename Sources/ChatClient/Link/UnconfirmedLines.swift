import ChatWire

/// What was written to a connection and may not have arrived. Kept only where a broken connection is made again, to name
/// these lines to the person.
///
/// A server does not confirm lines, so a line counts as arrived some time after the server's machine has acknowledged it.
package struct UnconfirmedLines {
  /// How long an acknowledged line stays uncertain, because a server that dies takes with it what it has not read. As long
  /// as it takes to find that a machine has vanished.
  package static let settleTime = Duration.seconds(30)
  /// Once `bulkBytes` were written after a line, it stays uncertain for less: a bulk sender should not keep 30 s of data in
  /// memory.
  package static let bulkSettleTime = Duration.seconds(5)
  package static let bulkBytes = 64 * 1024

  private var bytes: [UInt8] = []
  /// How many bytes were written to the connection before `bytes`.
  private var settled = 0
  /// Where in the stream each write ended, and when it was made.
  private var writes: [(end: Int, time: Moment)] = []

  package init() {}

  /// How many bytes were written to the connection in all.
  private var total: Int { settled + bytes.count }

  /// Adds what was just written, and forgets what has arrived.
  /// - Parameter unacknowledged: bytes at the end of the stream that the server's machine has not acknowledged.
  package mutating func append(_ new: some Sequence<UInt8>, unacknowledged: Int, now: Moment) {
    bytes += new
    writes.append((total, now))
    settle(unacknowledged: unacknowledged, now: now)
  }

  private mutating func settle(unacknowledged: Int, now: Moment) {
    let acknowledged = total - unacknowledged
    let total = total
    let old = writes.prefix { write in
      let time = total - write.end >= Self.bulkBytes ? Self.bulkSettleTime : Self.settleTime
      return write.end <= acknowledged && write.time + time <= now
    }
    guard let end = old.last?.end else { return }
    // Only whole lines, because a line is uncertain as long as a part of it is.
    guard let newline = bytes[..<(end - settled)].lastIndex(of: UInt8(ascii: "\n")) else { return }
    bytes.removeFirst(newline + 1)
    settled += newline + 1
    writes.removeFirst(old.count)
  }

  /// The connection is gone.
  /// - Returns: what may or may not have arrived; it may end within a line.
  package mutating func takeUncertain(unacknowledged: Int, now: Moment) -> [UInt8] {
    settle(unacknowledged: unacknowledged, now: now)
    defer { self = UnconfirmedLines() }
    return bytes
  }
}
