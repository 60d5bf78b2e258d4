import ChatRedis
import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let lostHistory = Row(
    6,
    "FLUSHALL; a restored older file; a replica promoted that lagged; the meta key deleted; a foreign entry in the key",
    asked: "told to everybody within 3 s, and the chat goes on"
  ) { size, outcome in
    for loss in HistoryLoss.allCases {
      let trial = try HistoryTrial(loss, members: size.of(60, small: 12))
      let seconds = try trial.run()
      outcome.check(true, "\(loss.rawValue): all \(trial.crowd.everybody.count) told once, then heard all")
      outcome.check(seconds <= 3, "\(loss.rawValue): the last was told after \(seconds.rounded(to: 2)) s")
    }
    let load = try HistoryUnderLoad.run(size)
    outcome.check(
      load.faults == 0,
      "FLUSHALL three times while all talk: \(load.lines) lines heard by one who listens, \(load.faults) doubled or out of order in one history, "
        + "\(load.repeated) by three who listen again below the notice"
    )
  }
}

/// How Redis can lose what it knew of a room, or have something in it that no server wrote.
enum HistoryLoss: String, CaseIterable {
  case flush = "FLUSHALL"
  case restored = "a restored older file"
  case lagging = "a replica promoted that lagged"
  case diverged = "a replica promoted on which others went on"
  case meta = "the meta key deleted"
  case foreign = "a foreign entry, `XADD key * field value`"
  case forged = "a foreign entry with the fields of ours"
}

/// One loss while nobody talks, so that nothing may be missing before or after it.
private final class HistoryTrial {
  let crowd: Crowd
  private let loss: HistoryLoss
  private let cluster: ClusterUnderTest
  private let redis: RedisServer
  private let keys = RoomKeys(room: ClusterUnderTest.room)
  private var replica: RedisServer?
  private var divergent: ServerUnderTest?

  init(_ loss: HistoryLoss, members: Int) throws {
    self.loss = loss
    redis = try RedisServer()
    cluster = try ClusterUnderTest(3, on: redis, by: .proxies)
    crowd = try Crowd(members, in: cluster)
  }

  /// - Returns: seconds from the loss until the last member was told.
  func run() throws -> Double {
    try crowd.talk(rate: 200, for: 1)
    try prepare()
    let start = monotonicNanoseconds()
    try lose()
    try crowd.run(within: .seconds(15), "everybody to be told of \(loss.rawValue)") { [crowd] _ in
      crowd.everybody.allSatisfy { crowd.count(.historyLost, of: $0) > 0 }
    }
    let last = crowd.everybody.compactMap { crowd.lastTime(.historyLost, of: $0) }.max() ?? start
    try crowd.everybodySaysOneLine()
    try crowd.talk(rate: 200, for: 1)
    let counts = crowd.counts(.historyLost, of: crowd.everybody)
    guard counts == 1...1, crowd.skipped == 0 else {
      throw TestFailure("\(loss.rawValue): told \(counts) times, \(crowd.skipped) lines skipped")
    }
    // Each server knows all again: the members of others too.
    let names = crowd.everybody.map { "\($0.port)" }.sorted()
    for server in cluster.servers.indices { try cluster.expectNames(names, at: server) }
    return Double(last - start) / 1e9
  }

  /// What has to be done before more is said.
  private func prepare() throws {
    switch loss {
    case .restored:
      try redis.command("SAVE")
      try crowd.everybodySaysOneLine()
    case .lagging, .diverged:
      let replica = try RedisServer(options: ["--replicaof", "127.0.0.1", "\(redis.port)"])
      self.replica = replica
      try eventually("the replica to have all") {
        try replica.command("GET", "none") == .null
          && replica.command("HGET", keys.meta, "b") == redis.command("HGET", keys.meta, "b")
          && (replica.command("INFO", "replication").text ?? "").contains("master_link_status:up")
      }
      try replica.command("REPLICAOF", "NO", "ONE")
      try crowd.everybodySaysOneLine()
      if loss == .diverged {
        // Other lines go to the replica, and more of them.
        let server = try ServerUnderTest(["--redis", replica.url(room: ClusterUnderTest.room)])
        divergent = server
        let peer = try Dialogue(connectingTo: server.address)
        let witness = try Dialogue(connectingTo: server.address)
        try eventually("both to be in") { server.logged("[NEW CONNECTION]") == 2 }
        for number in 0..<300 { try peer.send("\(number) was said at the replica\n") }
        while try !witness.expectLine().contains(": 299 was said at the replica") {}
      }
    default: break
    }
  }

