import ChatRedis
import ChatWire
import TestSupport
import Testing

/// Sessions against a simulated Redis, over a network that loses and delays what is drawn from a seed.
@Suite(.timeLimit(.minutes(10))) struct SessionSimulationTests {
  private typealias World = SimulatedWorld

  /// Has the servers say numbered lines for `seconds`, with `fault` now and then, and then lets everything come to rest.
  private func play(_ world: World, seconds: Int, every gap: ClosedRange<Int>, fault: @escaping (World) -> Void) {
    for (index, server) in world.servers.enumerated() {
      var count = 0
      func speak() {
        guard !server.isStopped, server.session.hasSpace else { return world.after(.milliseconds(20)) { speak() } }
        let lines = (0..<world.draw(1...4)).map { _ in
          defer { count += 1 }
          return Operation.say(line: Array("\(index) \(count)\n".utf8), speaker: UInt64(index))
        }
        world.submit(lines, to: server)
        if count < 60 * seconds { world.after(.milliseconds(world.draw(1...40))) { speak() } }
      }
      world.after(.milliseconds(world.draw(0...20))) { speak() }
    }
    func trouble(_ left: Int) {
      guard left > 0 else { return }
      world.after(.milliseconds(world.draw(gap))) {
        fault(world)
        trouble(left - 1)
      }
    }
    trouble(seconds * 1000 / ((gap.lowerBound + gap.upperBound) / 2))
    world.run(for: .seconds(seconds + 60))
  }

  private func lines(_ entries: [Entry]) -> [String] {
    entries.flatMap { entry in
      var lines: [String] = []
      entry.forEachPart {
        if case .line(let line) = $0 { lines.append(String(decoding: line.dropLast(), as: UTF8.self)) }
      }
      return lines
    }
  }

  @Test(arguments: 0..<16)
  func `Nothing is lost, doubled or out of order, whatever the network and Redis do`(round: Int) throws {
    let random = SeededRandom.printed(for: "simulation \(round)")
    let world = try World(servers: 3, random: random)
    world.run(for: .seconds(5))
    play(world, seconds: 12, every: 50...900) { world in
      switch world.draw(0...9) {
      case 0: world.pauseRedis(for: .milliseconds(world.draw(1...9000)))
      case 1: world.restartRedis(after: .milliseconds(world.draw(1...3000)))
      case 2: world.stopServer(for: .milliseconds(world.draw(1...12000)))
      default: world.cutSomething()
      }
    }
    let all = world.redis.history.map { String(decoding: $0.body, as: UTF8.self) }.joined()
    for (index, server) in world.servers.enumerated() {
      #expect(server.session.isDrained && server.session.hasSpace, "seed \(random.seed)")
      #expect(server.session.uncommittedLines(of: UInt64(index)) == 0)
      #expect(server.losses == 0 && server.missedLines == 0)
      let own = all.split(separator: "\n").filter { $0.hasPrefix("\(index) ") }
      #expect(own.count == server.submitted, "seed \(random.seed)")
      #expect(own.map(String.init) == (0..<own.count).map { "\(index) \($0)" }, "seed \(random.seed)")
      let heard = server.said.map { String(decoding: $0.body, as: UTF8.self) }.joined()
      #expect(heard == all, "server \(index), seed \(random.seed)")
      for (entry, speakers) in zip(server.said, server.speakers) {
        #expect(
          speakers
            == (entry.server == server.session.server ? Array(repeating: UInt64(index), count: entry.lineCount) : []))
      }
    }
  }

  @Test(arguments: 0..<8)
  func `Nothing is lost, doubled or out of order where programs take over, whatever the network and Redis do`(
    round: Int
  ) throws {
    let random = SeededRandom.printed(for: "simulation of take-overs \(round)")
    let world = try World(servers: 3, random: random)
    world.run(for: .seconds(5))
    play(world, seconds: 12, every: 20...400) { world in
      switch world.draw(0...9) {
      case 0: world.pauseRedis(for: .milliseconds(world.draw(1...3000)))
      case 1: world.cutSomething()
      default: world.takeOver()
      }
    }
    #expect(world.takeOvers > 20)
    let all = world.redis.history.map { String(decoding: $0.body, as: UTF8.self) }.joined()
    for (index, server) in world.servers.enumerated() {
      #expect(server.session.isDrained && server.session.hasSpace, "seed \(random.seed)")
      #expect(server.session.uncommittedLines(of: UInt64(index)) == 0)
      #expect(server.losses == 0 && server.missedLines == 0)
      let own = all.split(separator: "\n").filter { $0.hasPrefix("\(index) ") }
      #expect(own.map(String.init) == (0..<server.submitted).map { "\(index) \($0)" }, "seed \(random.seed)")
      #expect(server.said.map { String(decoding: $0.body, as: UTF8.self) }.joined() == all, "seed \(random.seed)")
    }
  }

  @Test(arguments: 0..<5)
  func `When Redis loses everything, all are told and the room goes on in one order`(round: Int) throws {
    let random = SeededRandom.printed(for: "simulation of losses \(round)")
    let world = try World(servers: 3, random: random)
    world.run(for: .seconds(5))
    play(world, seconds: 12, every: 100...1500) { world in
      switch world.draw(0...5) {
      case 0: world.redis.lose()
      case 1: world.restartRedis(after: .milliseconds(world.draw(1...3000)), losingAll: true)
      case 2: world.redis.addForeignEntry()
      case 3: world.stopServer(for: .milliseconds(world.draw(1...9000)))
      default: world.cutSomething()
      }
    }
    for (index, server) in world.servers.enumerated() {
      #expect(server.session.isDrained, "seed \(random.seed)")
      #expect(server.losses > 0)
      // Each line of it was heard by itself, in order. A line may be in two histories, never twice in one.
      let own = lines(server.said.filter { $0.server == server.session.server })
      #expect(own == (0..<own.count).map { "\(index) \($0)" }, "server \(index), seed \(random.seed)")
      #expect(own.count == server.submitted, "server \(index), seed \(random.seed)")
      // What it heard is part of what was said, in that order.
      var rest = world.redis.history[...]
      for entry in server.said {
        while let next = rest.first, next.position != entry.position || next.body != entry.body { rest.removeFirst() }
        #expect(!rest.isEmpty, "server \(index), seed \(random.seed)")
        rest = rest.dropFirst()
      }
    }
    // And in the end they hear each other.
    for server in world.servers {
      server.said = []
      world.submit([.say(line: Array("goodbye \(server.session.server)\n".utf8), speaker: nil)], to: server)
    }
    world.run(for: .seconds(5))
    let last = world.servers.map { lines($0.said) }
    #expect(last[0].count == 3 && last.allSatisfy { $0 == last[0] }, "seed \(random.seed)")
  }

  @Test(arguments: 0..<5)
  func `Who falls behind what is kept is told exactly how many lines are missing`(round: Int) throws {
    let random = SeededRandom.printed(for: "simulation of trimming \(round)")
    let world = try World(servers: 3, random: random)
    world.redis.window = 400
    world.run(for: .seconds(5))
    play(world, seconds: 12, every: 100...1500) { world in
      world.draw(0...1) == 0 ? world.cutSomething() : world.stopServer(for: .milliseconds(world.draw(1...9000)))
    }
    for (index, server) in world.servers.enumerated() {
      #expect(server.session.isDrained && server.losses == 0, "seed \(random.seed)")
      let heard = server.said.reduce(0) { $0 + $1.lineCount }
      #expect(heard + server.missedLines == world.redis.head.lines, "server \(index), seed \(random.seed)")
      #expect(server.session.uncommittedLines(of: UInt64(index)) == 0)
    }
    #expect(world.servers.contains { $0.missedLines > 0 })
  }

  @Test(arguments: 0..<5)
  func `Of all who claim a name one has it, and each of the others is told`(round: Int) throws {
    let random = SeededRandom.printed(for: "simulation of names \(round)")
    let world = try World(servers: 3, random: random)
    world.run(for: .seconds(5))
    for attempt in 0..<60 {
      let name = MemberName(bytes: Array("name\(attempt)".utf8))
      for server in world.servers {
        let member = MemberID(server: server.session.server, number: UInt64(attempt))
        let person = Person(name: name, place: "127.0.0.1:1", joinedAt: 1)
        let claim = Operation.Claim(
          member: member, person: person, keys: ["f:\(name)"], record: .joined(member, person),
          announcement: Array("* \(name) came\n".utf8))
        world.after(.milliseconds(attempt * 100 + world.draw(0...5))) { world.submit([.claim(claim)], to: server) }
      }
      if attempt % 3 == 0 { world.after(.milliseconds(attempt * 100 + world.draw(0...10))) { world.cutSomething() } }
    }
    world.run(for: .seconds(60))
    var winners: [MemberName: [MemberID]] = [:]
    for entry in world.servers[0].said {
      entry.forEachPart {
        if case .record(.joined(let member, let person)) = $0 { winners[person.name, default: []].append(member) }
      }
    }
    #expect(winners.count == 60 && winners.values.allSatisfy { $0.count == 1 }, "seed \(random.seed)")
    for server in world.servers {
      #expect(server.session.isDrained)
      let won = winners.values.filter { $0[0].server == server.session.server }.count
      #expect(server.refused.count == 60 - won, "seed \(random.seed)")
    }
  }
}
