import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let contestedNames = Row(
    8, "20 members on 4 servers claim one name at once, 200 times; names during a partition",
    asked: "one holder each time, everybody agrees who"
  ) { size, outcome in
    let cluster = try ClusterUnderTest(4, on: try RedisServer(), by: .proxies)
    let contest = try NameContest(cluster, members: 20)
    let rounds = size.of(200, small: 12)
    for round in 0..<rounds { try contest.claimAtOnce("prize\(round)", withLookAlikes: round % 2 == 1) }
    outcome.check(
      true,
      "\(rounds) names claimed by 20 at once: one holder each time, of the \(contest.holders.count) who had one at all; all 20 heard the "
        + "same \(contest.renames) renames in the same order, and the lists of all 4 servers are the same")
    let collisions = size.of(20, small: 3)
    for _ in 0..<collisions { try contest.samePort() }
    outcome.check(true, "\(collisions) times two came from one port to two servers: two names, as everybody knows them")
    let partitions = size.of(10, small: 1)
    for round in 0..<partitions { try contest.partition(round) }
    outcome.check(
      true,
      "\(partitions) partitions of 9 s: a name that its holder's server could not keep went to another; when all were back, one "
        + "holder of each name and the same lists on all 4 servers; \(contest.renamedByForce) lost a name so and were told"
    )
    outcome.check(cluster.areAlive, "all servers alive")
  }
}

/// Members on several servers who claim names, and what each of them knows.
private final class NameContest {
  private final class Member {
    let peer: Peer
    let server: Int
    /// What it is called, by the last rename of its own that it heard.
    var name: String
    /// Renames that it heard, in order.
    var renames: [String] = []
    /// What it asked to be called last.
    var wanted = ""
    /// Answers of its server that are no renames.
    var answers: [String] = []
    init(_ peer: Peer, _ server: Int) { (self.peer, self.server, name) = (peer, server, "\(peer.port)") }
  }

  private let cluster: ClusterUnderTest
  private let swarm: Swarm
  private let targets: [SocketAddress]
  private var members: [Member] = []
  private var byPeer: [Int: Member] = [:]
  private(set) var holders: Set<Int> = []
  private(set) var renamedByForce = 0

  var renames: Int { members[0].renames.count }

  init(_ cluster: ClusterUnderTest, members count: Int) throws {
    self.cluster = cluster
    swarm = try Swarm(connectingTo: cluster.servers[0].address)
    targets = try cluster.servers.map { try $0.address.resolved()[0] }
    for index in 0..<count {
      let server = index % targets.count
      let member = Member(try swarm.add(to: targets[server], hasOwnPort: true), server)
      members.append(member)
      byPeer[member.peer.index] = member
    }
    try expectSameLists()
  }

  private func run(_ what: String, within limit: Duration = generousLimit, until isDone: () throws -> Bool) throws {
    try swarm.run(within: limit, "\(what); \(state)") { _ in
      try isDone()
    } line: { peer, bytes, _ in
      guard let member = byPeer[peer.index] else { return }
      let line = String(decoding: bytes, as: UTF8.self)
      if case .renamed(let old, let new) = Notice(parsing: ServerLine(Array(bytes)[...]).text) {
        member.renames.append(line)
        // After a partition two may have had the old name.
        let isOwn = "\(old)" == member.name && (member.wanted == "\(new)" || "\(member.peer.port)" == "\(new)")
        if isOwn { member.name = "\(new)" }
      } else if line.hasPrefix("* ") {
        member.answers.append(String(line.dropFirst(2)))
      }
    }
  }

  private var state: String {
    members.map { "\($0.server) \($0.name): \($0.renames.count) renames, \($0.answers.suffix(2))" }
      .joined(separator: "; ")
  }

  private func claim(_ name: String, by member: Member) {
    member.wanted = name
    swarm.say("/nick \(name)\n".utf8, by: member.peer)
  }

  /// All claim a name at the same moment.
  func claimAtOnce(_ name: String, withLookAlikes: Bool) throws {
    let before = members[0].renames.count
    for member in members { member.answers = [] }
    for (index, member) in members.enumerated() {
      // A Cyrillic `р` and capitals look like the name or count as the same.
      let variants = [name, name.uppercased(), name.replacing("p", with: "\u{440}")]
      claim(withLookAlikes ? variants[index % 3] : name, by: member)
    }
    try run("everybody's answer about \(name)") {
      let answered = members.count { $0.answers.contains { !$0.hasPrefix("Here") } }
      return answered + 1 >= members.count && members.allSatisfy { $0.renames.count == before + 1 }
    }
    let rename = members[0].renames.last
    guard members.allSatisfy({ $0.renames.last == rename && $0.renames.count == before + 1 }) else {
      throw TestFailure("\(name): not all heard the same; \(state)")
    }
    let winners = members.filter { $0.answers.isEmpty }
    guard winners.count == 1, rename?.hasSuffix(" is now \(winners[0].name)") == true else {
      throw TestFailure("\(name): \(winners.count) had no refusal; \(state)")
    }
    holders.insert(winners[0].peer.index)
    try expectSameLists()
  }

