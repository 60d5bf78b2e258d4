import ChatWire
import Glibc
import TestSupport
import Testing

/// What keeps one member, or one machine, from taking all.
@Suite(.timeLimit(.minutes(10))) struct LimitsTests {
  @Test func `Who sends faster than --rate allows is told once and slowed, and nothing is lost`() throws {
    let server = try ServerProgram(options: ["--rate", "20:10"])
    let listener = try server.join()
    let sender = try server.join()
    let start = ContinuousClock.now
    let lines = (0..<40).map { "line \($0)" }
    try sender.send(lines.joined(separator: "\n") + "\nexit\n")
    for line in lines { try listener.expect("\(sender.localPort): \(line)") }
    // Ten at once, and then one every 50 ms.
    #expect(ContinuousClock.now - start >= .milliseconds(1450))
    let told = String(decoding: try sender.receiveAll(), as: UTF8.self)
    #expect(told == "* You send more than 20 lines a second; your lines go out at that rate, and none is lost.\n")
  }

  @Test func `Who keeps to --rate is told nothing`() throws {
    let server = try ServerProgram(options: ["--rate", "1:10"])
    let listener = try server.join()
    let sender = try server.join()
    for number in 0..<9 {
      try sender.send("line \(number)\n")
      try listener.expect("\(sender.localPort): line \(number)")
    }
    try sender.send("exit\n")
    try sender.expectClosed()
  }

  @Test(.enabled(if: Network.isAllowed, "it takes a network of its own, and that takes root and iproute2"))
  func `One address has at most --max-per-address connections, and IPv6 counts by its first 64 bits`() throws {
    let network = try Network()
    let (own, neighbour, other) = ("fd6d:7963:1:1::1", "fd6d:7963:1:1::2", "fd6d:7963:1:2::1")
    for address in [own, neighbour, other] { try network.add("\(address)/64") }
    let server = try ServerProgram(
      ["\(network.host):0", "[\(own)]:0"], options: ["--allow-remote", "--max-per-address", "2"])
    let (internet, internet6) = (server.addresses[0], server.addresses[1])

    func join(_ address: Address, from source: String) throws -> Dialogue {
      let member = try Dialogue(connectingTo: address, from: source)
      #expect(try server.nextPort() == member.localPort)
      return member
    }
    func expectRefused(_ address: Address, from source: String) throws {
      let peer = try Dialogue(connectingTo: address, from: source)
      try peer.expect("* Too many connections from your address")
      try peer.expectClosed()
    }
    let first = try join(internet, from: network.host)
    let second = try join(internet, from: network.host)
    try expectRefused(internet, from: network.host)
    let third = try join(internet6, from: own)
    let fourth = try join(internet6, from: neighbour)
    for source in [own, neighbour] { try expectRefused(internet6, from: source) }
    let fifth = try join(internet6, from: other)

    // Those who are in talk on, and a place that becomes free is free.
    try first.send("still here\n")
    for member in [second, third, fourth, fifth] { try member.expect("\(first.localPort): still here") }
    try second.send("exit\n")
    try second.expectClosed()
    second.close()
    try server.program.waitForLine("[DISCONNECTED] ('\(network.host)', \(second.localPort)) has been removed.")
    try eventually("the free place to be given again") {
      let peer = try Dialogue(connectingTo: internet, from: network.host)
      try peer.send("exit\n")
      return try peer.receiveAll().isEmpty
    }
  }

  @Test func `Who is turned away because the server is full is logged, the first by name and the others by number`()
    throws
  {
    // 64 descriptors are the server's own.
    let command = "ulimit -n 66; exec '\(try Program.built("mychatserver"))' 0"
    let server = try Program("/bin/sh", ["-c", command])
    let prefix = "[LISTENING] Server is listening on "
    let line = try server.waitForLine("where it listens") { $0.hasPrefix(prefix) }
    let address = try Address(parsing: String(line.dropFirst(prefix.count)))
    let members = try (0..<2).map { _ in
      let member = try Dialogue(connectingTo: address)
      _ = try server.waitForLine("it to be in") { $0.hasPrefix("[NEW CONNECTION] ") }
      return member
    }
    var ports: [UInt16] = []
    for _ in 0..<3 {
      let peer = try Dialogue(connectingTo: address)
      try peer.expect("* Server is full")
      try peer.expectClosed()
      ports.append(peer.localPort)
    }
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
    #expect(
      server.outputLines.filter { $0.hasPrefix("[REFUSED]") } == [
        "[REFUSED] ('127.0.0.1', \(ports[0])): Server is full", "[REFUSED] 2 more: Server is full",
      ])
    withExtendedLifetime(members) {}
  }

  @Test func `On loopback --max-per-address limits nobody`() throws {
    let server = try ServerProgram(["0", "[::1]:0"], options: ["--max-per-address", "1"])
    for address in server.addresses {
      let members = try (0..<3).map { _ in
        let member = try Dialogue(connectingTo: address)
        #expect(try server.nextPort() == member.localPort)
        return member
      }
      try members[0].send("hi\n")
      for member in members.dropFirst() { try member.expect("\(members[0].localPort): hi") }
      for member in members { member.close() }
    }
  }
}
