import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let randomActors = Row(
    18,
    "random actors for 30 minutes (connect, half a line, reset, half-close, stall, wake, junk, `exit`), 20 observers",
    asked: "no crash, observers clean; 5 s after: descriptors exact, at most 1 % CPU; the seed is printed and replays"
  ) { size, outcome in
    var random = SeededRandom.printed(for: "random actors")
    let server = try ServerUnderTest()
    let chatter = try Chatter(20, rate: 50, with: server)
    let swarm = chatter.swarm
    var actors: [Peer] = []
    var actions = 0
    let seconds = wantedSeconds ?? size.of(1800, small: 5)
    // The number of actions, not the clock, ends it, so that a seed means the same actions again.
    let most = seconds * 500
    var pace = Pace(everyNanoseconds: 2_000_000, from: monotonicNanoseconds())
    try chatter.talk(within: .seconds(seconds * 2 + 60)) { now in
      guard actions < most else { return true }
      try pace.forEachDue(by: now) { _ in
        actions += 1
        try act(&actors, chatter, &random)
      }
      if actions % 4096 == 0, !server.isAlive { throw TestFailure("the server died after \(actions) actions") }
      return actions >= most
    }
    for peer in actors { swarm.close(peer, resetting: random.next() % 2 == 0) }
    chatter.restart()
    try chatter.talk(for: .milliseconds(500))
    let clean = Set(chatter.ledger.otherHashes.values).count <= 1
    let skipped = chatter.members.reduce(0) { $0 + chatter.ledger[$1].skipped }
    outcome.check(
      server.isAlive && clean && skipped == 0,
      "\(actions) actions in \(seconds) s, seed 0x\(String(random.seed, radix: 16)); \(chatter.members.count) observers heard "
        + "all of \(chatter.ledger.orderCount) lines, and the actors' \(chatter.ledger.othersHeard) alike")
    pass(.seconds(5))
    let left = server.connections - swarm.openCount
    outcome.check(left == 0, "5 s after: \(left) descriptors too many")
    let load = server.load { pass(.seconds(size.of(5, small: 1))) }
    outcome.judge(load <= 1, "\(load.rounded(to: 2)) % CPU")
  }

  /// One random actor does one random thing.
  private static func act(_ actors: inout [Peer], _ chatter: Chatter, _ random: inout SeededRandom) throws {
    let swarm = chatter.swarm
    // One that the server has ended stays, and does nothing: what is done must follow from the seed alone.
    let dice = random.next() % 100
    if actors.isEmpty || (dice < 20 && actors.count < 200) {
      let (source, receiveBuffer) = ("127.0.0.\(2 + random.next() % 8)", random.next() % 4 == 0 ? CInt(4096) : nil)
      var actor = try swarm.add(from: source, receiveBuffer: receiveBuffer)
      // From another address it may have the same port as a talker; the server then gives it a longer name.
      while chatter.talkers.contains(where: { $0.port == actor.port }) {
        swarm.close(actor)
        actor = try swarm.add(from: source, receiveBuffer: receiveBuffer)
      }
      actors.append(actor)
      return
    }
    let index = Int(random.next() % UInt64(actors.count))
    let actor = actors[index]
    func bytes(_ most: UInt64, _ make: (UInt64) -> UInt8) -> [UInt8] {
      (0..<1 + random.next() % most).map { _ in make(random.next()) }
    }
    switch dice {
    case ..<45: swarm.say(bytes(100) { 0x61 + UInt8($0 >> 32 & 7) } + [0x0A], by: actor)
    case ..<55: swarm.say(bytes(100) { 0x61 + UInt8($0 >> 32 & 7) }, by: actor)
    case ..<65: swarm.say(bytes(300) { UInt8(truncatingIfNeeded: $0 >> 24) }, by: actor)
    case ..<67: swarm.say(bytes(20_000) { 0x61 + UInt8($0 >> 32 & 7) } + [0x0A], by: actor)
    case ..<75: swarm.setReading(false, of: actor)
    case ..<82: swarm.setReading(true, of: actor)
    case ..<86: swarm.say("exit\n".utf8, by: actor)
    case ..<88: swarm.say("exit".utf8, by: actor)
    case ..<91: actor.finishSending()
    case ..<95:
      swarm.close(actor, resetting: true)
      actors.remove(at: index)
    default:
      swarm.close(actor)
      actors.remove(at: index)
    }
  }

  static let soak = Row(
    19, "an hour of 1,000 members, 1,000 lines a second, 50 joins a second",
    asked: "memory slope at most 1 MiB an hour after the first ten minutes; p99 drift at most 10 %"
  ) { size, outcome in
    let server = try ServerUnderTest()
    let seconds = wantedSeconds ?? size.of(3600, small: 5)
    let chatter = try Chatter(20, rate: size.of(1000, small: 100), with: server)
    let swarm = chatter.swarm
    let listeners = try swarm.add(size.of(1000, small: 100) - swarm.openCount)
    for peer in listeners { chatter.ledger.listen(peer) }
    try server.settle(at: swarm.openCount)
    var visitors: [Peer] = []
    let start = monotonicNanoseconds()
    let end = start + UInt64(seconds) * 1_000_000_000
    let warm = start + UInt64(min(600, seconds / 6)) * 1_000_000_000
    var joins = Pace(everyNanoseconds: 20_000_000, from: start)
    var samples = Pace(everyNanoseconds: 1_000_000_000, from: start)
    var memory: [(x: Double, y: Double)] = []
    var percentiles: [Double] = []
    var minutes = Pace(everyNanoseconds: UInt64(max(1, min(60, seconds / 5))) * 1_000_000_000, from: warm)
    let load = try server.load {
      try chatter.talk(within: .seconds(seconds * 2)) { now in
        try joins.forEachDue(by: now) { _ in
          visitors.append(try swarm.add())
          if visitors.count > 50 { swarm.say("exit\n".utf8, by: visitors.removeFirst()) }
        }
        swarm.closeEnded()
        samples.forEachDue(by: now) {
          if $0 > warm { memory.append((Double($0 - warm) / 3.6e12, Double(server.memory))) }
        }
        minutes.forEachDue(by: now) { _ in
          if chatter.ledger.latencies.count > 0 { percentiles.append(chatter.ledger.latencies.milliseconds(0.99)) }
          chatter.ledger.forgetLatencies()
        }
        return now >= end
      }
    }
    let perHour = slope(memory) / 1024
    outcome.judge(
      perHour <= 1,
      "\(seconds) s at \(load.rounded(to: 0)) % CPU, memory \(server.memory >> 10) MiB, slope \(perHour.rounded(to: 2)) MiB an hour"
    )
    let windows = percentiles.dropFirst()
    let half = windows.count / 2
    let early = median(Array(windows.prefix(half)))
    let late = median(Array(windows.suffix(half)))
    outcome.judge(
      early == 0 || late <= early * 1.1,
      "p99 \(early.rounded(to: 1)) ms in the first half, \(late.rounded(to: 1)) ms in the second")
    let skipped = (chatter.members + listeners).reduce(0) { $0 + chatter.ledger[$1].skipped }
    outcome.check(skipped == 0, "\(chatter.ledger.orderCount) lines, \(skipped) skipped")
  }
}