  /// Each server lists the same members, and each once.
  private func expectSameLists(within limit: Duration = .seconds(10)) throws {
    let names = members.map(\.name).sorted()
    guard Set(names).count == names.count else { throw TestFailure("two have one name: \(names)") }
    for server in cluster.servers.indices { try cluster.expectNames(names, at: server, within: limit) }
  }

  /// Two come from one port, each to another server.
  func samePort() throws {
    let first = try FixedPortPeer(to: targets[0], port: nil)
    defer { first.close() }
    let second = try FixedPortPeer(to: targets[1], port: first.port)
    defer { second.close() }
    try eventually("two names for the port \(first.port)") {
      let lists = try cluster.servers.indices.map { server in
        try cluster.names(listedBy: server).filter { $0.hasPrefix("\(first.port)") }
      }
      return lists.allSatisfy { $0 == lists[0] && $0.count == 2 && Set($0).count == 2 }
    }
  }

  /// One server is cut off for longer than it is waited for. Its members and others want the same names meanwhile.
  func partition(_ round: Int) throws {
    let cut = 3
    let (inside, outside) = (members.filter { $0.server == cut }, members.filter { $0.server != cut })
    let held = "held\(round)"
    claim(held, by: inside[0])
    try run("a name before the partition") {
      members.allSatisfy {
        $0.renames.last?.hasSuffix(" is now \(held)") == true
      }
    }
    let nameBefore = inside[0].name
    cluster.proxies[cut].pass(.nothing)
    let start = monotonicNanoseconds()
    // Somebody else gets the name once the holder's server counts as gone.
    var nextClaim = start
    let taker = outside[round % outside.count]
    try run("the name of a lost server to be free", within: .seconds(20)) {
      if monotonicNanoseconds() > nextClaim {
        claim(held, by: taker)
        nextClaim += 300_000_000
      }
      return taker.name == held
    }
    // Both sides want one name that is new.
    let wanted = "wanted\(round)"
    claim(wanted, by: inside[1])
    claim(wanted, by: outside[(round + 1) % outside.count])
    while monotonicNanoseconds() < start + 9_000_000_000 {
      try run("the partition") { true }
      pass(.milliseconds(5))
    }
    cluster.proxies[cut].pass(.everything)
    try run("the holder to lose its name", within: .seconds(20)) { inside[0].name != nameBefore || nameBefore != held }
    renamedByForce += 1
    try run("one holder of the new name", within: .seconds(20)) {
      members.count { $0.name == wanted } == 1
    }
    try settleLists()
    // Who has the name now keeps it, and nobody is told anything else.
    for member in outside {
      if let line = member.renames.last(where: { $0.hasPrefix("* \(held) is now ") }) {
        throw TestFailure("one outside the partition heard \(line), and \(taker.peer.port) has that name")
      }
    }
    guard taker.name == held else { throw TestFailure("\(held) was lost by one who had it: \(state)") }
  }

  private func settleLists() throws {
    // Renames of the others may still be on their way to some.
    let end = monotonicNanoseconds() + 500_000_000
    try run("quiet") { monotonicNanoseconds() > end }
    try expectSameLists(within: .seconds(15))
  }
}

/// A connection from a port of its choice.
private final class FixedPortPeer {
  let port: UInt16
  private let number: CInt

  init(to target: SocketAddress, port: UInt16?) throws {
    let number = socket(target.family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    self.number = number
    for option in [SO_REUSEADDR, SO_REUSEPORT] {
      var yes: CInt = 1
      setsockopt(number, SOL_SOCKET, option, &yes, 4)
    }
    var result: CInt = 0
    if let source = try Address.internet(host: "127.0.0.1", port: port ?? 0).resolved().first {
      result = source.withPointer { bind(number, $0, $1) }
      guard result == 0 else { throw SystemCallError("bind") }
    }
    result = target.withPointer { connect(number, $0, $1) }
    guard result == 0 else { throw SystemCallError("connect") }
    self.port = SocketAddress(filledBy: { getsockname(number, $0, $1) }, result: &result).port
  }

  func close() {
    resetWhenClosed(number)
    Glibc.close(number)
  }
}
