import ChatLoad
import Foundation
import FoundationXML
import Testing

@testable import mychatload

@Suite(.timeLimit(.minutes(10)))
struct PlotTests {
  static func results() -> BenchmarkResults {
    var plan = Benchmark(directory: "unused", server: "unused")
    plan.rooms = [2, 100]
    plan.rates = [100, 10_000]
    let machine = Machine(processor: "Abacus <9000> & sons", cores: 2, kernel: "6.1", date: "2026-11-22")
    var results = BenchmarkResults(plan: plan, machine: machine)
    for (index, peer) in Contender.allCases.enumerated() {
      for point in plan.points {
        // Three rounds, of which the middle one counts.
        for factor in [3, 1, 2] {
          var report = ReportTests.report
          report.elapsed.serverCPU = UInt64(factor * (index + 1) * 100_000)
          results.add(report, of: peer, at: point)
        }
      }
    }
    results.skip(.ncat, [.room(100)], because: "it gave up")
    return results
  }

  @Test(arguments: [true, false])
  func `The plots are well-formed and say what they show`(isCost: Bool) throws {
    let results = Self.results()
    let svg = isCost ? results.costPlot.svg : results.latencyPlot.svg
    let document = try XMLDocument(xmlString: svg)
    let texts = try document.nodes(forXPath: "//*[local-name()='text']").compactMap(\.stringValue)
    for name in Contender.allCases.map(\.name) { #expect(texts.contains(name)) }
    let expected =
      isCost
      ? ["people in the room", "server CPU time per delivery", "2", "100", "200 ns", "1 µs"]
      : [
        "lines said per second", "latency, half of the lines (p50)", "latency, all but 1 in 100 (p99)", "10,000",
        "50 µs",
      ]
    for label in expected { #expect(texts.contains(label), "'\(label)' is missing among \(texts)") }
    #expect(svg.contains("prefers-color-scheme: dark"))
  }

  @Test func `Every figure that was measured is a dot, and none that was not`() throws {
    let document = try XMLDocument(xmlString: Self.results().costPlot.svg)
    // Five servers in two rooms, but ncat in one.
    #expect(try document.nodes(forXPath: "//*[local-name()='circle']").count == 9)
  }

  @Test func `A plot of nothing says so`() throws {
    let plan = Benchmark(directory: "unused", server: "unused")
    let results = BenchmarkResults(plan: plan, machine: .current)
    #expect(try XMLDocument(xmlString: results.costPlot.svg).stringValue?.contains("nothing was measured") == true)
  }

  @Test func `Names that would overlap are moved apart, and no further`() {
    #expect(Plot.spread([10, 100], by: 15) == [10, 100])
    #expect(Plot.spread([50, 50], by: 15) == [42.5, 57.5])
    #expect(Plot.spread([10, 50, 50, 53], by: 10) == [10, 41, 51, 61])
    #expect(Plot.spread([], by: 10) == [])
  }

  @Test func `Ticks are round numbers around the values`() {
    #expect(Plot.ticks(from: 73, to: 3191) == [50, 100, 200, 500, 1000, 2000, 5000])
    #expect(Plot.ticks(from: 900, to: 9.4e9) == [100, 1000, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10])
    #expect(Plot.ticks(from: 100, to: 100) == [100, 200])
  }

  @Test func `The tables have the medians, the machine, and what was left out`() {
    let text = Self.results().markdown
    #expect(text.contains("Abacus <9000> & sons, 2 cores, Linux 6.1, 2026-11-22; median of 3 rounds"))
    #expect(text.contains("| 2 | 200 | 400 | 600 | 800 | 1,000 |"))
    #expect(text.contains("| 100 | 200 | 400 | 600 | 800 | – |"))
    #expect(text.contains("| 10,000 | 50 µs / 99.1 µs |"))
    #expect(text.contains("- ncat --chat was left out (room of 100): it gave up"))
  }
}
