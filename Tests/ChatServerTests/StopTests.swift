import ChatServer
import ChatWire
import TestSupport
import Testing

/// What members sent before a stop is said, even where it had to wait.
@Suite(.timeLimit(.minutes(10))) struct StopTests {
  @Test(arguments: ServerKind.allCases)
  func `Whoever reads late after a stop still gets all that was said`(kind: ServerKind) throws {
    // However busy the machine is, the time suffices.
    let server = try RunningServer(kind) { $0.goodbye = .seconds(20) }
    let (talker, late) = (try server.peer(), try server.peer(receiveBuffer: 4096))
    try server.settle()
    for _ in 0..<200 { try talker.send(String(repeating: "z", count: 999) + "\n") }
    try server.wait("all lines to be said") { $0.said == 200 }
    server.server.stop()
    let start = ContinuousClock.now
    try eventually("a second to go by") { ContinuousClock.now - start > .seconds(1) }
    #expect(try late.receiveAll().count == 200 * (1000 + "\(talker.localPort): ".utf8.count))
    #expect(server.wait())
  }

  @Test(arguments: ServerKind.allCases)
  func `A stop says what the rate held back`(kind: ServerKind) throws {
    let server = try RunningServer(kind) { $0.rate = RateLimit(parsing: "2:2") }
    let (first, talker, listener) = (try server.peer(), try server.peer(), try server.peer())
    try server.settle()
    let lines = (0..<10).map { "line \($0)" }
    try talker.send(lines.joined(separator: "\n") + "\n")
    try talker.expect("* You send more than 2 lines a second; your lines go out at that rate, and none is lost.")
    server.server.stop()
    // Whoever came before the talker hears all of it as well as whoever came after.
    for peer in [first, listener] {
      for line in lines { try peer.expect("\(talker.localPort): \(line)") }
      try peer.expectClosed()
    }
    #expect(try talker.receiveAll().isEmpty)
    #expect(server.wait())
  }

  @Test(arguments: ServerKind.allCases)
  func `A stop says the message that waits for a pause`(kind: ServerKind) throws {
    let server = try RunningServer(kind) { $0.quietInterval = .seconds(60) }
    let (listener, raw) = (try server.peer(), try server.peer())
    try server.settle()
    try raw.send("no newline")
    // Whatever came before it on this connection has been read; the message itself is read by the stop at the latest.
    server.server.stop()
    try listener.expect("\(raw.localPort): no newline")
    #expect(server.wait())
  }

  @Test(arguments: ServerKind.allCases)
  func `A stop says what a crowded room held back or counts it`(kind: ServerKind) throws {
    let server = try RunningServer(kind) {
      $0.patience = .seconds(60)
      $0.logBytes = 256 << 10
    }
    let (listener, pourer) = (try server.peer(), try server.peer())
    let stalled = try server.peer(receiveBuffer: 4096)
    defer { withExtendedLifetime(stalled) {} }
    try server.settle()
    let line = String(repeating: "p", count: 999)
    var sent = 0
    /// A few at a time, so that all are with the server: what is still with its sender's kernel at the stop counts as never sent.
    func pour() throws {
      try pourer.send(String(repeating: line + "\n", count: 20))
      sent += 20
      try eventually("the server's kernel to have the lines") { try pourer.unacknowledgedBytes == 0 }
    }
    // The log keeps all for the one that does not read, until it is so full that the server has to hold lines back.
    var isHeldBack = false
    while !isHeldBack {
      try #require(sent < 6000)
      try pour()
      try server.wait("the lines to be said or held back") {
        isHeldBack = $0.heldBack == 1
        return isHeldBack || $0.said >= sent
      }
    }
    try pour()
    // Before the stop, which waits for nobody longer than two seconds.
    var heard = server.server.counters.said
    for _ in 0..<heard { try listener.expect("\(pourer.localPort): \(line)") }
    server.server.stop()
    heard += String(decoding: try listener.receiveAll(), as: UTF8.self).split(separator: "\n").count
    let answer = String(decoding: try pourer.receiveAll(), as: UTF8.self)
    #expect(heard < sent)
    #expect(answer == "* \(sent - heard) lines were not sent.\n")
    #expect(server.wait())
  }

  @Test(arguments: ServerKind.allCases)
  func `A stop relays or counts all that many senders had to hold back`(kind: ServerKind) throws {
    let server = try RunningServer(kind) {
      $0.rate = RateLimit(parsing: "2:2")
      // However busy the machine is, the time suffices.
      $0.goodbye = .seconds(40)
    }
    let swarm = try Swarm(connectingTo: server.addresses[0])
    let listener = try swarm.add()
    let senders = try swarm.add(20)
    try server.wait("all to be in the room") { $0.accepted == 21 }
    let each = 2000
    let lines = Array(String(repeating: String(repeating: "h", count: 99) + "\n", count: each).utf8)
    for sender in senders { swarm.say(lines, by: sender) }
    var isStopped = false
    var (heard, skipped, told) = (0, 0, 0)
    try swarm.run("the server to end all streams") { _ in
      if !isStopped, server.server.counters.said >= 2 * senders.count, senders.allSatisfy({ $0.unsentBytes == 0 }) {
        isStopped = true
        server.server.stop()
      }
      return ([listener] + senders).allSatisfy { $0.state != .open }
    } line: { peer, bytes, _ in
      let notice = String(decoding: bytes.prefix(64), as: UTF8.self)
      let count = notice.hasPrefix("* ") ? notice.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0 : 0
      if notice.hasSuffix(" lines were not sent.") {
        told += count
      } else if peer === listener {
        if notice.hasSuffix(" lines skipped") { skipped += count } else { heard += 1 }
      }
    }
    swarm.closeAll()
    let said = server.server.counters.said
    #expect(said + told == senders.count * each)
    #expect(heard + skipped == said)
    #expect(server.wait())
  }
}
