import Glibc

/// Whether the programs are built with a sanitizer (`make sanitize`): they are some ten times slower then, and most of their
/// memory is the sanitizer's.
package let isSanitized = getenv("ASAN_OPTIONS") != nil || getenv("TSAN_OPTIONS") != nil

/// How long a test waits for something that should happen at once. Generous, because reaching it fails the test.
package let generousLimit = Duration.seconds(isSanitized ? 120 : 30)

/// A moment on the monotonic clock by which something must have happened.
package struct Deadline {
  private let moment: ContinuousClock.Instant
  package let limit: Duration

  package init(within limit: Duration = generousLimit) {
    self.limit = limit
    moment = ContinuousClock.now + limit
  }

  package var hasPassed: Bool { ContinuousClock.now >= moment }

  /// What is left, for poll(2): milliseconds, at least 0 and at most `cap`.
  package func milliseconds(atMost cap: CInt = 60_000) -> CInt {
    let left = moment - ContinuousClock.now
    guard left > .zero else { return 0 }
    return CInt(min(Double(cap), (left / .milliseconds(1)).rounded(.up)))
  }
}

/// Looks every few milliseconds whether `condition` holds.
/// - Parameter what: completes "waited for", as in `the socket file to go`.
/// - Throws: `TestFailure` if it does not hold within `limit`.
package func eventually(
  _ what: @autoclosure () -> String, within limit: Duration = generousLimit, _ condition: () throws -> Bool
) throws {
  let deadline = Deadline(within: limit)
  while try !condition() {
    if deadline.hasPassed { throw TestFailure("waited \(limit) for \(what())") }
    _ = poll(nil, 0, 5)
  }
}

/// Waits until `number` is ready for `events`, or hung up.
/// - Returns: false if the deadline came first.
func isReady(_ number: CInt, for events: CInt, by deadline: Deadline) -> Bool {
  while true {
    var entry = pollfd(fd: number, events: Int16(events), revents: 0)
    let count = poll(&entry, 1, deadline.milliseconds())
    if count > 0 { return true }
    if count == 0 && deadline.hasPassed { return false }
  }
}
