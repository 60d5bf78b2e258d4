import Foundation
import TestSupport
import Testing

@testable import mychatload

@Suite(.timeLimit(.minutes(10)))
struct BenchmarkTests {
  @Test func `A benchmark measures our server, and writes its tables, plots and runs`() throws {
    let directory = try TemporaryDirectory()
    var benchmark = Benchmark(directory: directory.file("bench"), server: try Program.built("mychatserver"))
    (benchmark.rounds, benchmark.rooms, benchmark.rates) = (1, [2], [100])
    (benchmark.deliveries, benchmark.pacedSeconds) = (1000, 0.1)
    var said: [String] = []
    let isClean = try benchmark.run(say: { said.append($0) }, onProgress: { _ in })

    #expect(isClean, "\(said)")
    // The others may be missing here, and then that is said.
    for peer in Contender.allCases { #expect(said.contains { $0.contains(peer.name) }) }
    let text = { (name: String) in try String(contentsOfFile: directory.file("bench/\(name)"), encoding: .utf8) }
    #expect(try text("bench.md").contains("| people in the room | mychatserver |"))
    #expect(try text("cost.svg").contains("mychatserver</text>"))
    // What the load tool was too slow for is marked in the table, and not plotted.
    let row = try text("bench.md").split(separator: "\n").first { $0.hasPrefix("| 100 | ") }
    let isMarked = try #require(row).split(separator: "|")[1].contains("*")
    #expect(try text("latency.svg").contains("mychatserver</text>") != isMarked)
    let runs = try text("runs.jsonl").split(separator: "\n")
    #expect(runs.count >= 2)
    for run in runs { _ = try JSONSerialization.jsonObject(with: Data(run.utf8)) }
  }

  @Test func `A server that does not start is left out, and the benchmark says that ours failed`() throws {
    let directory = try TemporaryDirectory()
    var benchmark = Benchmark(directory: directory.file("bench"), server: try Program.found("false"))
    (benchmark.rounds, benchmark.rooms, benchmark.rates) = (1, [2], [])
    benchmark.deliveries = 10
    var said: [String] = []
    #expect(try !benchmark.run(say: { said.append($0) }, onProgress: { _ in }))
    #expect(said.contains("[SKIPPED] mychatserver, from room of 2 on: It ended at once."))
  }
}
