import ChatServer
import ChatWire
import TestSupport
import Testing

@Suite(.enabled(if: RedisServer.isInstalled), .timeLimit(.minutes(10))) struct PresenceTests {
  @Test func `Everybody is listed at every server, sorted, with where they are from`() throws {
    let room = try SharedRoom(servers: 3)
    let bob = try room.person(called: "bob", at: 1)
    let carol = try room.person(at: 2)
    let alice = try room.person(called: "alice", at: 0)
    try alice.ask("/away tea", "* You are away. /away alone says that you are back.")
    #expect(
      try Self.list(for: alice) == [
        "* alice, 127.0.0.1:\(alice.port), away (tea)", "* bob, 127.0.0.1:\(bob.port), on another server",
        "* \(carol.name), 127.0.0.1:\(carol.port), on another server",
      ])
    #expect(
      try Self.list(for: bob) == [
        "* alice, 127.0.0.1:\(alice.port), on another server", "* bob, 127.0.0.1:\(bob.port)",
        "* \(carol.name), 127.0.0.1:\(carol.port), on another server",
      ])
    // The others may be known there for a moment still that looked who is here.
    _ = try Self.list(for: carol)
    // As clients ask for it.
    try carol.peer.send(ClientLine.rosterRequestLine + [UInt8(ascii: "\n")])
    try carol.expect("* Here: \(carol.name), alice, bob.")
  }

  /// What somebody is shown of three people.
  private static func list(for person: SharedPerson) throws -> [String] {
    var lines: [String] = []
    try eventually("three people to be listed") {
      try person.send("/who")
      let count = try person.peer.expectLine().split(separator: " ").compactMap { Int($0) }.first ?? 0
      lines = try (0..<count).map { _ in withoutTime(try person.peer.expectLine()) }
      return count == 3
    }
    return lines
  }

  /// A line of the list without since when somebody is here.
  private static func withoutTime(_ line: String) -> String {
    let parts = line.split(separator: ", since ", maxSplits: 1)
    guard parts.count == 2 else { return line }
    let rest = parts[1].drop { $0 != "," }
    return String(parts[0] + rest)
  }

  @Test func `A server that joins later knows everybody, and who leaves is known nowhere`() throws {
    let room = try SharedRoom(servers: 1)
    let alice = try room.person(called: "alice", at: 0)
    let bob = try room.person(at: 0)
    try room.addServer()
    try room.awaitEntry("* alice, ")
    try room.awaitEntry("* \(bob.name), ")
    let carol = try room.person(at: 1)
    try carol.ask("/nick ALICE", "* That name is taken, or looks like one that is. ALICE2 is free.")
    try carol.ask("/msg alice hi", "* Sent to alice.")
    try alice.expect("[private] \(carol.name): hi")
    try alice.send("exit")
    try alice.peer.expectClosed()
    try eventually("alice to be gone") { try !room.list(at: 1).contains("alice") }
    try carol.ask("/nick alice", "* \(carol.port) is now alice")
  }

  @Test func `It is said once who comes and goes at whichever server`() throws {
    let room = try SharedRoom { $1.announces = true }
    let alice = try room.person(called: "alice", at: 0)
    // Those that ask who is here are told of as well, or come and go too quickly for that.
    try alice.send("begin")
    let peers = try (0..<6).map { try Dialogue(connectingTo: room.servers[$0 % 2].addresses[0]) }
    let names = Set(peers.map { "\($0.localPort)" })
    func told(_ ending: String) throws -> [String] {
      var told: [String] = []
      while !names.isSubset(of: Set(told)) {
        let line = try alice.peer.expectLine()
        guard line.hasSuffix(ending) else { continue }
        told += line.dropFirst(2).dropLast(ending.count).split(separator: ", ").map(String.init)
      }
      return told.filter { names.contains($0) }
    }
    #expect(try told(" joined").count == 6)
    for peer in peers { try peer.send("exit\n") }
    #expect(try told(" left").count == 6)
    // Nobody of them is told of again.
    let other = try room.person(called: "bob", at: 1)
    try other.send("the end")
    let rest = try alice.lines { $0 == "bob: the end" }
    #expect(!rest.contains { line in names.contains { line.contains($0) } }, "\(rest)")
  }

  @Test func `Who leaves with a server that stops is told of once`() throws {
    let room = try SharedRoom(servers: 3) { $1.announces = true }
    let bob = try room.person(called: "bob", at: 1)
    let alice = try room.person(called: "alice", at: 0)
    let carol = try room.person(called: "carol", at: 0)
    // Who came and went within a moment would not be told of.
    for person in [alice, carol] {
      try eventually("that \(person.name) joined") {
        try bob.hasHeard { line in
          line.hasSuffix(" joined") && [person.name, "\(person.port)"].contains { line.contains($0) }
        }
      }
    }
    #expect(room.servers[0].stop())
    let lines = try bob.lines { $0.hasSuffix(" left") && $0.contains("alice") }
    #expect(["* alice, carol left", "* carol, alice left"].contains(lines.last), "\(lines)")
    try bob.send("/msg alice hi\n/nick carol")
    // His own coming may be told late, by his server.
    let rest = try bob.lines { $0 == "* bob is now carol" }.filter { !$0.hasSuffix(" joined") }
    #expect(rest == ["* Nobody here is called alice; that was not sent.", "* bob is now carol"])
  }

  @Test func `The names of a server that is cut off are free within 8 seconds, and it is said once who left`() throws {
    let room = try SharedRoom(servers: 3) { $1.announces = true }
    let alice = try room.person(called: "alice", at: 0)
    let bob = try room.person(at: 1)
    let carol = try room.person(at: 2)
    try bob.send("ready")
    for person in [alice, carol] { _ = try person.lines { $0 == "\(bob.name): ready" } }
    room.cutOff(0)
    let cut = Moment.now
    try eventually("alice to be free") {
      try bob.send("/nick alice")
      return try bob.lines { $0.contains("taken") || $0.hasSuffix("is now alice") }.last?.contains("taken") == false
    }
    #expect(cut.distance(to: .now) < .seconds(10), "8 s, and 2 s for a busy machine")
    // It is gathered for a moment.
    var lines: [String] = []
    try eventually("that alice left") {
      let bytes = try carol.peer.peek()
      if !bytes.isEmpty { lines += try carol.peer.receiveOnce().split(separator: "\n").map(String.init) }
      return lines.contains("* alice left")
    }
    #expect(lines.count { $0.hasSuffix(" left") } == 1, "\(lines)")
    room.reconnect(0)
    // Her name is another's by now.
    _ = try alice.lines { $0 == "* While the link to the other servers was down, somebody else took the name alice." }
    try alice.expect("* alice is now \(alice.port)")
    try alice.send("here again")
    #expect(try bob.lines { $0.contains("here again") }.last == "\(alice.port): here again")
    let heard = try carol.lines { $0.contains("here again") } + (try carol.lines { $0.hasSuffix(" joined") })
    #expect(
      heard.contains("* alice, who was cut off, is \(alice.port) now.") && heard.contains("* \(alice.port) joined"),
      "\(heard)")
  }

  @Test func `Who was cut off and has the name still goes by it, and what was said meanwhile is said then`() throws {
    let room = try SharedRoom()
    let (alice, bob) = (try room.person(called: "alice", at: 0), try room.person(called: "bob", at: 1))
    room.cutOff(0)
    try alice.send("one")
    try eventually("alice to be gone") { try !room.list(at: 1).contains("alice") }
    room.reconnect(0)
    try bob.expect("alice: one")
    try alice.send("two")
    try bob.expect("alice: two")
    try room.awaitEntry("* alice, ")
    try bob.ask("/msg alice hi", "* Sent to alice.")
  }

  @Test func `What somebody said under a name that is lost meanwhile is said under the new one`() throws {
    let room = try SharedRoom()
    let (alice, bob) = (try room.person(called: "alice", at: 0), try room.person(called: "bob", at: 1))
    room.cutOff(0)
    try alice.send("one\n/me waves")
    try eventually("alice to be free") {
      try bob.send("/nick alice")
      return try !bob.peer.expectLine().contains("taken")
    }
    room.reconnect(0)
    let lines = try bob.lines { $0.contains("waves") }
    #expect(
      lines == [
        "* alice, who was cut off, is \(alice.port) now.", "\(alice.port): one", "[action] \(alice.port) waves",
      ], "\(lines)")
  }

  @Test func `Whose port is taken while it is cut off gets a count behind it`() throws {
    let room = try SharedRoom()
    let one = try room.person(at: 0, from: "127.0.0.1", port: #require(unusedFixedPort()))
    let bob = try room.person(called: "bob", at: 1)
    room.cutOff(0)
    try eventually("its port to be free") { try !room.list(at: 1).contains("\(one.port)") }
    let two = try Dialogue(connectingTo: room.servers[1].addresses[0], from: "127.0.0.2", port: one.port)
    try two.send("hi\n")
    try bob.expect("\(one.port): hi")
    try one.send("hello")
    room.reconnect(0)
    try bob.expect("* \(one.port), who was cut off, is \(one.port)-2 now.", "\(one.port)-2: hello")
    #expect(try one.lines { $0.contains(" is now ") }.last == "* \(one.port) is now \(one.port)-2")
  }

  @Test func `Everybody keeps the name although Redis loses everything`() throws {
    let room = try SharedRoom(servers: 3)
    let people = try [
      room.person(called: "alice", at: 0), room.person(called: "bob", at: 1), room.person(called: "carol", at: 2),
      room.person(at: 0),
    ]
    for round in 0..<3 {
      try room.redis.command("FLUSHALL")
      // Nobody gets a name that somebody had, however quick.
      try people[3].send("/nick BOB")
      let told = try people.map { person in
        try person.lines { $0 == "* The room's history was lost; it begins anew here." }
      }
      _ = told
      for name in ["alice", "bob", "carol", people[3].name] { try room.awaitEntry("* \(name), ") }
      for person in people.prefix(3) { try person.send("hi \(round)") }
      var heard: [String] = []
      while heard.count(where: { $0.hasSuffix("hi \(round)") }) < 3 { heard.append(try people[3].peer.expectLine()) }
      #expect(
        Set(heard.filter { $0.hasSuffix("hi \(round)") }) == [
          "alice: hi \(round)", "bob: hi \(round)", "carol: hi \(round)",
        ], "\(heard)")
      for person in people.prefix(3) {
        for other in people.prefix(3) where other !== person {
          _ = try person.lines { $0 == "\(other.name): hi \(round)" || $0.hasSuffix("hi \(round)") }
        }
      }
    }
  }
}
