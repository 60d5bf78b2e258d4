import ChatWire

/// Whether a connection sends in bulk: more, over about the last second, than its fair share. A leaky bucket, kept as one
/// number as in the generic cell rate algorithm (ITU-T I.371).
///
/// A sender that was silent for a second is never a bulk sender, however much it says at once then: so a person who says a
/// line now and then is always heard. Who sends more than its share without such pauses is one, however small the pieces.
struct ByteRateMeter {
  /// When a sender at exactly its fair share would have sent what was counted; at most `cap` ahead of the last count.
  private var paidUntil = Moment(nanoseconds: 0)

  /// How far ahead of its fair share a sender may be, in nanoseconds.
  private static let allowance: UInt64 = 1_000_000_000
  /// What a sender did longer ago than this does not count, in nanoseconds.
  private static let cap: UInt64 = 2_000_000_000

  /// Counts bytes that came just now.
  /// - Parameter fairBytesPerSecond: what each sender may send if all are to be heard; at least 1.
  mutating func count(_ bytes: Int, at now: Moment, fairBytesPerSecond: Int) {
    let cost = UInt64(bytes) * 1_000_000_000 / UInt64(fairBytesPerSecond)
    paidUntil.nanoseconds = min(max(paidUntil, now).nanoseconds + cost, now.nanoseconds + Self.cap)
  }

  /// How many more bytes may come before it is a bulk sender.
  func allowance(at now: Moment, fairBytesPerSecond: Int) -> Int {
    let end = now.nanoseconds + Self.allowance
    let left = end - min(end, max(paidUntil, now).nanoseconds)
    return Int(left / 1000 * UInt64(fairBytesPerSecond) / 1_000_000)
  }

  func isBulkSender(at now: Moment) -> Bool { paidUntil.nanoseconds > now.nanoseconds + Self.allowance }
}

extension ByteRateMeter: StateCoded {
  init(from reader: inout StateReader) throws(StateError) { paidUntil = try reader.read() }
  func write(to writer: inout StateWriter) { writer.write(paidUntil) }
}
