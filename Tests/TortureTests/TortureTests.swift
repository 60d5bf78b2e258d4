import Testing

@testable import mychattorture

/// The rows of `mychattorture` at a size for every day. One after the other, as each takes all of the machine; those that
/// mostly wait are in `PatienceTests`, beside them.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct TortureTests {
  @Test("Each promise about hostile peers holds", arguments: Row.all.filter { ![6, 7, 19].contains($0.number) })
  func row(row: Row) { expectHolds(row) }
}

/// What takes the server 30 s to find out.
@Suite(.timeLimit(.minutes(5)))
struct PatienceTests {
  @Test("A peer that stands still, or whose machine vanishes, is given up", arguments: [6, 7].compactMap(Row.numbered))
  func row(row: Row) { expectHolds(row) }
}

private func expectHolds(_ row: Row) {
  let outcome = row.run(.small)
  if let reason = outcome.skipped {
    print("Row \(row.number) was not run: \(reason)")
  } else {
    #expect(outcome.failures.isEmpty, "\(row.sentence): \(outcome.measured.joined(separator: "; "))")
  }
}

extension Row: CustomTestStringConvertible {
  public var testDescription: String { "\(number). \(sentence)" }
}
