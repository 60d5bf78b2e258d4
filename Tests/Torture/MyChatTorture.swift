import ChatWire
import Glibc
import TestSupport

/// Runs rows at full size and prints what was measured beside what was asked.
@main
struct MyChatTorture {
  private static let usage =
    "usage: mychattorture [--small] [--server PATH] [ROW...]   (all but the soak, row 19, by default)"

  static func main() {
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
      } else if let row = Int(word).flatMap(Row.numbered) {
        rows.append(row)
      } else {
        print(usage)
        exit(64)
      }
    }
    if rows.isEmpty { rows = Row.all.filter { $0.number != 19 }.sorted { $0.number < $1.number } }
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
}
