import ChatServer
import ChatWire
import TestSupport
import Testing

/// What `--rate` has to stand.
@Suite(.timeLimit(.minutes(10))) struct HostileRateTests {
  @Test(arguments: EventLayer.allCases)
  func `Blank lines count as lines`(layer: EventLayer) throws {
    let server = try RunningServer(layer) { $0.rate = RateLimit(parsing: "100:5") }
    let (blank, other) = (try server.peer(), try server.peer())
    try server.settle()
    let start = ContinuousClock.now
    try blank.send(String(repeating: "\n", count: 45) + "after the blanks\n")
    try blank.expect("* You send more than 100 lines a second; your lines go out at that rate, and none is lost.")
    try other.expect("\(blank.localPort): after the blanks")
    #expect(ContinuousClock.now - start >= .milliseconds(390))
  }

  @Test(arguments: EventLayer.allCases)
  func `An endless line is read no faster than the rate`(layer: EventLayer) throws {
    let server = try RunningServer(layer) { $0.rate = RateLimit(parsing: "20:10") }
    let (endless, other) = (try server.peer(), try server.peer())
    try server.settle()
    let start = ContinuousClock.now
    // 40 KiB cost as much as 40 lines.
    try endless.send(String(repeating: "x", count: 40 << 10) + "\nafter it\n")
    try other.expect("\(endless.localPort): after it")
    #expect(ContinuousClock.now - start >= .seconds(1))
  }

  @Test(arguments: EventLayer.allCases)
  func `A peer that has left gives its place back and what is dropped is logged`(layer: EventLayer) throws {
    let server = try RunningServer(layer) {
      $0.rate = RateLimit(parsing: "10:1")
      $0.maximumMembers = 3
      $0.departureLimit = .milliseconds(300)
    }
    let crowd = try (0..<3).map { _ in try server.peer() }
    try server.settle()
    for peer in crowd {
      try peer.send(String(repeating: "a\n", count: 30_000))
      try peer.finishSending()
    }
    for peer in crowd {
      let notice = try #require(
        String(decoding: try peer.receiveAll(), as: UTF8.self).split(separator: "\n").first { $0.hasSuffix(" sent.") })
      let count = try #require(notice.split(separator: " ").compactMap { Int($0) }.first)
      #expect((29_900..<30_000).contains(count), "\(notice)")
      try server.waitForLog("[DROPPED] ('127.0.0.1', \(peer.localPort)): \(count) lines were not sent.")
    }
    try server.wait("them to leave") { $0.left == 3 }
    _ = try server.peer()
    try server.wait("a place for somebody else") { $0.accepted == 4 }
  }
}
