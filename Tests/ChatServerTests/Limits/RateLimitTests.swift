import ChatWire
import Testing

@testable import ChatServer

@Suite(.timeLimit(.minutes(10))) struct RateLimitTests {
  @Test(arguments: [("10", "10:10"), ("10:50", "10:50"), ("1:1", "1:1")])
  func `A rate is written LINES or LINES:BURST`(text: String, meaning: String) {
    #expect(RateLimit(parsing: text)?.description == meaning)
  }

  @Test(arguments: ["", "0", "-1", "10:", ":5", "10:0", "ten", "1:2:3", "1.5", "2000000"])
  func `Anything else is no rate`(text: String) { #expect(RateLimit(parsing: text) == nil) }

  @Test func `A burst is free and then lines come at the rate`() throws {
    let limit = try #require(RateLimit(parsing: "10:3"))
    let start = Moment(nanoseconds: 1_000_000_000)
    var meter = RateMeter()
    for _ in 0..<3 {
      #expect(meter.wait(at: start, for: limit) == nil)
      meter.chargeLine(of: 5, at: start, for: limit)
    }
    #expect(meter.wait(at: start, for: limit) == start + .milliseconds(100))
    #expect(meter.wait(at: start + .milliseconds(100), for: limit) == nil)
  }

  @Test(arguments: [(0, 1), (1023, 1), (1024, 2), (8192, 9)])
  func `A long line costs as much as several`(bytes: Int, lines: Int) throws {
    let limit = try #require(RateLimit(parsing: "10:1"))
    let start = Moment(nanoseconds: 1_000_000_000)
    var meter = RateMeter()
    meter.chargeLine(of: bytes, at: start, for: limit)
    #expect(meter.wait(at: start, for: limit) == start + .milliseconds(100) * lines)
  }

  @Test func `Bytes of a skipped line are charged`() throws {
    let limit = try #require(RateLimit(parsing: "10:1"))
    let start = Moment(nanoseconds: 1_000_000_000)
    var meter = RateMeter()
    meter.chargeSkipped(bytes: 2048, at: start, for: limit)
    #expect(meter.wait(at: start, for: limit) == start + .milliseconds(200))
  }
}
