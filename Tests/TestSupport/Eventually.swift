import ChatWire
import Glibc

/// Whether the programs are built with a sanitizer (`make sanitize`): they are some ten times slower then, and most of their
/// memory is the sanitizer's.
package let isSanitized = getenv("ASAN_OPTIONS") != nil || getenv("TSAN_OPTIONS") != nil

/// How long a test waits for something that should happen at once. Generous, because reaching it fails the test.
package let generousLimit = Duration.seconds(isSanitized ? 120 : 60)

/// Looks every few milliseconds whether `condition` holds.
/// - Parameter what: completes "waited for", as in `the socket file to go`.
/// - Throws: `TestFailure` if it does not hold within `limit`.
package func eventually(
  _ what: @autoclosure () -> String, within limit: Duration = generousLimit, _ condition: () throws -> Bool
) throws {
  let deadline = Moment.now + limit
  while try !condition() {
    if deadline.hasPassed { throw TestFailure("waited \(limit) for \(what())") }
    _ = poll(nil, 0, 5)
  }
}
