/// What was written to a connection and may still be on its way. Kept only where a broken connection is made again: then its
/// lines have to be named, as nobody can say whether they have arrived.
///
/// A server does not confirm lines. What its machine has acknowledged counts as arrived after a while.
package struct UnconfirmedLines {
  /// How long a line counts as on its way: a server that dies takes with it what it has not read yet. As long as it takes to
  /// find that a machine has vanished.
  package static let settleNanoseconds: UInt64 = 30_000_000_000
  /// The same for what so many bytes were written after: a person does not write as many, and who pours is not to be remembered
  /// for long.
  package static let pouredSettleNanoseconds: UInt64 = 5_000_000_000
  package static let pouredBytes = 64 * 1024

  private var bytes: [UInt8] = []
  /// Bytes of the connection that came before `bytes`.
  private var settled = 0
  /// For each write, where it ended in the stream, and when it was, in nanoseconds.
  private var writes: [(end: Int, time: UInt64)] = []

  package init() {}

  /// Bytes written to the connection in all.
  private var total: Int { settled + bytes.count }

  /// Adds what was just written, and forgets what has arrived.
  /// - Parameter unacknowledged: bytes at the end of the stream that the server's machine has not acknowledged.
  package mutating func append(_ new: some Sequence<UInt8>, unacknowledged: Int, now: UInt64) {
    bytes += new
    writes.append((total, now))
    settle(unacknowledged: unacknowledged, now: now)
  }

  private mutating func settle(unacknowledged: Int, now: UInt64) {
    let acknowledged = total - unacknowledged
    let total = total
    let old = writes.prefix { write in
      let patience = total - write.end >= Self.pouredBytes ? Self.pouredSettleNanoseconds : Self.settleNanoseconds
      return write.end <= acknowledged && now - write.time >= patience
    }
    guard let end = old.last?.end else { return }
    // Whole lines alone: one that is partly under way is under way.
    guard let newline = bytes[..<(end - settled)].lastIndex(of: UInt8(ascii: "\n")) else { return }
    bytes.removeFirst(newline + 1)
    settled += newline + 1
    writes.removeFirst(old.count)
  }

  /// The connection is gone.
  /// - Returns: what may or may not have arrived; it may end within a line.
  package mutating func takeUncertain(unacknowledged: Int, now: UInt64) -> [UInt8] {
    settle(unacknowledged: unacknowledged, now: now)
    defer { self = UnconfirmedLines() }
    return bytes
  }
}
