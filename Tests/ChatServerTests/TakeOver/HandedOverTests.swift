import Glibc
import TestSupport
import Testing

@testable import ChatServer
@testable import ChatWire

/// What a server hands over, as the next program reads it.
@Suite(.timeLimit(.minutes(10))) struct HandedOverTests {
  /// The state of a server in which something of all kinds is under way.
  private func state() throws -> [UInt8] {
    let directory = try TemporaryDirectory()
    let token = directory.file("token")
    try TestSupport.write("a secret token\n", to: token, mode: 0o600)
    let server = try RunningServer(.epoll) {
      $0.operatorTokenFile = token
      $0.announces = true
      $0.rate = RateLimit(parsing: "1:40")
      $0.maximumPerAddress = 1000
      $0.addresses.append(.unix(path: directory.file("socket")))
    }
    let members = try (0..<4).map { _ in try server.peer() }
    let slow = try server.peer(receiveBuffer: 2048)
    try server.settle()
    try members[0].send("/op a secret token\n/nick alice\n/mute \(members[1].localPort) 1h\n/ban 192.0.2.1 1h noise\n")
    try members[1].send("/away lunch\n/ignore alice\n/ignore nobody\n")
    try members[2].send("/msg \(members[3].localPort) for you alone\n/last 5\nhalf a line")
    try members[3].send(String(repeating: "held by the rate\n", count: 60))
    try slow.send("/who\n/help\n")
    try server.waitForLog("[OPERATOR] alice banned: \(try ban(in: server))")
    try server.wait("40 lines") { $0.said >= 40 }
    return server.server.queue.sync {
      server.server.assumeIsolated { $0.state(LineWriter.Remainder(), LineWriter.Remainder()) }
    }
  }

  private func ban(in server: RunningServer) throws -> String {
    let prefix = "[OPERATOR] alice banned: "
    try eventually("a ban") { server.logged.contains { $0.hasPrefix(prefix) } }
    return server.logged.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) } ?? ""
  }

  private func configuration() -> Configuration {
    var configuration = Configuration()
    configuration.rate = RateLimit(parsing: "1:40")
    return configuration
  }

  @Test func `All of it is read, and nothing is left`() throws {
    let handedOver = try HandedOver(try state(), for: configuration())
    #expect(handedOver.connections.count == 5)
    #expect(handedOver.listeners.count == 2)
    #expect(handedOver.bans.bans.count == 1)
    #expect(handedOver.connections.contains { $0.inbound.hold != nil && !$0.inbound.held.isEmpty })
    #expect(handedOver.connections.contains { $0.framer.heldBytes == "half a line".utf8.count })
    #expect(handedOver.room.log.headLine >= 40)
  }

  @Test func `What is cut off or changed anywhere is refused or taken, and never traps`() throws {
    let whole = try state()
    var random = SeededRandom.printed(for: "states")
    for _ in 0..<300 {
      let count = Int(random.next() % UInt64(whole.count))
      #expect(throws: StateError.self) { try HandedOver(Array(whole[..<count]), for: configuration()) }
    }
    var refused = 0
    for _ in 0..<3000 {
      var changed = whole
      for _ in 0...random.next() % 2 {
        changed[Int(random.next() % UInt64(whole.count))] = UInt8(truncatingIfNeeded: random.next() >> 24)
      }
      do { _ = try HandedOver(changed, for: configuration()) } catch { refused += 1 }
    }
    #expect(refused > 0)
  }

  @Test func `A program that is to keep open something else is told what has changed`() throws {
    var configuration = Configuration()
    let fixed = Fixed(configuration)
    try fixed.check(Fixed(configuration))
    configuration.addresses = [.unix(path: "/tmp/other")]
    #expect(throws: Fixed.NeedsRestart.self) { try fixed.check(Fixed(configuration)) }
    configuration = Configuration()
    configuration.transcript = "/tmp/other"
    do { try fixed.check(Fixed(configuration)) } catch {
      #expect("\(error)" == "--transcript has changed, and that takes a restart.")
    }
  }
}
