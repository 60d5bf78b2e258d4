/// Waits between attempts to connect: each about twice the one before, from half a second to half a minute, and each moved
/// at random so that many clients do not come back all at once.
package struct Backoff {
  /// Seconds.
  package static let shortest = 0.5
  package static let longest = 30.0

  private var wait = shortest

  package init() {}

  /// The next wait in seconds: between three quarters and all of its nominal length, but never under the shortest.
  package mutating func next(using random: inout some RandomNumberGenerator) -> Double {
    defer { wait = min(Self.longest, wait * 2) }
    return max(Self.shortest, wait * Double.random(in: 0.75...1, using: &random))
  }
}
