import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let crowdRows = [idleCrowd, oneTooMany, noDescriptors, manyConnects]

  /// Descriptors that the server keeps for itself.
  private static let reserved = 64
  /// Where the members of a crowd come from, in turns: one address has not ports enough.
  static let sources = (2...9).map { "127.0.0.\($0)" }

  /// Connects more members until there are `count`.
  static func fill(_ swarm: Swarm, to count: Int, _ server: ServerUnderTest) throws {
    while swarm.openCount < count {
      for _ in 0..<min(1000, count - swarm.openCount) { try swarm.add(from: sources[swarm.openCount % sources.count]) }
      try server.settle(at: swarm.openCount)
    }
  }

  /// One member's line reaches all others.
  /// - Returns: milliseconds until the last had it.
  private static func sayToAll(_ swarm: Swarm) throws -> Double {
    guard let speaker = swarm.peers[0] else { throw TestFailure("the first peer is gone") }
    var heard = 0
    let start = monotonicNanoseconds()
    swarm.say("to all of you\n".utf8, by: speaker)
    try swarm.run(within: .seconds(60), "the line to reach all; \(heard) have it") { _ in
      heard == swarm.openCount - 1
    } line: { _, bytes, _ in
      guard bytes.elementsEqual("\(speaker.port): to all of you".utf8) else {
        throw TestFailure("somebody heard \(shown(bytes))")
      }
      heard += 1
    }
    return Double(monotonicNanoseconds() - start) / 1e6
  }

  static let idleCrowd = Row(
    1, "idle members up to the descriptor limit", asked: "19,900 of 20,000 held; then one line reaches all of them"
  ) { size, outcome in
    let server = try ServerUnderTest(descriptors: size.of(20_000, small: 512))
    let swarm = try Swarm(connectingTo: server.address)
    let count = size.of(19_900, small: 440)
    try fill(swarm, to: count, server)
    let memory = server.memory
    let reached = try sayToAll(swarm)
    outcome.check(
      server.connections == count,
      "\(count) held in \(memory >> 10) MiB; one line reached all in \(reached.rounded(to: 0)) ms")
  }

  static let oneTooMany = Row(
    2, "one more than the limit", asked: "told `* Server is full` within 100 ms; the others notice nothing"
  ) { size, outcome in
    let limit = size.of(20_000, small: 512)
    let server = try ServerUnderTest(descriptors: limit)
    let swarm = try Swarm(connectingTo: server.address)
    try fill(swarm, to: limit - reserved, server)
    let start = monotonicNanoseconds()
    // In a swarm of its own, and so is all that it hears.
    let door = try Swarm(connectingTo: server.address)
    let extra = try door.add()
    var told: [String] = []
    try door.run(within: .seconds(30), "the refusal") { _ in
      extra.state != .open
    } line: {
      told.append(String(decoding: $1, as: UTF8.self))
      _ = ($0, $2)
    }
    let milliseconds = Double(monotonicNanoseconds() - start) / 1e6
    outcome.check(told == ["* Server is full"], "\(limit - reserved) members; the next heard \(told)")
    outcome.judge(milliseconds <= 100, "after \(milliseconds.rounded(to: 1)) ms")
    door.closeAll()
    try server.settle(at: limit - reserved)
    let reached = try sayToAll(swarm)
    outcome.check(true, "then one line, and nothing else, reached all in \(reached.rounded(to: 0)) ms")
  }

  static let noDescriptors = Row(
    3, "descriptors run out from outside: limit 256, 1,000 connects, 30 s",
    asked: "alive, at most 5 % CPU, talkers' p99 at most 50 ms, accepts again within 1 s, timers fire"
  ) { size, outcome in
    let server = try ServerUnderTest(descriptors: 256)
    let chatter = try Chatter(10, rate: 10, with: server)
    let attack = try Swarm(connectingTo: server.address)
    try chatter.talk(for: .milliseconds(200))
    // No descriptor is left for anybody: what connects waits with the kernel.
    let held = server.descriptors
    try server.limitDescriptors(to: held)
    chatter.restart()
    let waiting = try attack.add(size.of(1000, small: 200))
    var load = try server.load { try chatter.talk(for: .seconds(size.of(30, small: 2))) }
    outcome.check(server.isAlive && server.descriptors == held, "without a descriptor for \(waiting.count) who wait")
    outcome.judge(load <= 5, "\(load.rounded(to: 1)) % CPU")
    outcome.judge(chatter.ledger.latencies.milliseconds(0.99) <= 50, "talkers: \(chatter.ledger.latencies.described)")
    // A message without newline ends by a timer.
    let start = monotonicNanoseconds()
    var heard = 0
    chatter.swarm.say("no newline".utf8, by: chatter.leader)
    try chatter.swarm.run(within: .seconds(10), "a timer to fire") { _ in
      heard == chatter.talkers.count
    } line: { _, bytes, _ in
      if bytes.elementsEqual("\(chatter.leader.port): no newline".utf8) { heard += 1 }
    }
    outcome.judge(
      monotonicNanoseconds() - start < 500_000_000,
      "a timer fired after \(((monotonicNanoseconds() - start) / 1_000_000)) ms")
    // Descriptors come back: up to the server's own limit of members, all others are told that it is full.
    try server.limitDescriptors(to: 256)
    let freed = monotonicNanoseconds()
    try eventually("an accept") { server.descriptors > held }
    let accepted = Double(monotonicNanoseconds() - freed) / 1e6
    outcome.judge(accepted <= 1000, "accepted again after \(accepted.rounded(to: 0)) ms")
    chatter.restart()
    load = try server.load { try chatter.talk(for: .seconds(size.of(10, small: 2))) }
    outcome.judge(
      chatter.ledger.latencies.milliseconds(0.99) <= 50,
      "full with \(server.connections) connections: \(chatter.ledger.latencies.described) at \(load.rounded(to: 1)) % CPU"
    )
    attack.closeAll()
    try server.settle(at: chatter.swarm.openCount)
  }

  static let manyConnects = Row(
    13, "5,000 connects a second from one address for 10 s", asked: "p99 at most 50 ms; memory back within 5 MiB"
  ) { size, outcome in
    let server = try ServerUnderTest()
    let chatter = try Chatter(20, rate: 100, with: server)
    let visitors = try Swarm(connectingTo: server.address)
    try chatter.talk(for: .seconds(1))
    let before = server.memory
    chatter.restart()
    let count = size.of(50_000, small: 3000)
    var pace = Pace(everyNanoseconds: 200_000, from: monotonicNanoseconds())
    var connected = 0
    let start = monotonicNanoseconds()
    var end = start
    try chatter.talk(within: .seconds(120)) { now in
      var burst = 0
      try pace.forEachDue(by: now) { _ in
        guard connected < count, burst < 50 else { return }
        visitors.close(try visitors.add(from: "127.0.0.5"))
        connected += 1
        burst += 1
        end = monotonicNanoseconds()
      }
      return connected == count
    }
    let rate = Double(count) / Double(end - start) * 1e9
    try server.settle(at: chatter.swarm.openCount)
    outcome.judge(
      chatter.ledger.latencies.milliseconds(0.99) <= 50,
      "\(count) connects at \(rate.rounded(to: 0)) a second: \(chatter.ledger.latencies.described)")
    let growth = server.memory - before
    outcome.check(growth <= 5 << 10, "memory \(growth) KiB from where it was")
  }
}