  private func lose() throws {
    switch loss {
    case .flush: try redis.command("FLUSHALL")
    case .restored:
      try redis.kill()
      try redis.start()
    case .lagging, .diverged:
      guard let replica else { return }
      for proxy in cluster.proxies { try proxy.redirect(to: replica.address) }
      try redis.kill()
      for proxy in cluster.proxies { proxy.reset() }
    case .meta: try redis.command("DEL", keys.meta)
    case .foreign: try redis.command("XADD", keys.log, "*", "field", "value")
    case .forged:
      guard let last = try redis.command("XINFO", "STREAM", keys.log).elements,
        let place = last.firstIndex(where: { $0.text == "last-generated-id" }),
        let id = last[place + 1].text.flatMap({ Position(parsing: $0) })
      else { throw TestFailure("XINFO says nothing of the last id") }
      // It says more lines than its id does.
      try redis.command(
        "XADD", keys.log, "\(id.bytes + 10)-\(id.lines + 1)", "s", "00000000:00000000:1", "b", "1: a\n2: b\n")
    }
  }
}

/// Losses while all talk: what was on its way may be lost, but nothing is said twice, and what one says stays in order.
private enum HistoryUnderLoad {
  /// - Returns: lines that one listener heard; of all listeners, how many came twice or out of order in one history, and how many
  ///   had come in the history before, because their own server had not read them back when it was lost.
  static func run(_ size: Size) throws -> (lines: Int, faults: Int, repeated: Int) {
    let redis = try RedisServer()
    let cluster = try ClusterUnderTest(3, on: redis)
    let swarm = try Swarm(connectingTo: cluster.servers[0].address)
    let targets = try cluster.servers.map { try $0.address.resolved()[0] }
    let listeners = try targets.map { try swarm.add(to: $0) }
    let talkers = try (0..<30).map { try swarm.add(to: targets[$0 % 3]) }
    for server in 0..<3 {
      try eventually("all to be in") { cluster.servers[server].logged("[NEW CONNECTION]") == 11 }
    }
    var said = 0
    var (faults, repeated) = (0, 0)
    // By listener: the number heard last of each talker in this history and in any, and how often it was told of a loss.
    var last = [[Int: Int]](repeating: [:], count: 3)
    var lastEver = last
    var heard = [0, 0, 0]
    var told = [0, 0, 0]
    let flushes = 3
    var incidents = Incidents()
    for _ in 0..<flushes { incidents.after(size.of(8, small: 4)) { try redis.command("FLUSHALL") } }
    incidents.after(4) {}
    var pace = Pace(everyNanoseconds: 2_000_000, from: monotonicNanoseconds())
    var quietSince: UInt64?
    var before = 0
    try swarm.run(within: .seconds(120), "the flushes; heard \(heard), told \(told)") { now in
      if try !incidents.areOver(at: now) {
        pace.forEachDue(by: now) { _ in
          swarm.say("\(said % 30).\(said / 30)\n".utf8, by: talkers[said % 30])
          said += 1
        }
        return false
      }
      let sum = heard.reduce(0, +)
      if sum != before { (before, quietSince) = (sum, now) }
      return now > (quietSince ?? now) + 1_000_000_000
    } line: { peer, bytes, _ in
      guard let listener = listeners.firstIndex(where: { $0 === peer }) else { return }
      let line = ServerLine(Array(bytes)[...])
      if line.kind == .notice {
        if line.text.elementsEqual(Crowd.Told.historyLost.rawValue.utf8) {
          told[listener] += 1
          last[listener] = [:]
        }
        return
      }
      let numbers = line.text.split(separator: UInt8(ascii: ".")).map { Int(String(decoding: $0, as: UTF8.self)) ?? -1 }
      guard numbers.count == 2 else { throw TestFailure("somebody heard \(shown(bytes))") }
      heard[listener] += 1
      let (talker, number) = (numbers[0], numbers[1])
      if number <= last[listener][talker] ?? -1 { faults += 1 }
      if number <= lastEver[listener][talker] ?? -1 { repeated += 1 }
      last[listener][talker] = number
      lastEver[listener][talker] = max(number, lastEver[listener][talker] ?? -1)
    }
    guard told == [flushes, flushes, flushes] else { throw TestFailure("told of \(flushes) losses \(told) times") }
    guard cluster.areAlive, heard.allSatisfy({ $0 > said / 2 }) else {
      throw TestFailure("of \(said) lines \(heard) heard")
    }
    return (heard[0], faults, repeated)
  }
}
