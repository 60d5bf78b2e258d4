import TestSupport
import TortureSupport

extension Row {
  static let seedOnThree = Row(
    1, "SEED.md's three clients on three servers", asked: "the seed's transcripts"
  ) { _, outcome in
    let play = try ClusterRehearsal()
    for (client, transcript) in Seed.clients.enumerated() {
      let expected = Seed.lines(transcript, listeningOn: play.listeningPorts[client], ports: play.ports)
      guard play.clients[client] == expected else {
        throw TestFailure("client \(client + 1) showed \(play.clients[client]), and not \(expected)")
      }
    }
    outcome.check(true, "all three clients showed the seed's lines")
    for server in 0..<3 {
      let expected = play.expectedLines(ofServer: server)
      guard play.serverLines[server] == expected else {
        throw TestFailure("server \(server + 1) printed \(play.serverLines[server]), and not \(expected)")
      }
    }
    outcome.check(true, "each server printed the seed's lines about its own member")
    outcome.check(
      (play.clientExits + play.serverExits).allSatisfy { $0 == .status(0) } && play.errors.isEmpty,
      "all ended with status 0 and nothing on standard error: \(play.errors)")
  }

  static let everybodyOnThree = Row(
    2, "3 servers, 300 members, 100,000 lines", asked: "one order in all logs, none lost, doubled, torn or echoed"
  ) { size, outcome in
    let cluster = try ClusterUnderTest(3, on: try RedisServer(.everySecond), size.patience)
    let members = size.of(300, small: 30)
    let lines = size.of(100_000, small: 3000)
    let crowd = try Crowd(members, in: cluster)
    let each = (lines + members - 1) / members
    let (ledger, peers) = (crowd.ledger, Array(crowd.talkers.joined()))
    let start = monotonicNanoseconds()
    try crowd.run(within: .seconds(600), "all lines") { _ in
      var areDone = true
      for peer in peers where ledger.saidCount(of: peer) < each {
        areDone = false
        while peer.unsentBytes < 32_768, ledger.saidCount(of: peer) < each {
          crowd.swarm.say(ledger.nextLine(of: peer), by: peer)
        }
      }
      return try areDone && ledger.areComplete(crowd.everybody)
    }
    let seconds = Double(monotonicNanoseconds() - start) / 1e9
    let deliveries = each * members * (members - 1) + 3 * each * members
    outcome.check(
      crowd.skipped == 0 && ledger.orderCount == each * members,
      "\(ledger.orderCount) lines by \(members) members in one order, \(deliveries) deliveries in \(seconds.rounded(to: 1)) s, "
        + "\(crowd.skipped) skipped, none lost, doubled, torn or echoed")
    let room = try RoomInRedis(cluster.redis)
    try room.check(against: ledger)
    outcome.check(
      room.lineCount == ledger.orderCount,
      "Redis has the same \(room.lineCount) lines in \(room.entryCount) entries, each id right")
    outcome.check(cluster.areAlive, "all servers alive")
  }
}
