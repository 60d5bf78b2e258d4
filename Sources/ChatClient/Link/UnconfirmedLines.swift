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
  /// How long it stays uncertain once the server has ended its stream in order: longer than a server of ours takes to stop, in which
  /// it reads no more. What came before that it has read.
  package static let stopTime = Duration.seconds(3)
  /// Once so many bytes were written after a line, it counts as arrived as soon as it is acknowledged.
  package static let maximumBytes = 8 * 1024 * 1024

  /// What shows that a line has arrived, as far as anything does.
  package enum Proof: Sendable {
    /// The server's machine has acknowledged it, for as long as that machine itself may have it.
    case acknowledgement
    /// Nothing but time: over ssh, that ssh has read a line proves nothing, and a host that has vanished is noticed by ssh.
    case time
  }

  /// How long a line stays uncertain over ssh: longer than ssh goes on with a host that has vanished.
  package static let sshSettleTime = Duration.seconds(60)

  private let proof: Proof
  /// Its indices are places in the stream. Slices, because an array would move all that is left whenever its start is removed.
  private var bytes: ArraySlice<UInt8> = []
  /// Where in the stream each write ended, and when it was made.
  private var writes: ArraySlice<(end: Int, time: Moment)> = []

  package init(settledBy proof: Proof = .acknowledgement) { self.proof = proof }

  package var isEmpty: Bool { bytes.isEmpty }

  /// Adds what was just written, and forgets what has arrived.
  /// - Parameter unacknowledged: bytes at the end of the stream that the server's machine has not acknowledged.
  package mutating func append(_ new: some Sequence<UInt8>, unacknowledged: Int, now: Moment) {
    bytes += new
    writes.append((bytes.endIndex, now))
    settle(unacknowledged: unacknowledged, now: now)
  }

  private mutating func settle(unacknowledged: Int, inOrder: Bool = false, now: Moment) {
    let total = bytes.endIndex
    let old = writes.prefix { write in
      let after = total - write.end
      let time =
        switch proof {
        case _ where inOrder: Self.stopTime
        case .acknowledgement: after >= Self.bulkBytes ? Self.bulkSettleTime : Self.settleTime
        case .time: Self.sshSettleTime
        }
      return after >= unacknowledged && (write.time + time <= now || after >= Self.maximumBytes)
    }
    guard let end = old.last?.end else { return }
    // Only whole lines, because a line is uncertain as long as a part of it is.
    guard let newline = bytes[..<end].lastIndex(of: UInt8(ascii: "\n")) else { return }
    bytes = bytes[(newline + 1)...]
    writes = writes[old.endIndex...]
  }

  /// The connection is gone.
  /// - Parameter inOrder: whether the server ended its stream in order.
  /// - Returns: what may or may not have arrived; it may end within a line.
  package mutating func takeUncertain(unacknowledged: Int, inOrder: Bool, now: Moment) -> [UInt8] {
    settle(unacknowledged: unacknowledged, inOrder: inOrder, now: now)
    defer { self = UnconfirmedLines(settledBy: proof) }
    return Array(bytes)
  }
}
