import ChatServer
import ChatWire
import TestSupport
import Testing

@Suite(.enabled(if: RedisServer.isInstalled), .timeLimit(.minutes(10))) struct SharedNamesTests {
  @Test func `A name that is wanted at several servers at once has one holder, and everybody agrees who`() throws {
    let room = try SharedRoom(servers: 3)
    for index in 0..<9 { _ = try room.person(at: index % 3) }
    for round in 0..<20 {
      let name = "alice\(round)x"
      for person in room.people { try person.send("/nick \(name)") }
      var holders: Set<String> = []
      var refused = 0
      for person in room.people {
        var lines = [try person.peer.expectLine()]
        if lines[0].hasPrefix("* That name is taken") || person.name != lines[0].split(separator: " ")[1] {
          lines.append(try person.peer.expectLine())
          refused += 1
        }
        holders.insert(try #require(lines.first { $0.hasSuffix(" is now \(name)") }))
        #expect(lines.count == 1 || lines.contains { $0.hasPrefix("* That name is taken, or looks like one that is.") })
      }
      #expect(holders.count == 1 && refused == 8, "\(holders), \(refused) refused")
      let holder = try #require(room.people.first { holders.first == "* \($0.name) is now \(name)" })
      try holder.send("/nick")
      for person in room.people { try person.expect("* \(name) is now \(holder.name)") }
    }
  }

  @Test func `Lines before a new name have the old one, and those behind it the new one, at every server`() throws {
    let room = try SharedRoom(servers: 3)
    let (a, b, c) = (try room.person(at: 0), try room.person(at: 1), try room.person(at: 2))
    for round in 0..<10 {
      try a.peer.send("one\n/nick bob\(round)\ntwo\n/me waves\n/nick\nthree\n")
      for other in [b, c] {
        try other.expect(
          "\(a.name): one", "* \(a.name) is now bob\(round)", "bob\(round): two", "[action] bob\(round) waves",
          "* bob\(round) is now \(a.name)", "\(a.name): three")
      }
      try a.expect("* \(a.name) is now bob\(round)", "* bob\(round) is now \(a.name)")
    }
  }

  @Test func `A name that looks like one of another server is refused, and a free one is offered`() throws {
    let room = try SharedRoom()
    let alice = try room.person(called: "alice", at: 0)
    let b = try room.person(at: 1)
    try b.ask("/nick Alice", "* That name is taken, or looks like one that is. Alice2 is free.")
    try b.ask("/nick аӏісе", "* That name is taken, or looks like one that is. аӏісе2 is free.")
    try b.ask("/nick Alice2", "* \(b.port) is now Alice2")
    try alice.expect("* \(b.port) is now Alice2")
    try alice.ask("/nick", "* alice is now \(alice.port)")
    try b.expect("* alice is now \(alice.port)")
    try b.ask("/nick alice", "* Alice2 is now alice")
    try alice.expect("* Alice2 is now alice")
  }

  @Test func `Two members of one port at two servers have different names`() throws {
    let room = try SharedRoom(servers: 3)
    let one = try room.person(at: 0, from: "127.0.0.1", port: #require(unusedFixedPort()))
    let two = try room.person(at: 1, from: "127.0.0.2", port: one.port)
    let three = try room.person(at: 2, from: "127.0.0.3", port: one.port)
    let four = try room.person(at: 0, from: "127.0.0.4", port: one.port)
    try one.ask("hi")
    try two.expect("\(one.port): hi")
    try two.ask("hi")
    try one.expect("\(one.port)-2: hi")
    try three.expect("\(one.port): hi", "\(one.port)-2: hi")
    try three.ask("hi")
    try one.expect("\(one.port)-3: hi")
    try four.expect("\(one.port): hi", "\(one.port)-2: hi", "\(one.port)-3: hi")
    try four.ask("hi")
    for other in [one, three] { try other.expect("\(one.port)@127.0.0.4: hi") }
    try one.ask("/msg \(one.port)-3 psst", "* Sent to \(one.port)-3.")
    try three.expect("[private] \(one.port): psst")
    try one.ask("/nick \(one.port)-2", "* A name has at least one letter.")
  }

  @Test func `Members of one port that come at once have different names`() throws {
    let room = try SharedRoom(servers: 3)
    let first = try Dialogue(
      connectingTo: room.servers[0].addresses[0], from: "127.0.0.1", port: #require(unusedFixedPort()))
    var peers = [first]
    for index in 1..<12 {
      peers.append(
        try Dialogue(
          connectingTo: room.servers[index % 3].addresses[0], from: "127.0.0.\(index + 1)", port: first.localPort))
    }
    for server in room.servers { try server.wait("all to be let in") { $0.accepted == 4 } }
    for peer in peers { try peer.send("hi\n") }
    var names: Set<String> = []
    for peer in peers {
      for _ in 0..<11 { names.insert(try peer.expectLine()) }
    }
    #expect(names.count == 12 && names.allSatisfy { $0.hasPrefix("\(first.localPort)") && $0.hasSuffix(": hi") })
  }

  @Test func `Who leaves while its name is being granted leaves it free`() throws {
    let room = try SharedRoom(servers: 2)
    let watcher = try room.person(at: 1)
    for round in 0..<10 {
      let peer = try Dialogue(connectingTo: room.servers[0].addresses[0])
      try peer.send("/nick alice\n")
      if round % 2 == 0 { try peer.reset() } else { peer.close() }
      try eventually("alice to be free") {
        try watcher.send("/nick alice")
        let lines = try watcher.lines {
          $0.hasPrefix("* That name is taken") || $0 == "* \(watcher.port) is now alice"
        }
        return lines.last == "* \(watcher.port) is now alice"
      }
      try watcher.ask("/nick", "* alice is now \(watcher.port)")
    }
  }
}
