import ChatServer
import ChatWire
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ServerTests {
  @Test(arguments: ServerKind.allCases)
  func `A line goes to everybody but its sender, under the sender's port`(kind: ServerKind) throws {
    let server = try RunningServer(kind)
    let (a, b, c) = (try server.peer(), try server.peer(), try server.peer())
    try server.settle()
    try a.send("Hi everyone!\n")
    try b.expect("\(a.localPort): Hi everyone!")
    try c.expect("\(a.localPort): Hi everyone!")
    try c.send("Hello\r\n\n   \nthere\n")
    for peer in [a, b] {
      try peer.expect("\(c.localPort): Hello")
      try peer.expect("\(c.localPort): there")
    }
    #expect(try c.peek().isEmpty)
    try server.waitForLog("[('127.0.0.1', \(a.localPort))] Relaying message: \(a.localPort): Hi everyone!")
  }

  @Test(arguments: ServerKind.allCases)
  func `exit leaves, and so does closing; only a reset is a lost connection`(kind: ServerKind) throws {
    let server = try RunningServer(kind)
    let (a, b, c) = (try server.peer(), try server.peer(), try server.peer())
    try server.settle()
    try a.send("last words\n  ExIt \nnot heard\n")
    try a.expectClosed()
    try b.expect("\(a.localPort): last words")
    try server.waitForLog("[DISCONNECTED] ('127.0.0.1', \(a.localPort)) has been removed.")
    b.close()
    try server.waitForLog("[DISCONNECTED] ('127.0.0.1', \(b.localPort)) has been removed.")
    try c.reset()
    try server.waitForLog("[DISCONNECTED] ('127.0.0.1', \(c.localPort)) has been removed.")
    let logged = server.logged
    #expect(
      logged.filter { $0.hasSuffix("Sent exit command.") } == ["[('127.0.0.1', \(a.localPort))] Sent exit command."])
    #expect(
      logged.filter { $0.hasPrefix("[CONNECTION LOST]") }
        == ["[CONNECTION LOST] ('127.0.0.1', \(c.localPort)) disconnected unexpectedly."])
  }

  @Test(arguments: ServerKind.allCases)
  func `A peer that sends no newline is heard after a pause, until its first newline`(kind: ServerKind) throws {
    let server = try RunningServer(kind)
    let (raw, other) = (try server.peer(), try server.peer())
    try server.settle()
    try raw.send("first")
    try other.expect("\(raw.localPort): first")
    try raw.send("second")
    try other.expect("\(raw.localPort): second")
    try raw.send("now with\n")
    try other.expect("\(raw.localPort): now with")
    try raw.send("half")
    try other.send("in between\n")
    try raw.expect("\(other.localPort): in between")
    try raw.send(" done\n")
    try other.expect("\(raw.localPort): half done")
    try raw.send("exit")
    try raw.finishSending()
    try raw.expectClosed()
    try server.waitForLog("[('127.0.0.1', \(raw.localPort))] Sent exit command.")
  }

  @Test(arguments: ServerKind.allCases)
  func `The end of the stream ends the last line`(kind: ServerKind) throws {
    let server = try RunningServer(kind)
    let (a, b) = (try server.peer(), try server.peer())
    try server.settle()
    try a.send("one\ntwo")
    try a.finishSending()
    try b.expect("\(a.localPort): one")
    try b.expect("\(a.localPort): two")
    try a.expectClosed()
  }

  @Test(arguments: ServerKind.allCases)
  func `Bytes that are no text, and lines that are too long, cost their sender a notice and nobody a line`(
    kind: ServerKind
  ) throws {
    let server = try RunningServer(kind)
    let (a, b, raw) = (try server.peer(), try server.peer(), try server.peer())
    try server.settle()
    try a.send(String(repeating: "x", count: 8193) + "\nfine\n")
    try a.expect("* That line is longer than 8192 bytes; it was not sent.")
    try b.expect("\(a.localPort): fine")
    let exact = String(repeating: "y", count: 8192)
    try a.send(exact + "\r\n")
    try b.expect("\(a.localPort): \(exact)")
    try raw.send([0x16, 0x03, 0x01, 0x00, 0xff, 0xfe])
    try raw.expect("\(a.localPort): fine")
    try raw.expect("\(a.localPort): \(exact)")
    try raw.expect("* That was not text; it was not sent.")
  }

  @Test(arguments: ServerKind.allCases)
  func `Text that could harm a terminal is shown, not obeyed`(kind: ServerKind) throws {
    let server = try RunningServer(kind)
    let (a, b) = (try server.peer(), try server.peer())
    try server.settle()
    try a.send(Array("\u{1b}[2Jred \u{202e}abc \u{9b}m 👩‍👩‍👧 tab\t.".utf8) + [0xff, 0x0A])
    try b.expect("\(a.localPort): ^[[2Jred <U+202E>abc <U+009B>m 👩‍👩‍👧 tab\t.\u{fffd}")
  }

  @Test(arguments: ServerKind.allCases)
  func `A line that is too long in its safe form costs its sender a notice and nobody a line`(kind: ServerKind) throws {
    let server = try RunningServer(kind)
    let (a, b) = (try server.peer(), try server.peer())
    try server.settle()
    // Two bytes each, and eight once they are made safe: 8,192 are the most that is said.
    try a.send(String(repeating: "\u{85}", count: 1025) + "\n")
    try a.send(String(repeating: "\u{85}", count: 1024) + "\n")
    try b.expect("\(a.localPort): " + String(repeating: "<U+0085>", count: 1024))
    try a.expect("* That line is longer than 8192 bytes; it was not sent.")
    #expect(try a.peek().isEmpty)
  }

  @Test(arguments: ServerKind.allCases)
  func `A server that is full says so, and those inside notice nothing`(kind: ServerKind) throws {
    let server = try RunningServer(kind) { $0.maximumMembers = 2 }
    let (a, b) = (try server.peer(), try server.peer())
    try server.settle()
    let third = try server.peer()
    try third.send("let me in\n")
    try third.expect("* Server is full")
    try third.expectClosed()
    try a.send("still here\n")
    try b.expect("\(a.localPort): still here")
    third.close()
    b.close()
    try server.wait("one to leave") { $0.left == 1 }
    try eventually("a place that became free") {
      let next = try server.peer()
      try next.send("hello\n")
      return try a.expectLine() == "\(next.localPort): hello"
    }
  }

  @Test(arguments: ServerKind.allCases)
  func `A sender faster than --rate is slowed and told once, and loses nothing`(kind: ServerKind) throws {
    let server = try RunningServer(kind) { $0.rate = RateLimit(parsing: "200:20") }
    let (fast, other) = (try server.peer(), try server.peer())
    try server.settle()
    let start = ContinuousClock.now
    try fast.send((0..<100).map { "line \($0)\n" }.joined() + "exit\n")
    for number in 0..<100 { try other.expect("\(fast.localPort): line \(number)") }
    // 20 at once and the other 80 at 200 a second take 0.4 s; never less, however fast the machine.
    #expect(ContinuousClock.now - start >= .milliseconds(390))
    try fast.expect("* You send more than 200 lines a second; your lines go out at that rate, and none is lost.")
    try fast.expectClosed()
  }

  @Test(arguments: ServerKind.allCases)
  func `While somebody is behind, a bulk sender has to wait, and a member who says one line is heard`(kind: ServerKind)
    throws
  {
    let server = try RunningServer(kind) { $0.patience = .seconds(60) }
    let swarm = try Swarm(connectingTo: server.addresses[0])
    let (pourer, talker, listener, stalled) = (try swarm.add(), try swarm.add(), try swarm.add(), try swarm.add())
    try server.wait("all of them to be in the room") { $0.accepted == 4 }
    let line = Array(String(repeating: "p", count: 999).utf8) + [0x0A]
    let lines = 20_000
    swarm.setReading(false, of: stalled)
    swarm.say(Array(repeating: line, count: lines).joined(), by: pourer)
    var poured = 0
    var isHeard = false
    var lastCame = ContinuousClock.now
    // All that the room lets anybody be behind is said, and nothing moves any more.
    try swarm.run("the pourer to wait") { _ in
      poured > 0 && ContinuousClock.now - lastCame > .milliseconds(500)
    } line: { peer, _, _ in
      guard peer === listener else { return }
      poured += 1
      lastCame = .now
    }
    #expect(poured < lines, "the pourer waits")
    swarm.say("and I say this\n".utf8, by: talker)
    try swarm.run("the talker to be heard") { _ in
      isHeard
    } line: { peer, bytes, _ in
      if peer === listener { isHeard = bytes.elementsEqual("\(talker.port): and I say this".utf8) }
    }
    // Nothing of it is lost when the one who is behind reads on.
    swarm.setReading(true, of: stalled)
    var got = 0
    try swarm.run("all of it to be read; \(got) lines are") { _ in
      got == lines + 1
    } line: { peer, _, _ in
      if peer === stalled { got += 1 }
    }
  }

  @Test(arguments: ServerKind.allCases)
  func `Under --rate, a peer that resets is gone at once`(kind: ServerKind) throws {
    let server = try RunningServer(kind) { $0.rate = RateLimit(parsing: "10:5") }
    let fast = try server.peer()
    try server.settle()
    try fast.send((0..<1000).map { "line \($0)\n" }.joined())
    try fast.expect("* You send more than 10 lines a second; your lines go out at that rate, and none is lost.")
    try fast.reset()
    try server.waitForLog("[CONNECTION LOST] ('127.0.0.1', \(fast.localPort)) disconnected unexpectedly.")
  }

  @Test(arguments: ServerKind.allCases)
  func `Nothing of a line that a reset cuts off is relayed`(kind: ServerKind) throws {
    let server = try RunningServer(kind)
    let (talker, listener) = (try server.peer(), try server.peer())
    try server.settle()
    for round in 0..<50 {
      let cut = try server.peer()
      try server.settle()
      try cut.send("whole\nthis is only the first ha")
      try listener.expect("\(cut.localPort): whole")
      // Written to just when it has gone, it is found out by that, and not by reading.
      try talker.send("round \(round)\n")
      try cut.reset()
      try listener.expect("\(talker.localPort): round \(round)")
    }
  }

  @Test(arguments: ServerKind.allCases)
  func `A peer that takes no byte is given up, and one that takes a few now and then is not`(kind: ServerKind) throws {
    let server = try RunningServer(kind) {
      $0.silenceLimit = .seconds(6)
      $0.standstillLimit = .seconds(6)
      $0.patience = .zero
    }
    let (talker, slow) = (try server.peer(), try server.peer(receiveBuffer: 4096))
    let stuck = try server.peer(receiveBuffer: 4096)
    try server.settle()
    let line = String(repeating: "w", count: 8000) + "\n"
    let lost = "[CONNECTION LOST] ('127.0.0.1', \(stuck.localPort)) disconnected unexpectedly."
    for _ in 0..<20 { try talker.send(line) }
    try eventually("the one that takes nothing to be lost") {
      try talker.send(line)
      _ = try slow.expectBytes(1000)
      return server.server.counters.lost > 0
    }
    try server.waitForLog(lost)
    // It has taken a few bytes in each of several times that long.
    let end = ContinuousClock.now + .seconds(13)
    try eventually("thirteen seconds to go by") {
      try talker.send(line)
      _ = try slow.expectBytes(1000)
      return ContinuousClock.now > end
    }
    #expect(server.server.counters.lost == 1)
  }

  @Test(arguments: ServerKind.allCases)
  func `A peer that answers and reads nothing for longer than a vanished one may is kept`(kind: ServerKind) throws {
    let server = try RunningServer(kind) {
      // The peer's machine answers when something is sent again: 0.2, 0.4, 0.8, 1.6, 3.3 s later. In between these, so that
      // an answer may be late.
      $0.silenceLimit = .milliseconds(2500)
      $0.patience = .zero
    }
    let (talker, slow) = (try server.peer(), try server.peer(receiveBuffer: 4096))
    try server.settle()
    for _ in 0..<20 { try talker.send(String(repeating: "w", count: 8000) + "\n") }
    let end = ContinuousClock.now + .seconds(8)
    try eventually("eight seconds to go by") { ContinuousClock.now > end }
    // It reads on, and nothing is missing.
    for _ in 0..<20 { try slow.expect("\(talker.localPort): " + String(repeating: "w", count: 8000)) }
  }

  @Test(arguments: ServerKind.allCases)
  func `A stop gives everybody what is on its way, whatever they have sent meanwhile`(kind: ServerKind) throws {
    let server = try RunningServer(kind)
    let (a, b) = (try server.peer(), try server.peer(receiveBuffer: 4096))
    try server.settle()
    // 200 KB on their way to one that reads none of it yet, and has itself said things that nobody has read.
    let line = String(repeating: "z", count: 999) + "\n"
    for _ in 0..<200 { try a.send(line) }
    try a.send("last\n")
    try server.wait("all lines to be said") { $0.said == 201 }
    try b.send("unread\n")
    server.server.stop()
    var got = try b.receiveAll()
    let end = Array("\(a.localPort): last\n".utf8)
    #expect(got.suffix(end.count).elementsEqual(end))
    got.removeLast(end.count)
    #expect(got.count == 200 * (1000 + "\(a.localPort): ".utf8.count))
    #expect(server.wait())
  }
}
