import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let stalledReaders = Row(
    5, "1,000 members never read while 200 do and much is said",
    asked:
      "memory within ring + 16 MiB; the 200 complete and in order; each stalled one gets its exact count when it wakes"
  ) { size, outcome in
    let server = try ServerUnderTest()
    let ring = 1 << 20
    let swarm = try Swarm(connectingTo: server.address)
    // Long lines: half a gigabyte times 200 is to be moved and compared, not parsed.
    let ledger = Ledger(lengths: 2000...8000)
    let readers = [try swarm.addLeader()] + (try swarm.add(size.of(199, small: 19)))
    let speakers = try swarm.add(4)
    for peer in speakers { ledger.speak(peer) }
    let stalled = try swarm.add(size.of(1000, small: 100), receiveBuffer: 4096)
    for peer in readers + stalled { ledger.listen(peer) }
    try server.settle(at: swarm.openCount)
    let idle = server.memory
    let bytes = size.of(512 << 20, small: 24 << 20)
    var (said, wakings) = (0, 0)
    let start = monotonicNanoseconds()
    while said < bytes {
      // The server gives up on a member that takes no byte for 30 s, so they wake before, and stall again.
      let pause = monotonicNanoseconds() + 15_000_000_000
      for peer in stalled { swarm.setReading(false, of: peer) }
      try swarm.run(within: .seconds(300), "the 200 to hear all; \(said >> 20) MiB said") { now in
        let mayTalk = said < bytes && now < pause
        for peer in speakers where mayTalk && peer.unsentBytes < 65_536 {
          for _ in 0..<16 {
            let line = ledger.nextLine(of: peer)
            said += line.count
            swarm.say(line, by: peer)
          }
        }
        return try !mayTalk && ledger.areComplete(readers + speakers)
      } lines: {
        try ledger.hearAgain($0, $1, $2)
      } line: {
        try ledger.hear($0, $1, $2)
      }
      for peer in stalled { swarm.setReading(true, of: peer) }
      try swarm.run(within: .seconds(120), "the stalled to wake") { _ in
        try stalled.allSatisfy { $0.state != .open } || ledger.areComplete(stalled)
      } lines: {
        try ledger.hearAgain($0, $1, $2)
      } line: {
        try ledger.hear($0, $1, $2)
      }
      wakings += 1
    }
    let seconds = Double(monotonicNanoseconds() - start) / 1e9
    let memory = server.peakMemory
    outcome.check(
      memory - idle <= (ring >> 10) + (16 << 10),
      "peak memory \(memory >> 10) MiB, \(idle >> 10) MiB of it before anybody spoke, with a ring of 1 MiB")
    outcome.check(
      true, "\(readers.count) readers heard \(ledger.orderCount) lines each in one order in \(seconds.rounded(to: 1)) s"
    )
    let exact = try stalled.filter { try ledger.isComplete($0) && $0.state == .open }
    let skipped = stalled.map { ledger[$0].skipped }
    let lost = stalled.count { $0.state != .open }
    outcome.check(lost == 0, "\(lost) stalled members lost")
    outcome.check(
      exact.count == stalled.count,
      "\(exact.count) of \(stalled.count) woke to the exact count, between \(skipped.min() ?? 0) and \(skipped.max() ?? 0) lines"
        + " in \(wakings) wakings")
    outcome.check((skipped.min() ?? 0) > 0, "each stalled member missed some")
    outcome.check(server.isAlive, "server alive")
  }

  static let everybodyTalks = Row(
    8, "100 members say 5,000 lines each, of 1 to 1,000 bytes, all at once",
    asked: "49.5 million deliveries: none lost, doubled, torn or echoed; one order in all logs"
  ) { size, outcome in
    try talk(
      members: size.of(100, small: 20), lines: size.of(5000, small: 500), on: try ServerUnderTest(size.patience),
      &outcome)
  }

  /// `letEverybodyTalk`, judged.
  static func talk(members: Int, lines: Int, on server: ServerUnderTest, _ outcome: inout Outcome) throws {
    let start = monotonicNanoseconds()
    let (heard, skipped) = try letEverybodyTalk(
      members: members, lines: lines, lengths: 1...1000, at: server.address, settle: { try server.settle(at: $0) })
    let seconds = Double(monotonicNanoseconds() - start) / 1e9
    outcome.check(
      heard == members * (members - 1) * lines && skipped == 0,
      "\(heard) deliveries in \(seconds.rounded(to: 1)) s, \(skipped) skipped, none doubled, torn or echoed, one order")
  }

  static let floods = Row(
    12, "10 senders at full speed beside 200 talkers",
    asked: "talkers' p99 at most 50 ms and nothing lost; flooders are slowed, and all they said arrives"
  ) { size, outcome in
    let server = try ServerUnderTest(size.patience)
    let swarm = try Swarm(connectingTo: server.address)
    let ledger = Ledger(lengths: 20...200)
    ledger.listen(try swarm.addLeader())
    let talkers = try swarm.add(size.of(200, small: 20))
    let flooders = try swarm.add(10)
    for peer in talkers { ledger.speak(peer, timed: true) }
    for peer in flooders { ledger.speak(peer) }
    try server.settle(at: swarm.openCount)
    let start = monotonicNanoseconds()
    let end = start + size.of(20, small: 3) * 1_000_000_000
    // Each talker says a line every ten seconds.
    var pace = Pace(everyNanoseconds: 10_000_000_000 / UInt64(talkers.count), from: start)
    var next = 0
    try swarm.run(within: .seconds(120), "the flood to be heard") { now in
      if now < end {
        pace.forEachDue(by: now) { due in
          let talker = talkers[next % talkers.count]
          swarm.say(ledger.nextLine(of: talker, at: due), by: talker)
          next += 1
        }
        for peer in flooders where peer.unsentBytes < 65_536 {
          for _ in 0..<256 { swarm.say(ledger.nextLine(of: peer), by: peer) }
        }
      }
      return try now >= end && ledger.areComplete(talkers + flooders)
    } lines: {
      try ledger.hearAgain($0, $1, $2)
    } line: {
      try ledger.hear($0, $1, $2)
    }
    let skipped = (talkers + flooders).reduce(0) { $0 + ledger[$1].skipped }
    outcome.check(skipped == 0, "\(ledger.orderCount) lines heard by all, \(skipped) skipped")
    outcome.judge(ledger.latencies.milliseconds(0.99) <= 50, "talkers' lines: \(ledger.latencies.described)")
  }
}
