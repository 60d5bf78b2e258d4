import ChatRedis
import ChatServer
import ChatWire
import TestSupport
import Testing

/// What members notice while Redis is away, and that nothing of theirs is lost or said twice.
@Suite(.enabled(if: RedisServer.isInstalled), .timeLimit(.minutes(10)))
struct AwayTests {
  private static let isDown = "* The link to the other servers is down; what you send waits."
  private static let isBack = "* The link to the other servers is back."

  /// A server of a shared room whose Redis is this test's own.
  private struct Scene {
    let redis: RedisServer
    let server: RunningServer

    init(_ configure: (inout Configuration) -> Void = { _ in }) throws {
      let redis = try RedisServer(onUnixSocket: true)
      server = try RunningServer(.shared) {
        $0.redis = RedisAddress(address: redis.address)
        configure(&$0)
      }
      self.redis = redis
    }

    /// Two members who have heard each other.
    func pair() throws -> (Dialogue, Dialogue) {
      let (a, b) = (try server.peer(), try server.peer())
      try server.settle()
      try b.send("hello\n")
      try a.expect("\(b.localPort): hello")
      try a.send("hello\n")
      try b.expect("\(a.localPort): hello")
      return (a, b)
    }

    /// Somebody who is in the room, as `other` sees. Before that, whatever it sends would wait for its name.
    func member(knownTo other: Dialogue) throws -> Dialogue {
      let peer = try server.peer()
      try eventually("\(peer.localPort) to be in the room") {
        try other.send("/who\n")
        let count = try other.expectLine().split(separator: " ").compactMap { Int($0) }.first ?? 0
        let people = try (0..<count).map { _ in try other.expectLine() }
        return people.contains { $0.contains(":\(peer.localPort), since") }
      }
      return peer
    }
  }

  @Test func `Whoever sends or comes while Redis does not answer is told once, and all of it is said when it does`()
    throws
  {
    let scene = try Scene()
    let (a, b) = try scene.pair()
    let leaver = try scene.member(knownTo: b)
    scene.redis.pause()
    try a.send("one\n")
    try a.expect(Self.isDown)
    try a.send("two\n")
    let late = try scene.server.peer()
    try late.expect(Self.isDown)
    try late.send("three\n")
    // Who has nothing to send reads what is there, and leaves.
    try leaver.send("exit\n")
    try leaver.expectClosed()
    try b.send("/last 1\n")
    #expect(try b.expectLine().hasSuffix(" \(a.localPort): hello"))
    scene.redis.resume()
    let came = try (0..<3).map { _ in try b.expectLine() }
    #expect(came.filter { $0.hasPrefix("\(a.localPort): ") } == ["one", "two"].map { "\(a.localPort): \($0)" })
    #expect(came.contains("\(late.localPort): three"))
    try b.send("over\n")
    for (peer, others) in [(a, ["\(late.localPort): three"]), (late, ["\(a.localPort): one", "\(a.localPort): two"])] {
      let got = try (0..<others.count + 2).map { _ in try peer.expectLine() }
      #expect(Set(got) == Set(others + [Self.isBack, "\(b.localPort): over"]))
      #expect(got.last == "\(b.localPort): over")
      #expect(try peer.peek().isEmpty)
    }
    #expect(try b.peek().isEmpty)
  }

  @Test func `Somebody who pours while Redis is away is read no further, and every line is said once and in order`()
    throws
  {
    let scene = try Scene()
    let (pourer, listener) = try scene.pair()
    scene.redis.pause()
    let count = 4000
    let lines = (0..<count).map { "line \($0) " + String(repeating: "p", count: 200) }
    let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
    var sent = try pourer.sendWithoutWaiting(bytes[...])
    try pourer.expect(Self.isDown)
    scene.redis.resume()
    for line in lines {
      if sent < bytes.count { sent += try pourer.sendWithoutWaiting(bytes[sent...]) }
      try listener.expect("\(pourer.localPort): \(line)")
    }
    try pourer.expect(Self.isBack)
    #expect(try listener.peek().isEmpty)
    #expect(try pourer.peek().isEmpty)
  }

