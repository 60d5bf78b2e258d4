import ChatWire
import Glibc
import TestSupport

/// Runs the rows that the command line names, and prints what was measured beside what was asked; then ends the program: with
/// status 0 if all that could be run here hold.
///
/// The command line is `[--small] [--server PATH] [ROW...]`.
/// - Parameters:
///   - left: those that are not run unless they are named.
///   - usage: printed for a command line that is wrong.
package func runRows(_ all: [Row], besides left: [Row] = [], usage: String) -> Never {
  raiseDescriptorLimit()
  ignoreBrokenPipes()
  var size = Size.full
  var rows: [Row] = []
  var words = CommandLine.arguments.dropFirst()
  while let word = words.popFirst() {
    if word == "--small" {
      size = .small
    } else if word == "--server", let path = words.popFirst() {
      ServerUnderTest.path.withLock { $0 = path }
    } else if let number = Int(word), let row = all.first(where: { $0.number == number }) {
      rows.append(row)
    } else {
      print(usage)
      exit(64)
    }
  }
  if rows.isEmpty {
    rows = all.filter { row in !left.contains { $0.number == row.number } }.sorted { $0.number < $1.number }
  }
  print("| # | what happens | asked | measured | |\n|---|---|---|---|---|")
  var failed = 0
  for row in rows {
    let outcome = row.run(size)
    var measured = outcome.measured
    measured += outcome.failures.filter { !measured.contains($0) }.map { "FAILED: \($0)" }
    if let skipped = outcome.skipped { measured.append("not run here: \(skipped)") }
    let verdict = outcome.skipped != nil ? "skipped" : outcome.passed ? "holds" : "FAILS"
    if !outcome.passed && outcome.skipped == nil { failed += 1 }
    print("| \(row.number) | \(row.sentence) | \(row.asked) | \(measured.joined(separator: "; ")) | \(verdict) |")
    fflush(nil)
  }
  exit(failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE)
}
