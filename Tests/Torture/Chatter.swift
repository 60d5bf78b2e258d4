import TestSupport
import TortureSupport

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
  /// - Parameters:
  ///   - rate: lines a second that they say together.
  ///   - others: the swarm that they join; nil for one of their own.
  init(_ count: Int, rate: Int, with server: ServerUnderTest, among others: Swarm? = nil) throws {
    swarm = try others ?? Swarm(connectingTo: server.address)
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
  /// - Parameters:
  ///   - lines: takes what it wants of the bytes that others of the swarm receive, as in `Swarm.run`.
  ///   - others: hears the lines that others receive besides.
  func talk(
    within limit: Duration, until isDone: (UInt64) throws -> Bool, lines: Swarm.HearLines = { _, _, _ in 0 },
    others: Swarm.HearLine = { _, _, _ in }
  ) throws {
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
    } lines: { peer, bytes, now in
      ledger.knows(peer) ? 0 : try lines(peer, bytes, now)
    } line: { peer, bytes, now in
      guard ledger.knows(peer) else { return try others(peer, bytes, now) }
      if ledger.isOther(bytes) { ledger.hearOther(peer, bytes) } else { try ledger.hear(peer, bytes, now) }
    }
  }

  func talk(for duration: Duration) throws {
    let end = monotonicNanoseconds() + UInt64(duration / .nanoseconds(1))
    try talk(within: duration + generousLimit) { $0 >= end }
  }
}
