import TestSupport
import Testing

@testable import ChatServer

@Suite(.timeLimit(.minutes(10)))
struct MetricsFileTests {
  @Test func `Of two servers that were told the same file, each writes it as a whole`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("lab.prom")
    let files = try (0..<2).map { _ in try MetricsFile(tried: path) }
    let whole = PrometheusText.text(of: Counters(), version: Server.version).utf8.count
    for round in 0..<200 {
      for file in files { for _ in 0..<10 { file.save(Counters()) } }
      if round > 0 { #expect(contents(of: path).count == whole) }
      for file in files { file.drain(seconds: 30) }
    }
    #expect(contents(of: path).count == whole)
  }
}
