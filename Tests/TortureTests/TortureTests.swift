import TestSupport
import Testing

/// The rows of `mychattorture` at small size. Each runs in its own process, because it needs hundreds of descriptors, and one
/// after the other, because it takes the whole machine; rows that mostly wait run beside them.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct TortureTests {
  @Test(arguments: [1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 25])
  func `Each promise about hostile peers and hard knocks holds`(number: Int) throws { try expectHolds(number) }
}

/// The rows of `mychatcluster` at small size.
@Suite(.timeLimit(.minutes(10)))
struct ClusterTests {
  @Test(arguments: 1...12)
  func `Each promise about a room on several servers holds`(number: Int) throws {
    try expectHolds(number, by: "mychatcluster")
  }
}

@Suite(.timeLimit(.minutes(10)))
struct PatienceTests {
  @Test(arguments: [6, 7])
  func `A peer that stands still is kept for minutes, and one whose machine vanishes is given up`(number: Int) throws {
    try expectHolds(number)
  }
}

private func expectHolds(_ number: Int, by program: String = "mychattorture") throws {
  let program = try Program(built: program, ["--small", "\(number)"], input: .nothing)
  // Longer than a row waits in all, so that the row itself says what it waited for.
  program.limit = .seconds(400)
  #expect(try program.waitForExit() == .status(0), "\(program.outputLines.joined(separator: "\n"))")
}
