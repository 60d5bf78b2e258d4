import TestSupport

/// Members who talk at an even pace while something else happens to the server. The latency of their lines shows whether the
/// room notices.
final class Chatter {
  let swarm: Swarm
  let ledger = Ledger(lengths: 20...100)
  let leader: Peer
  let talkers: [Peer]
  private var pace: Pace
  private let interval: UInt64
  private var turns = 0

  var members: [Peer] { talkers + [leader] }

  /// Connects `count` talkers and one who only listens.
  /// - Parameter rate: lines a second that they say together.
  init(_ count: Int, rate: Int, with server: ServerUnderTest) throws {
    swarm = try Swarm(connectingTo: server.address)
    leader = try swarm.addLeader()
    talkers = try swarm.add(count)
    ledger.listen(leader)
    for peer in talkers { ledger.speak(peer, timed: true) }
    interval = 1_000_000_000 / UInt64(rate)
    pace = Pace(everyNanoseconds: interval, from: monotonicNanoseconds())
    try server.settle(at: swarm.openCount)
  }

  /// Restarts the schedule and forgets the latencies measured so far.
  func restart() {
    pace = Pace(everyNanoseconds: interval, from: monotonicNanoseconds())
    ledger.forgetLatencies()
  }

  /// Talks until `isDone`, then until all is heard.
  func talk(within limit: Duration, until isDone: (UInt64) throws -> Bool) throws {
    pace = Pace(everyNanoseconds: interval, from: monotonicNanoseconds())
    var isOver = false
    try swarm.run(within: limit, "the talk to be heard; \(ledger.totalSaid) lines said, \(ledger.orderCount) heard") {
      now in
      if try !isOver && isDone(now) { isOver = true }
      if !isOver {
        pace.forEachDue(by: now) { due in
          let talker = talkers[turns % talkers.count]
          turns += 1
          swarm.say(ledger.nextLine(of: talker, at: due), by: talker)
        }
      }
      return try isOver && ledger.areComplete(members)
    } line: { peer, bytes, now in
      guard ledger.knows(peer) else { return }
      if ledger.isOther(bytes) { ledger.hearOther(peer, bytes) } else { try ledger.hear(peer, bytes, now) }
    }
  }

  func talk(for duration: Duration) throws {
    let end = monotonicNanoseconds() + UInt64(duration / .nanoseconds(1))
    try talk(within: duration + generousLimit) { $0 >= end }
  }
}