  @Test func `A message that ends with a pause is said once although there was no space for it`() throws {
    let scene = try Scene()
    let (pourer, listener) = try scene.pair()
    let (raw, leaving) = (try scene.member(knownTo: listener), try scene.member(knownTo: listener))
    scene.redis.pause()
    let line = String(repeating: "p", count: 999)
    let count = 100
    try pourer.send(String(repeating: line + "\n", count: count))
    try pourer.expect(Self.isDown)
    try raw.send("no newline")
    try leaving.send("the end of the stream is the end of this")
    try leaving.finishSending()
    for peer in [raw, leaving] { try peer.expect(Self.isDown) }
    scene.redis.resume()
    var came: [String: Int] = [:]
    for _ in 0..<count + 2 { came[try listener.expectLine(), default: 0] += 1 }
    #expect(
      came == [
        "\(pourer.localPort): \(line)": count, "\(raw.localPort): no newline": 1,
        "\(leaving.localPort): the end of the stream is the end of this": 1,
      ])
    try scene.server.wait("the one to have left") { $0.left == 1 && $0.lost == 0 }
    try raw.send(" and more\n")
    try listener.expect("\(raw.localPort):  and more")
  }

  @Test func `Whoever leaves right before Redis is away hears the end when its last line is said`() throws {
    let scene = try Scene()
    let (other, listener) = try scene.pair()
    defer { withExtendedLifetime(other) {} }
    let (byExit, byEnd) = (try scene.member(knownTo: listener), try scene.member(knownTo: listener))
    scene.redis.pause()
    try byExit.send("last words\nexit\n")
    try byEnd.send("last words")
    try byEnd.finishSending()
    for peer in [byExit, byEnd] { try peer.expect(Self.isDown) }
    #expect(scene.server.server.counters.left == 0)
    scene.redis.resume()
    let came = Set([try listener.expectLine(), try listener.expectLine()])
    #expect(came == ["\(byExit.localPort): last words", "\(byEnd.localPort): last words"])
    for peer in [byExit, byEnd] {
      let rest = String(decoding: try peer.receiveAll(), as: UTF8.self).split(separator: "\n").map(String.init)
      let other = peer === byExit ? byEnd : byExit
      #expect(Set(rest).subtracting([Self.isBack, "\(other.localPort): last words"]).isEmpty)
    }
    try scene.server.waitForLog("[('127.0.0.1', \(byExit.localPort))] Sent exit command.")
    try scene.server.wait("both to have left") { $0.left == 2 && $0.lost == 0 }
    try scene.server.waitForLog(
      "[('127.0.0.1', \(byExit.localPort))] Relaying message: \(byExit.localPort): last words")
  }

  @Test func `What somebody said is heard although its connection was reset meanwhile`() throws {
    let scene = try Scene()
    let (other, listener) = try scene.pair()
    defer { withExtendedLifetime(other) {} }
    let gone = try scene.member(knownTo: listener)
    scene.redis.pause()
    try gone.send("I was here\n")
    try gone.expect(Self.isDown)
    try gone.reset()
    try scene.server.waitForLog("[CONNECTION LOST] ('127.0.0.1', \(gone.localPort)) disconnected unexpectedly.")
    scene.redis.resume()
    try listener.expect("\(gone.localPort): I was here")
    try scene.server.waitForLog("[('127.0.0.1', \(gone.localPort))] Relaying message: \(gone.localPort): I was here")
    #expect(scene.server.server.counters.dropped == 0)
  }

  @Test func `Somebody who is held and whose connection is reset is gone soon, and what was held is counted`() throws {
    let scene = try Scene()
    let (pourer, listener) = try scene.pair()
    scene.redis.pause()
    let line = String(repeating: "p", count: 999) + "\n"
    _ = try pourer.sendWithoutWaiting(Array(String(repeating: line, count: 400).utf8)[...])
    try pourer.expect(Self.isDown)
    try pourer.reset()
    try scene.server.waitForLog("[CONNECTION LOST] ('127.0.0.1', \(pourer.localPort)) disconnected unexpectedly.")
    let dropped = scene.server.server.counters.dropped
    #expect(dropped > 0)
    try scene.server.waitForLog("[DROPPED] ('127.0.0.1', \(pourer.localPort)): \(dropped) lines were not sent.")
    scene.redis.resume()
    // What the link had taken is said.
    try listener.expect("\(pourer.localPort): \(line.dropLast())")
  }

  @Test func `A server that stops while Redis is away tells how many lines were not sent, and does so in time`() throws
  {
    let scene = try Scene()
    let (a, b) = try scene.pair()
    let gone = try scene.member(knownTo: b)
    scene.redis.pause()
    try gone.send("nobody hears this\n")
    try gone.expect(Self.isDown)
    try gone.reset()
    try scene.server.waitForLog("[CONNECTION LOST] ('127.0.0.1', \(gone.localPort)) disconnected unexpectedly.")
    try a.send("one\ntwo\nthree\n")
    try a.expect(Self.isDown)
    let start = ContinuousClock.now
    #expect(scene.server.stop())
    #expect(ContinuousClock.now - start < .seconds(10))
    try a.expect("* 3 lines were not sent.")
    try a.expectClosed()
    try b.expectClosed()
    try scene.server.waitForLog("[DROPPED] ('127.0.0.1', \(a.localPort)): 3 lines were not sent.")
    // Redis finds this one when it goes on.
    try scene.server.waitForLog(
      "[DROPPED] ('127.0.0.1', \(gone.localPort)): it is not known whether 1 lines were sent.")
    #expect(scene.server.server.counters.dropped == 4)
  }

  @Test func `A server that nobody is at any more waits for what was said there, and tells if that is not known`()
    throws
  {
    let scene = try Scene()
    let gone = try scene.server.peer()
    try gone.send("/who\n")
    try gone.expect("* Nobody else is here.")
    _ = try gone.expectLine()
    scene.redis.pause()
    try gone.send("last words\n")
    try gone.expect(Self.isDown)
    try gone.reset()
    try scene.server.waitForLog("[CONNECTION LOST] ('127.0.0.1', \(gone.localPort)) disconnected unexpectedly.")
    #expect(scene.server.stop())
    try scene.server.waitForLog(
      "[DROPPED] ('127.0.0.1', \(gone.localPort)): it is not known whether 1 lines were sent.")
  }

  @Test func `A server that stops counts what it had to hold, to the line`() throws {
    let scene = try Scene { $0.goodbye = .seconds(4) }
    let (pourer, listener) = try scene.pair()
    scene.redis.pause()
    let count = 150
    try pourer.send(String(repeating: String(repeating: "p", count: 999) + "\n", count: count))
    try pourer.expect(Self.isDown)
    #expect(scene.server.stop())
    let perhaps = try Self.number(in: pourer.expectLine(), "* It is not known whether ", " of your lines were sent.")
    let unsent = try Self.number(in: pourer.expectLine(), "* ", " lines were not sent.")
    #expect(perhaps + unsent == count)
    // Two turns are on their way, at most.
    #expect((1...2 * Entry.maximumBytes / 1000).contains(perhaps))
    #expect(scene.server.server.counters.dropped == count)
    try pourer.expectClosed()
    try listener.expectClosed()
  }

  private static func number(in line: String, _ beginning: String, _ end: String) throws -> Int {
    try #require(line.hasPrefix(beginning) && line.hasSuffix(end), "\(line)")
    return try #require(Int(line.dropFirst(beginning.count).dropLast(end.count)))
  }

  @Test func `A stop says the message that waits for a pause although its sender had no name when the stop began`()
    throws
  {
    let scene = try Scene {
      $0.goodbye = .seconds(20)
      $0.quietInterval = .seconds(60)
    }
    let (other, listener) = try scene.pair()
    scene.redis.pause()
    let raw = try scene.server.peer()
    try scene.server.settle()
    try raw.send("no newline")
    scene.server.server.stop()
    scene.redis.resume()
    try listener.expect("\(raw.localPort): no newline")
    for peer in [other, listener, raw] { peer.close() }
    #expect(scene.server.wait())
  }

  @Test func `A stop says what Redis gives back in time`() throws {
    let scene = try Scene { $0.goodbye = .seconds(20) }
    let (a, b) = try scene.pair()
    scene.redis.pause()
    try a.send("one\ntwo\n")
    try a.expect(Self.isDown)
    scene.server.server.stop()
    scene.redis.resume()
    for line in ["one", "two"] { try b.expect("\(a.localPort): \(line)") }
    try b.expectClosed()
    let rest = String(decoding: try a.receiveAll(), as: UTF8.self)
    #expect(rest == "" || rest == Self.isBack + "\n")
    for peer in [a, b] { peer.close() }
    #expect(scene.server.wait())
  }
}
