import ChatServer
import ChatWire
import TestSupport
import Testing

/// What `--rate` has to stand.
@Suite(.timeLimit(.minutes(10))) struct HostileRateTests {
  @Test(arguments: ServerKind.allCases)
  func `Blank lines count as lines`(kind: ServerKind) throws {
    let server = try RunningServer(kind) { $0.rate = RateLimit(parsing: "100:5") }
    let (blank, other) = (try server.peer(), try server.peer())
    try server.settle()
    let start = ContinuousClock.now
    try blank.send(String(repeating: "\n", count: 45) + "after the blanks\n")
    try blank.expect("* You send more than 100 lines a second; your lines go out at that rate, and none is lost.")
    try other.expect("\(blank.localPort): after the blanks")
    #expect(ContinuousClock.now - start >= .milliseconds(390))
  }

  @Test(arguments: ServerKind.allCases)
  func `An endless line is read no faster than the rate`(kind: ServerKind) throws {
    let server = try RunningServer(kind) { $0.rate = RateLimit(parsing: "20:10") }
    let (endless, other) = (try server.peer(), try server.peer())
    try server.settle()
    let start = ContinuousClock.now
    // 40 KiB cost as much as 40 lines.
    try endless.send(String(repeating: "x", count: 40 << 10) + "\nafter it\n")
    try other.expect("\(endless.localPort): after it")
    #expect(ContinuousClock.now - start >= .seconds(1))
  }

  @Test(arguments: ServerKind.allCases)
  func `A peer that has left gives its place back and what is dropped is logged`(kind: ServerKind) throws {
    let server = try RunningServer(kind) {
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

  @Test(arguments: ServerKind.allCases)
  func `Lines that a broken connection had to hold back are logged as dropped`(kind: ServerKind) throws {
    let server = try RunningServer(kind) { $0.rate = RateLimit(parsing: "1:1") }
    let fast = try server.peer()
    try server.settle()
    try fast.send(String(repeating: "line\n", count: 100))
    try fast.expect("* You send more than 1 lines a second; your lines go out at that rate, and none is lost.")
    try fast.reset()
    try server.wait("the peer to be lost") { $0.lost == 1 }
    #expect(server.server.counters.dropped >= 95)
    #expect(server.server.counters.dropped + server.server.counters.said <= 100)
    #expect(server.logged.contains { $0.hasPrefix("[DROPPED] ('127.0.0.1', \(fast.localPort)): ") })
  }

  @Test(arguments: ServerKind.allCases)
  func `Whoever has left pours no faster than the rate`(kind: ServerKind) throws {
    let server = try RunningServer(kind) {
      $0.rate = RateLimit(parsing: "2:2")
      $0.goodbye = .seconds(60)
    }
    let poured = try server.peer()
    try server.settle()
    try poured.send("exit\n")
    try poured.expectClosed()
    let junk = [UInt8](repeating: 0x78, count: 1 << 16)
    var sent = 0
    let end = ContinuousClock.now + .seconds(1)
    try eventually("a second to go by") {
      sent += try poured.sendWithoutWaiting(junk[...])
      return ContinuousClock.now > end
    }
    // What the kernels hold between the two is a few MB; a second of free pouring would be hundreds.
    #expect(sent < 16 << 20)
  }

  @Test(arguments: ServerKind.allCases)
  func `Whoever leaves under a rate need not wait for that`(kind: ServerKind) throws {
    let server = try RunningServer(kind) { $0.rate = RateLimit(parsing: "1:1") }
    let (leaver, other) = (try server.peer(), try server.peer())
    try server.settle()
    try leaver.send("one line\nexit")
    try leaver.finishSending()
    try other.expect("\(leaver.localPort): one line")
    // Not even a notice: to a program that says one line, any would be an objection to it.
    #expect(try leaver.receiveAll().isEmpty)
  }
}
