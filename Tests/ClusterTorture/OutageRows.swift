import ChatRedis
import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let redisAway = Row(
    3,
    "the same while Redis is killed (kill -9, `always`) 20 times, stopped for 10 s, cut off (veth down) for 20 s, its sockets "
      + "reset at random bytes 500 times",
    asked: "the same, and senders told once each time"
  ) { size, outcome in
    try killedRedis(size, &outcome)
    try stoppedRedis(size, &outcome)
    try cutOffRedis(size, &outcome)
    try brokenSockets(size, &outcome)
    try lostDirections(size, &outcome)
  }

  private static func members(_ size: Size) -> Int { size.of(300, small: 30) }
  private static func rate(_ size: Size) -> Int { size.of(1000, small: 200) }

  /// What has to hold after every outage.
  private static func judge(_ crowd: Crowd, _ what: String, _ outcome: inout Outcome) throws {
    let room = try RoomInRedis(crowd.cluster.redis)
    try room.check(against: crowd.ledger)
    outcome.check(
      crowd.skipped == 0 && crowd.cluster.areAlive,
      "\(what): \(crowd.ledger.orderCount) lines heard by \(crowd.everybody.count) in one order, none lost, doubled, torn or echoed, "
        + "and Redis has the same")
    let lost = crowd.counts(.historyLost, of: crowd.everybody)
    outcome.check(lost == 0...0, "\(what): told \(lost) times that the history was lost")
  }

  /// How often talkers were told of outages: as often as wanted. At small size, where a busy machine that does not run Redis for a while
  /// makes outages too, or short ones long, as often as links came back.
  private static func judgeTold(_ crowd: Crowd, _ what: String, _ wanted: Int, _ size: Size, _ outcome: inout Outcome) {
    let talkers = Array(crowd.talkers.joined())
    func areEven() -> Bool {
      crowd.everybody.allSatisfy { crowd.count(.linkDown, of: $0) == crowd.count(.linkBack, of: $0) }
    }
    var most: Int { size == .small ? max(wanted, crowd.cluster.linksBack) : wanted }
    // Whoever has heard all may still have the last notice to come, and the log its line.
    try? crowd.run(within: .seconds(10), "notices and logs to agree") { _ in
      areEven() && crowd.counts(.linkBack, of: talkers).upperBound <= most
    }
    let (down, back) = (crowd.counts(.linkDown, of: talkers), crowd.counts(.linkBack, of: talkers))
    outcome.check(
      areEven() && down.lowerBound >= wanted && down.upperBound <= most,
      "\(what): each sender told \(down.description) times that the link is down and \(back.description) times that it is back, "
        + "asked \(wanted)...\(most)")
  }

  private static func killedRedis(_ size: Size, _ outcome: inout Outcome) throws {
    let redis = try RedisServer(.always)
    let cluster = try ClusterUnderTest(3, on: redis, size.patience)
    let crowd = try Crowd(members(size), in: cluster)
    let (kills, long) = (size.of(20, small: 3), size.of(5, small: 1))
    var incidents = Incidents()
    for kill in 0..<kills {
      // Most outages are too short to be told of. Between two of them the link has to be there, or they are one.
      let isLong = kill % (kills / long) == 0
      incidents.after(isLong ? 4 : .random(in: 1.5...3)) { try redis.kill() }
      incidents.after(isLong ? 4 : .random(in: 0.05...0.7)) { try redis.start(awaitAnswer: false) }
      if isLong { incidents.after(2) {} }
    }
    incidents.after(5) {}
    let least = size.of(40_000, small: 400)
    try crowd.talk(rate: rate(size), within: .seconds(size.of(600, small: 90))) { now in
      try incidents.areOver(at: now) && crowd.ledger.totalSaid >= least
    }
    try judge(crowd, "\(kills) kills", &outcome)
    judgeTold(crowd, "\(long) kills with 4 s until the start", long, size, &outcome)
  }

  private static func stoppedRedis(_ size: Size, _ outcome: inout Outcome) throws {
    let redis = try RedisServer(.always)
    let cluster = try ClusterUnderTest(3, on: redis, size.patience)
    let crowd = try Crowd(members(size), in: cluster)
    let seconds = size.of(10.0, small: 5)
    var incidents = Incidents()
    incidents.after(1) { redis.pause() }
    incidents.after(seconds) { redis.resume() }
    incidents.after(5) {}
    let least = size.of(20_000, small: 400)
    try crowd.talk(rate: rate(size), within: .seconds(size.of(300, small: 90))) { now in
      try incidents.areOver(at: now) && crowd.ledger.totalSaid >= least
    }
    try judge(crowd, "stopped for \(Int(seconds)) s", &outcome)
    judgeTold(crowd, "stopped for \(Int(seconds)) s", 1, size, &outcome)
  }

  private static func cutOffRedis(_ size: Size, _ outcome: inout Outcome) throws {
    let network: Network
    do { network = try Network() } catch let skip as Skipped {
      // The other outages hold without it.
      return outcome.check(true, "the cut by veth was not run here: \(skip.reason)")
    }
    let redis = try RedisServer(.always, on: network)
    let cluster = try ClusterUnderTest(3, on: redis, size.patience)
    let crowd = try Crowd(members(size), in: cluster)
    let seconds = size.of(20.0, small: 6)
    var incidents = Incidents()
    incidents.after(1) { try network.cut() }
    incidents.after(seconds) { try network.mend() }
    incidents.after(8) {}
    let least = size.of(20_000, small: 400)
    try crowd.talk(rate: rate(size), within: .seconds(size.of(300, small: 90))) { now in
      try incidents.areOver(at: now) && crowd.ledger.totalSaid >= least
    }
    try judge(crowd, "cut off for \(Int(seconds)) s", &outcome)
    judgeTold(crowd, "cut off for \(Int(seconds)) s", 1, size, &outcome)
  }

  private static func brokenSockets(_ size: Size, _ outcome: inout Outcome) throws {
    let redis = try RedisServer(.always)
    let cluster = try ClusterUnderTest(3, on: redis, by: .proxies, size.patience)
    let crowd = try Crowd(members(size), in: cluster)
    let wanted = size.of(500, small: 30)
    // From the first byte of the script to some hundred turns, each order of magnitude as often as the others.
    // On a slow way what comes late is likely to come between a server's hello and its next turn.
    for (proxy, delay) in zip(cluster.proxies, [0, 30, 120]) {
      proxy.delay(.milliseconds(delay))
      proxy.break { (Int(exp(Double.random(in: 0...12.5))), Proxy.Break.allCases.randomElement() ?? .reset) }
      proxy.reset()
    }
    var broken: Int { cluster.proxies.reduce(0) { $0 + $1.brokenCount } }
    var isOver = false
    var incidents = Incidents()
    incidents.after(3) {}
    let least = size.of(20_000, small: 400)
    try crowd.talk(rate: rate(size), within: .seconds(size.of(900, small: 90))) { now in
      if !isOver, broken >= wanted {
        isOver = true
        for proxy in cluster.proxies {
          proxy.delay(.zero)
          proxy.break(nil)
          proxy.reset()
        }
      }
      return try isOver && incidents.areOver(at: now) && crowd.ledger.totalSaid >= least
    }
    try judge(crowd, "\(broken) sockets broken at random bytes", &outcome)
    try judgeEvenlyTold(crowd, &outcome)
  }

  private static func judgeEvenlyTold(_ crowd: Crowd, _ outcome: inout Outcome) throws {
    let talkers = Array(crowd.talkers.joined())
    func uneven() -> [Peer] {
      crowd.everybody.filter { crowd.count(.linkDown, of: $0) != crowd.count(.linkBack, of: $0) }
    }
    // Whoever has heard all may still have the last notice to come.
    try? crowd.run(within: .seconds(5), "everybody to be told that the link is back") { _ in uneven().isEmpty }
    let told = uneven().map { "\($0.port) \(crowd.count(.linkDown, of: $0)) and \(crowd.count(.linkBack, of: $0))" }
    outcome.check(
      told.isEmpty,
      "meanwhile told \(crowd.counts(.linkDown, of: talkers)) times, and as often that it is back"
        + (told.isEmpty ? "" : ", but \(told.count): \(told.prefix(5))"))
  }

  /// What goes in one direction is lost, of one server after the other and of all at once; or everything takes long.
  private static func lostDirections(_ size: Size, _ outcome: inout Outcome) throws {
    let redis = try RedisServer(.always)
    let cluster = try ClusterUnderTest(3, on: redis, by: .proxies, size.patience)
    let crowd = try Crowd(members(size), in: cluster)
    let rounds = size.of(10, small: 1)
    var incidents = Incidents()
    for round in 0..<rounds {
      for (index, passage) in [Proxy.Passage.requestsOnly, .repliesOnly, .nothing].enumerated() {
        let proxies = round % 4 == 3 ? cluster.proxies : [cluster.proxies[(round + index) % 3]]
        incidents.after(1) { for proxy in proxies { proxy.pass(passage) } }
        incidents.after(.random(in: 0.1...4)) { for proxy in proxies { proxy.pass(.everything) } }
      }
      incidents.after(1) { for proxy in cluster.proxies { proxy.delay(.milliseconds(.random(in: 1...300))) } }
      incidents.after(2) { for proxy in cluster.proxies { proxy.delay(.zero) } }
    }
    incidents.after(8) {}
    try crowd.talk(rate: rate(size), within: .seconds(size.of(600, small: 90))) { try incidents.areOver(at: $0) }
    try judge(crowd, "\(3 * rounds) times one direction or both lost, and \(rounds) times slow", &outcome)
    try judgeEvenlyTold(crowd, &outcome)
  }

  static let redisRefusing = Row(
    9,
    "Redis without memory (`maxmemory` reached), read-only, loading, wrong password at a reconnect",
    asked: "senders wait and are told; nothing lost when it is back"
  ) { size, outcome in
    let redis = try RedisServer(.always, options: ["--rdbcompression", "no"])
    let cluster = try ClusterUnderTest(3, on: redis, size.patience)
    let crowd = try Crowd(size.of(60, small: 12), in: cluster)
    let rate = size.of(300, small: 60)
    let seconds = size.of(10.0, small: 4)
    var outages = 0
    func outage(_ what: String, says word: String, begin: () throws -> Void, end: () throws -> Void) throws {
      try crowd.talk(rate: rate, for: 0.5)
      let before = cluster.servers.map { $0.logged(word) }
      try begin()
      outages += 1
      var incidents = Incidents()
      // Nobody can hear all before it is over.
      try withoutActuallyEscaping(end) { end in
        incidents.after(seconds) { try end() }
        incidents.after(3) {}
        try crowd.talk(rate: rate, within: .seconds(seconds) + .seconds(60)) { try incidents.areOver(at: $0) }
        incidents = Incidents()
      }
      let words = zip(cluster.servers, before).map { $0.logged(word) - $1 }
      judgeTold(crowd, what, outages, size, &outcome)
      outcome.check(
        words.allSatisfy { (1...2).contains($0) }, "\(what): the consoles say \(word.debugDescription) \(words) times")
    }
    try outage("without memory", says: "OOM") {
      try redis.command("CONFIG", "SET", "maxmemory", "1")
    } end: {
      try redis.command("CONFIG", "SET", "maxmemory", "0")
    }
    try outage("read-only", says: "is a replica") {
      // A replica of nobody that answers; it keeps its data as long as it cannot connect.
      try redis.command("REPLICAOF", "127.0.0.1", "1")
    } end: {
      try redis.command("REPLICAOF", "NO", "ONE")
    }
    try outage("wrong password", says: "password") {
      try redis.command("CONFIG", "SET", "requirepass", "changed")
      let client = try RedisClient(redis)
      try client.call("AUTH", "changed")
      try client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    } end: {
      let client = try RedisClient(redis)
      try client.call("AUTH", "changed")
      try client.call("CONFIG", "SET", "requirepass", "")
    }
    let keys = RoomKeys(room: ClusterUnderTest.room)
    try outage("a string in the stream's place", says: "WRONGTYPE") {
      try redis.command("RENAME", keys.log, "elsewhere")
      try redis.command("SET", keys.log, "nothing")
    } end: {
      try redis.command("RENAME", "elsewhere", keys.log)
    }
    try outage("loading", says: "LOADING") {
      // Loads slowly (key-load-delay, microseconds a key), and answers meanwhile after each KiB. It saves at its end, so that
      // nothing is missing.
      try redis.command(
        "EVAL", "for i = 1, 4000 do redis.call('SET', 'filler' .. i, string.rep('x', 100)) end", "0")
      _ = try? redis.command("SHUTDOWN", "SAVE")
      try redis.kill()
      try redis.start(
        awaitAnswer: false,
        options: [
          "--appendonly", "no", "--rdbcompression", "no", "--key-load-delay", "\(Int(seconds * 1e6) / 4000)",
          "--loading-process-events-interval-bytes", "1024",
        ])
    } end: {
    }
    try crowd.everybodySaysOneLine()
    let room = try RoomInRedis(redis)
    try room.check(against: crowd.ledger)
    outcome.check(
      crowd.skipped == 0 && cluster.areAlive,
      "\(crowd.ledger.orderCount) lines heard by all in one order, none lost or doubled")
  }
}
