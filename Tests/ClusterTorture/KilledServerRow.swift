import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let killedServer = Row(
    4, "the same while a server is killed (kill -9) and comes back, 20 times",
    asked: "others complete; its members' names free within 8 s; none of its last lines half said; what it had not "
      + "appended is all that is lost"
  ) { size, outcome in
    let cluster = try ClusterUnderTest(3, on: try RedisServer(.everySecond), size.patience)
    let crowd = try Crowd(size.of(300, small: 30), in: cluster)
    let (kills, each) = (size.of(20, small: 2), size.of(100, small: 10))
    let names = try ContestedName(crowd)
    var (killed, isOver, freed) = (0, false, [Double]())
    var stage = Stage.living(until: monotonicNanoseconds() + 2_000_000_000)
    let least = size.of(100_000, small: 400)
    let last = 2
    try crowd.talk(rate: size.of(1000, small: 200), within: .seconds(size.of(900, small: 100))) { now in
      switch stage {
      case .living(let end):
        guard now >= end, killed < kills else { break }
        try names.hold("ghost\(killed)", on: last)
        stage = .naming
      case .naming:
        guard names.isHeld else { break }
        cluster.servers[last].signal(SIGKILL)
        _ = try cluster.servers[last].waitForExit()
        let start = monotonicNanoseconds()
        killed += 1
        crowd.loseMembers(of: last)
        try cluster.restart(last)
        try crowd.join(each, to: last)
        stage = .freeing(since: start, nextClaim: now)
      case .freeing(let start, let nextClaim):
        if let at = names.takenAt {
          freed.append(Double(at - start) / 1e9)
          stage = .living(until: now + .random(in: 500_000_000..<2_000_000_000))
        } else if now >= nextClaim {
          names.claim()
          stage = .freeing(since: start, nextClaim: now + 250_000_000)
        }
      }
      if case .living = stage, killed == kills { isOver = true }
      return isOver && crowd.ledger.totalSaid >= least
    }
    // A line of everybody shows where those who came are in the order.
    try crowd.everybodySaysOneLine()
    let room = try RoomInRedis(cluster.redis)
    try room.check(against: crowd.ledger)
    outcome.check(
      crowd.skipped == 0 && cluster.areAlive,
      "\(killed) kills: \(crowd.ledger.orderCount) lines heard by \(crowd.everybody.count) in one order, whole, as they are in Redis; "
        + "\(crowd.ledger.lostCount) of the killed servers' last lines had not been appended")
    let longest = freed.max() ?? .infinity
    outcome.judge(
      longest <= 8, "names free after \((freed.min() ?? 0).rounded(to: 1)) to \(longest.rounded(to: 1)) s")
    let others = crowd.talkers[0] + crowd.talkers[1]
    var most: Int { size == .small ? cluster.linksBack : 0 }
    // The log's line comes after the notice.
    try? crowd.run(within: .seconds(10), "notices and logs to agree") { _ in
      crowd.counts(.linkDown, of: others).upperBound <= most
    }
    let told = crowd.counts(.linkDown, of: others)
    outcome.check(told.upperBound <= most, "others told \(told) times that the link is down")
  }

  private enum Stage {
    case living(until: UInt64)
    case naming
    case freeing(since: UInt64, nextClaim: UInt64)
  }
}

/// A name that a member of one server has, and one of the first server wants.
private final class ContestedName {
  private let crowd: Crowd
  private var claimant: Peer?
  private var name = ""
  /// What the claimant is called.
  private var ownName = ""
  private(set) var isHeld = false
  private(set) var takenAt: UInt64?

  init(_ crowd: Crowd) throws {
    self.crowd = crowd
    let claimant = try crowd.addOutsider(to: 0) { [weak self] line in
      guard let self, line == "* \(ownName) is now \(name)" else { return }
      (takenAt, ownName) = (monotonicNanoseconds(), name)
    }
    ownName = "\(claimant.port)"
    self.claimant = claimant
  }

  /// Has a new member of a server take a name.
  func hold(_ name: String, on server: Int) throws {
    (self.name, isHeld, takenAt) = (name, false, nil)
    let holder = try crowd.addOutsider(to: server) { [weak self] line in
      if line.hasSuffix(" is now \(name)") { self?.isHeld = true }
    }
    crowd.swarm.say("/nick \(name)\n".utf8, by: holder)
  }

  func claim() { if let claimant { crowd.swarm.say("/nick \(name)\n".utf8, by: claimant) } }
}
