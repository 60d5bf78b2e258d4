import ChatWire

/// How many lines a member may send.
package struct Rate: Sendable, Equatable, CustomStringConvertible {
  /// Lines in a second, over time.
  package let linesPerSecond: Int
  /// Lines that may come at once.
  package let burst: Int

  /// Reads `LINES` or `LINES:BURST`; the burst is as many lines as in a second if it is left out.
  package init?(parsing text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    guard (1...2).contains(parts.count), let lines = parts[0], (1...1_000_000).contains(lines) else { return nil }
    guard let burst = parts.count == 1 ? lines : parts[1], (1...1_000_000).contains(burst) else { return nil }
    linesPerSecond = lines
    self.burst = burst
  }

  package var description: String { "\(linesPerSecond):\(burst)" }

  fileprivate var nanosecondsPerLine: UInt64 { 1_000_000_000 / UInt64(linesPerSecond) }
}

/// How far ahead of its rate one member is: the generic cell rate algorithm (ITU-T I.371), one number for each member.
struct Pace {
  /// When the lines sent so far would have been sent at exactly the rate.
  private var paidUntil = Moment(nanoseconds: 0)

  /// Counts one line, if it may be sent now.
  /// - Returns: nil if it may, and else when.
  mutating func wait(at now: Moment, for rate: Rate) -> Moment? {
    let line = rate.nanosecondsPerLine
    let start = max(paidUntil, now)
    let allowance = line * UInt64(rate.burst)
    let end = start.nanoseconds + line
    if end > now.nanoseconds + allowance { return Moment(nanoseconds: end - allowance) }
    paidUntil = Moment(nanoseconds: end)
    return nil
  }
}
