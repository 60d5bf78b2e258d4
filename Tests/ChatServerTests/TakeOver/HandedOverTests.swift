import Dispatch
import Glibc
import TestSupport
import Testing

@testable import ChatServer
@testable import ChatWire

/// What a server hands over, as the next program reads it.
@Suite(.timeLimit(.minutes(10))) struct HandedOverTests {
  /// The state of a server in which something of all kinds is under way.
  /// - Parameter login: what the system says that the members on the Unix socket are called; nil if it does not answer.
  private func state(login: String? = "ann") throws -> [UInt8] {
    let accounts = DispatchSemaphore(value: 0)
    // Whoever waits for an answer must not be there when the semaphore goes.
    defer { accounts.signal() }
    let directory = try TemporaryDirectory()
    let token = directory.file("token")
    try TestSupport.write("a secret token\n", to: token, mode: 0o600)
    let server = try RunningServer(.alone) {
      $0.operatorTokenFile = token
      $0.announces = true
      $0.rate = RateLimit(parsing: "1:40")
      $0.maximumPerAddress = 1000
      $0.addresses.append(.unix(path: directory.file("socket")))
      $0.operators = ["ann"]
      // A busy machine may need long for the rest.
      $0.accountPatience = .seconds(3600)
      $0.lookUpAccount = { question in
        guard case .login(let userID) = question else { return .absent }
        guard let login else {
          accounts.wait()
          return .failed
        }
        return .found(login: Array(login.utf8), userID: userID)
      }
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
    let locals = try (0..<2).map { _ in try Dialogue(connectingTo: server.addresses[1]) }
    try locals[0].send("hello\n")
    if login == nil {
      try server.waitFor("two to wait") { $0.identification?.arrivingCount == 2 }
      try members[0].send("/nick bob\n")
      try server.waitFor("one to wait for a name") { $0.connections.all.contains { $0.inbound.hold == .login } }
    } else {
      try server.waitFor("two to come") { $0.connections.count == 7 }
    }
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
    #expect(handedOver.connections.count == 7)
    let local = try #require(handedOver.connections.first { $0.name.description == "ann" })
    #expect(handedOver.people.names.logins[local.token]?.userID == geteuid())
    #expect(handedOver.people.isOperator(local.token))
    #expect(handedOver.counts.accepted == 7 && handedOver.counts.address != nil)
    #expect(handedOver.listeners.count == 2)
    #expect(handedOver.bans.bans.count == 1)
    #expect(handedOver.connections.contains { $0.inbound.hold != nil && !$0.inbound.held.isEmpty })
    #expect(handedOver.connections.contains { $0.framer.heldBytes == "half a line".utf8.count })
    #expect(handedOver.room.log.headLine >= 40)
  }

  @Test func `Those who wait for a login or for a name go on to wait for it`() throws {
    let handedOver = try HandedOver(try state(login: nil), for: configuration())
    #expect(handedOver.connections.count == 5)
    #expect(handedOver.arriving.count == 2 && handedOver.arriving.allSatisfy { $0.listenerIndex == 1 })
    #expect(handedOver.connections.contains { $0.inbound.hold == .login && !$0.inbound.held.isEmpty })
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

extension RunningServer {
  /// Waits until something is so within the server.
  fileprivate func waitFor(_ what: String, _ isSo: @Sendable (isolated Server) -> Bool) throws {
    try eventually(what) { server.queue.sync { server.assumeIsolated { isSo($0) } } }
  }
}
