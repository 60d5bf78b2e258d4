import ChatWire

/// How many lines a member may send: the value of `--rate`.
package struct RateLimit: Sendable, Equatable, CustomStringConvertible {
  /// Lines a second, over time.
  package let linesPerSecond: Int
  /// Lines that may come at once.
  package let burst: Int

  /// Bytes of a long line that cost as much as one more line.
  static let bytesPerLine = 1024

  /// Reads `LINES` or `LINES:BURST`; without a burst it is as many lines as in a second.
  package init?(parsing text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    guard (1...2).contains(parts.count), let lines = parts[0], (1...1_000_000).contains(lines) else { return nil }
    guard let burst = parts.count == 1 ? lines : parts[1], (1...1_000_000).contains(burst) else { return nil }
    linesPerSecond = lines
    self.burst = burst
  }

  package var description: String { "\(linesPerSecond):\(burst)" }

  fileprivate var nanosecondsPerLine: UInt64 { 1_000_000_000 / UInt64(linesPerSecond) }
  fileprivate var allowance: UInt64 { nanosecondsPerLine * UInt64(burst) }
}

/// How far ahead of its rate one member is: the generic cell rate algorithm (ITU-T I.371), one number for each member.
struct RateMeter {
  /// When all that was sent so far would have been sent at exactly the rate.
  private var paidUntil = Moment(nanoseconds: 0)

  /// When one more line may be sent; nil if it may be now.
  func wait(at now: Moment, for limit: RateLimit) -> Moment? {
    let end = max(paidUntil, now).nanoseconds + limit.nanosecondsPerLine
    return end > now.nanoseconds + limit.allowance ? Moment(nanoseconds: end - limit.allowance) : nil
  }

  /// Charges a line, blank or not; a long one costs as much as several.
  mutating func chargeLine(of bytes: Int, at now: Moment, for limit: RateLimit) {
    let lines = UInt64(1 + bytes / RateLimit.bytesPerLine)
    paidUntil = Moment(nanoseconds: max(paidUntil, now).nanoseconds + limit.nanosecondsPerLine * lines)
  }

  /// Charges bytes of a line that is being skipped because it is too long.
  mutating func chargeSkipped(bytes: Int, at now: Moment, for limit: RateLimit) {
    let cost = limit.nanosecondsPerLine * UInt64(bytes) / UInt64(RateLimit.bytesPerLine)
    paidUntil = Moment(nanoseconds: max(paidUntil, now).nanoseconds + cost)
  }
}

extension RateMeter: StateCoded {
  init(from reader: inout StateReader) throws(StateError) { paidUntil = try reader.read() }
  func write(to writer: inout StateWriter) { writer.write(paidUntil) }
}
