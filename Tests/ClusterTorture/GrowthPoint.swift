import ChatWire
import TestSupport
import TortureSupport

/// What a room of many members costs on so many servers, when some of them talk as fast as it goes.
struct GrowthPoint {
  /// 0 for one server without Redis.
  let servers: Int
  let members: Int
  let lines: Int
  let deliveries: Int
  let seconds: Double
  /// CPU time of all servers, of Redis, and of this program, in nanoseconds.
  let serverCPU: UInt64
  let redisCPU: UInt64
  let ownCPU: UInt64
  let entries: Int

  static let talkers = 8
  /// Bytes of a line, without the speaker's name.
  static let lineBytes = 60

  var deliveriesPerSecond: Double { Double(deliveries) / seconds }
  var nanosecondsPerDelivery: Double { Double(serverCPU) / Double(deliveries) }
  var redisNanosecondsPerLine: Double { Double(redisCPU) / Double(lines) }
  /// Deliveries a second if each server had a core for itself, as on machines of their own.
  var possibleDeliveriesPerSecond: Double { Double(max(1, servers)) * 1e9 / nanosecondsPerDelivery }

  /// - Throws: if a line is lost, doubled, torn, echoed or out of order.
  init(servers count: Int, members: Int, lines: Int, _ arguments: [String] = []) throws {
    let cluster = try ClusterUnderTest(max(1, count), on: count == 0 ? nil : try RedisServer(), arguments)
    let crowd = try Crowd(members - max(1, count), in: cluster, lengths: Self.lineBytes...Self.lineBytes)
    try crowd.everybodySaysOneLine()
    let speakers = (0..<Self.talkers).map { crowd.talkers[$0 % max(1, count)][$0 / max(1, count)] }
    let (ledger, swarm) = (crowd.ledger, crowd.swarm)
    let each = lines / Self.talkers
    let first = ledger.orderCount
    let goal = ledger.saidCount(of: speakers[0]) + each
    let (start, before, own) = (monotonicNanoseconds(), cluster.cpuNanoseconds, ownCPUNanoseconds())
    try crowd.run(within: .seconds(300), "all lines") { _ in
      var areDone = true
      for peer in speakers where ledger.saidCount(of: peer) < goal {
        areDone = false
        while peer.unsentBytes < 32_768, ledger.saidCount(of: peer) < goal {
          swarm.say(ledger.nextLine(of: peer), by: peer)
        }
      }
      return try areDone && ledger.areComplete(crowd.everybody)
    }
    let after = cluster.cpuNanoseconds
    seconds = Double(monotonicNanoseconds() - start) / 1e9
    ownCPU = ownCPUNanoseconds() - own
    (serverCPU, redisCPU) = (after.servers - before.servers, after.redis - before.redis)
    (servers, self.members) = (count, members)
    self.lines = ledger.orderCount - first
    deliveries = self.lines * (members - 1)
    guard crowd.skipped == 0 else { throw TestFailure("\(crowd.skipped) lines were skipped") }
    entries = count == 0 ? 0 : try RoomInRedis(cluster.redis).entryCount
  }

  var description: String {
    let million = (deliveriesPerSecond / 1e6).rounded(to: 2)
    let possible = (possibleDeliveriesPerSecond / 1e6).rounded(to: 1)
    let who = servers == 0 ? "1 server without Redis" : "\(servers) server\(servers == 1 ? "" : "s")"
    return "\(who), \(members) members: \(million) million deliveries/s in all on this machine, "
      + "\(nanosecondsPerDelivery.rounded(to: 0)) ns of the servers a delivery (\(possible) million/s with a core for each), "
      + "Redis \((redisNanosecondsPerLine / 1000).rounded(to: 2)) us a line"
  }
}

/// What it costs Redis that so many servers say something all the time: each of them appends and reads as often as it may, however
/// little is said.
struct WakingPoint {
  let servers: Int
  /// Of a core of Redis.
  let redisShare: Double
  /// Turns appended a second, of all servers.
  let turnsPerSecond: Double

  /// Lines that one member of each server says a second.
  static let linesPerSecond = 1000

  init(servers count: Int, seconds: Double) throws {
    let cluster = try ClusterUnderTest(count, on: try RedisServer())
    let crowd = try Crowd(count, in: cluster, lengths: GrowthPoint.lineBytes...GrowthPoint.lineBytes)
    let rate = count * Self.linesPerSecond
    try crowd.talk(rate: rate, for: 0.5)
    let entries = try RoomInRedis(cluster.redis).entryCount
    let (start, before) = (monotonicNanoseconds(), cluster.cpuNanoseconds.redis)
    try crowd.talk(rate: rate, for: seconds)
    let elapsed = Double(monotonicNanoseconds() - start)
    servers = count
    redisShare = Double(cluster.cpuNanoseconds.redis - before) / elapsed
    turnsPerSecond = Double(try RoomInRedis(cluster.redis).entryCount - entries) / elapsed * 1e9
  }
}
