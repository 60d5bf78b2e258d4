import ChatRedis
import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let stalledServer = Row(
    7, "a server stopped (SIGSTOP) for 60 s under 2,000 lines/s, and past the trimming",
    asked: "goes on; its members are told exactly how many lines they missed"
  ) { size, outcome in
    try stall(size, lengths: 40...100, isTrimmed: false, &outcome)
    try stall(size, lengths: 700...1000, isTrimmed: true, &outcome)
  }

  private static func stall(
    _ size: Size, lengths: ClosedRange<Int>, isTrimmed: Bool, _ outcome: inout Outcome
  ) throws {
    let redis = try RedisServer()
    let cluster = try ClusterUnderTest(3, on: redis, size.patience)
    let crowd = try Crowd(size.of(60, small: 12), in: cluster, lengths: lengths)
    let last = 2
    let others = crowd.talkers[0] + crowd.talkers[1]
    let members = crowd.talkers[last] + [crowd.listeners[last]]
    let rate = size.of(2000, small: 200)
    let seconds = size.of(60.0, small: 8)
    try crowd.talk(rate: rate, for: 1)
    let before = crowd.ledger.orderCount
    var incidents = Incidents()
    incidents.after(0) { cluster.servers[last].signal(SIGSTOP) }
    incidents.after(seconds) {
      // A small run says too little to be trimmed by itself.
      if isTrimmed, size == .small {
        let key = RoomKeys(room: ClusterUnderTest.room).log
        let entries = try redis.command("XLEN", key).number ?? 0
        try redis.command("XTRIM", key, "MAXLEN", "\(entries / 4)")
      }
      cluster.servers[last].signal(SIGCONT)
    }
    incidents.after(3) {}
    // The stopped server's members say nothing meanwhile, so that all lines are others' for them.
    try crowd.talk(rate: rate, within: .seconds(seconds * 2 + 60), by: others) { try incidents.areOver(at: $0) }
    try crowd.talk(rate: rate, for: 2)
    try crowd.everybodySaysOneLine()
    let missed = members.map { crowd.ledger[$0].skipped }
    let said = crowd.ledger.orderCount - before
    let what = "stopped for \(Int(seconds)) s\(isTrimmed ? ", past the trimming" : "")"
    outcome.check(
      Set(missed).count == 1 && (isTrimmed ? missed[0] > 0 : true),
      "\(what): \(said) lines were said, its \(members.count) members were told that they missed \(Set(missed).sorted()), which is "
        + "exact, and heard all others in order")
    let skipped = others.reduce(0) { $0 + crowd.ledger[$1].skipped }
    outcome.check(skipped == 0 && cluster.areAlive, "\(what): the others missed \(skipped)")
    let lost = crowd.counts(.historyLost, of: crowd.everybody)
    outcome.check(lost == 0...0, "\(what): told \(lost) times that the history was lost")
  }
}
