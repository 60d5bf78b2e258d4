/// The waits between attempts to connect: each about twice the one before, from half a second to half a minute. Each is drawn
/// at random, so that many clients do not come back all at once.
package struct Backoff {
  /// Bounds of all waits, in seconds.
  private static let shortest = 0.5
  private static let longest = 30.0

  /// The longest that a wait can be, as a multiple of the shortest.
  private static let spread = 1.5

  /// The shortest that the next wait can be, in seconds.
  private var wait = shortest

  package init() {}

  /// The next wait in seconds.
  package mutating func next(using random: inout some RandomNumberGenerator) -> Double {
    defer { wait = min(Self.longest / Self.spread, wait * 2) }
    return wait * Double.random(in: 1...Self.spread, using: &random)
  }
}
