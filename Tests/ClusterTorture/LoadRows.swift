import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let latency = Row(
    11, "append to delivery on another server, 10,000 lines/s",
    asked:
      "p50 <= 2 ms, p99 <= 10 ms, Redis <= 20 % of a core, side by side with the same load on one server without Redis"
  ) { size, outcome in
    let rate = size.of(10_000, small: 1000)
    let seconds = size.of(20.0, small: 2)
    let cluster = try ClusterUnderTest(3, on: try RedisServer(), size.patience)
    let crowd = try Crowd(12, in: cluster, lengths: 60...60, timed: true)
    // A second to come to an even pace.
    try crowd.talk(rate: rate, for: 1)
    crowd.ledger.forgetLatencies()
    let (start, before) = (monotonicNanoseconds(), cluster.cpuNanoseconds)
    let lines = crowd.ledger.orderCount
    try crowd.talk(rate: rate, for: seconds)
    let (elapsed, after) = (Double(monotonicNanoseconds() - start), cluster.cpuNanoseconds)
    let redis = 100 * Double(after.redis - before.redis) / elapsed
    let servers = 100 * Double(after.servers - before.servers) / elapsed
    let latencies = crowd.ledger.latencies
    outcome.judge(
      latencies.milliseconds(0.5) <= 2 && latencies.milliseconds(0.99) <= 10,
      "3 servers, \(Int(Double(crowd.ledger.orderCount - lines) / elapsed * 1e9)) lines/s: \(latencies.described)")
    outcome.judge(
      redis <= 20, "Redis at \(redis.rounded(to: 1)) % of a core, the servers together at \(servers.rounded(to: 1)) %")
    let alone = try measureAlone(rate: rate, seconds: seconds, size)
    outcome.check(
      true, "one server without Redis: \(alone.latencies.described), at \(alone.load.rounded(to: 1)) % of a core")
    let ratio = latencies.milliseconds(0.5) / max(0.001, alone.latencies.milliseconds(0.5))
    outcome.check(true, "p50 is \(ratio.rounded(to: 1)) times that")
  }

  /// The same load on one server that shares its room with nobody.
  private static func measureAlone(
    rate: Int, seconds: Double, _ size: Size
  ) throws -> (latencies: Histogram, load: Double) {
    let server = try ServerUnderTest(size.patience)
    let swarm = try Swarm(connectingTo: server.address)
    let ledger = Ledger(lengths: 60...60)
    ledger.listen(try swarm.addLeader())
    let talkers = try swarm.add(12)
    for peer in talkers { ledger.speak(peer, timed: true) }
    try server.settle(at: 13)
    func talk(for seconds: Double) throws {
      let end = monotonicNanoseconds() + UInt64(seconds * 1e9)
      var pace = Pace(everyNanoseconds: 1_000_000_000 / UInt64(rate), from: monotonicNanoseconds())
      var next = 0
      try swarm.run(within: .seconds(seconds) + generousLimit, "all to be heard") { now in
        if now < end {
          pace.forEachDue(by: now) { due in
            let peer = talkers[next % talkers.count]
            next += 1
            swarm.say(ledger.nextLine(of: peer, at: due), by: peer)
          }
        }
        return try now >= end && ledger.areComplete(talkers)
      } lines: {
        try ledger.hearAgain($0, $1, $2)
      } line: {
        try ledger.hear($0, $1, $2)
      }
    }
    try talk(for: 1)
    ledger.forgetLatencies()
    let load = try server.load { try talk(for: seconds) }
    return (ledger.latencies, load)
  }

  static let growth = Row(
    12, "1, 2, 4 servers, 1,000 members", asked: "deliveries a second in all, CPU a delivery, Redis CPU a line"
  ) { size, outcome in
    for count in [1, 2, 4] {
      let point = try GrowthPoint(
        servers: count, members: size.of(1000, small: 60), lines: size.of(20_000, small: 2000), size.patience)
      outcome.check(true, point.description)
    }
  }
}
