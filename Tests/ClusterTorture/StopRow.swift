import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let stoppedInMidTurn = Row(
    5, "SIGTERM of a server with turns in flight; `--send` and `exit` right before",
    asked: "all that was accepted is in the log; or told"
  ) { size, outcome in
    let rounds = size.of(10, small: 2)
    for link in StopTrial.Link.allCases {
      var sum = StopTrial.Result()
      for _ in 0..<rounds { sum += try StopTrial(link).run() }
      outcome.check(
        sum.unexplained == 0 && sum.wronglyTold == 0 && sum.wronglySent == 0,
        "\(link.rawValue): \(sum.said) lines before the stop, \(sum.heard) in the log, \(sum.told) told as not sent, "
          + "\(sum.wronglyTold) of them in the log, \(sum.doubtful) told as perhaps sent, \(sum.unexplained) none of these; of \(sum.sends) `--send` \(sum.sent) left with status 0, \(sum.wronglySent) of them "
          + "without their line in the log")
      if link == .good {
        outcome.check(sum.told == 0 && sum.sent == sum.sends, "\(link.rawValue): nobody told of a loss")
      }
      outcome.judge(sum.longest <= 2.5, "\(link.rawValue): ended after \(sum.longest.rounded(to: 2)) s at most")
    }
  }
}

/// One SIGTERM of one of two servers, whose members have just said something.
private final class StopTrial {
  /// How Redis answers at that moment.
  enum Link: String, CaseIterable {
    case good = "a good link"
    case slow = "0.3 s each way"
    case stopped = "Redis stopped"
    case resetting = "the sockets reset"
    case repliesLost = "replies lost"
  }

  struct Result {
    var said = 0, heard = 0, told = 0, doubtful = 0, unexplained = 0, wronglyTold = 0
    var sends = 0, sent = 0, wronglySent = 0
    /// Seconds from the signal to the end.
    var longest = 0.0

    static func += (sum: inout Result, more: Result) {
      sum.said += more.said
      sum.heard += more.heard
      sum.told += more.told
      sum.doubtful += more.doubtful
      sum.unexplained += more.unexplained
      sum.wronglyTold += more.wronglyTold
      sum.sends += more.sends
      sum.sent += more.sent
      sum.wronglySent += more.wronglySent
      sum.longest = max(sum.longest, more.longest)
    }
  }

  private final class Member {
    let peer: Peer
    /// Lines told as not sent are `told`; those of which its server does not know are `doubtful`.
    var said = 0, heard = 0, told = 0, doubtful = 0
    init(_ peer: Peer) { self.peer = peer }
  }

  private let link: Link
  private let cluster: ClusterUnderTest
  private let swarm: Swarm
  /// Hears on the other server what gets into the log.
  private let observer: Peer
  private var members: [Member] = []
  private var byText: [String: Member] = [:]
  private var byPeer: [Int: Member] = [:]
  private var sentTexts: Set<String> = []
  /// Lines that the first member has heard.
  private var heardByFirst = 0

  init(_ link: Link) throws {
    self.link = link
    cluster = try ClusterUnderTest(2, on: try RedisServer(), by: .proxies)
    swarm = try Swarm(connectingTo: cluster.servers[0].address)
    observer = try swarm.add()
    let target = try cluster.servers[1].address.resolved()[0]
    for _ in 0..<40 {
      let member = Member(try swarm.add(to: target, hasOwnPort: true))
      members.append(member)
      byPeer[member.peer.index] = member
    }
    try eventually("all to be in") {
      cluster.servers[0].logged("[NEW CONNECTION]") == 1
        && cluster.servers[1].logged("[NEW CONNECTION]") == members.count
    }
    // Everybody has its name once it was heard, and their server has read all back once one of them has heard all others.
    for member in members { say(1, by: member) }
    try run("everybody's first line") {
      self.members.allSatisfy { $0.heard == 1 } && self.heardByFirst == self.members.count - 1
    }
  }

  private func say(_ count: Int, by member: Member) {
    for _ in 0..<count {
      let text = "\(member.peer.index).\(member.said)"
      member.said += 1
      byText[text] = member
      swarm.say("\(text)\n".utf8, by: member.peer)
    }
  }

  private func run(_ what: String, within limit: Duration = generousLimit, until isDone: @escaping () -> Bool) throws {
    try swarm.run(within: limit, what) { _ in
      isDone()
    } line: { peer, bytes, _ in
      let line = ServerLine(Array(bytes)[...])
      let text = String(decoding: line.text, as: UTF8.self)
      if peer === self.observer {
        if let member = self.byText.removeValue(forKey: text) {
          member.heard += 1
        } else if text.hasPrefix("sent ") {
          guard self.sentTexts.insert(text).inserted else { throw TestFailure("twice: \(text)") }
        } else if line.kind != .notice {
          throw TestFailure("twice, or never said: \(text)")
        }
      } else if line.kind == .notice, text.hasSuffix(" not sent."), let count = Int(text.prefix { $0 != " " }) {
        self.byPeer[peer.index]?.told += count
      } else if line.kind == .notice, let count = Crowd.linesPerhapsSent(text) {
        self.byPeer[peer.index]?.doubtful += count
      } else if peer === self.members[0].peer, line.kind != .notice {
        self.heardByFirst += 1
      }
    }
  }

  func run() throws -> Result {
    let server = cluster.servers[1]
    var senders: [(text: String, client: Program)] = []
    let lines = 30
    switch link {
    case .good: break
    case .slow: cluster.proxies[1].delay(.milliseconds(300))
    case .stopped: cluster.redis.pause()
    case .resetting: cluster.proxies[1].break { (Int(exp(Double.random(in: 0...12.5))), .reset) }
    case .repliesLost: cluster.proxies[1].pass(.requestsOnly)
    }
    for number in 0..<4 {
      let text = "sent \(number)"
      senders.append(
        (text, try Program(built: "mychatclient", ["\(server.address)", "--send", text], input: .nothing)))
    }
    // They are in the room, and their line is on its way, or will be soon.
    try eventually("the senders to connect") { server.logged("[NEW CONNECTION]") == members.count + senders.count }
    if link == .resetting { cluster.proxies[1].reset() }
    for (index, member) in members.enumerated() {
      say(lines, by: member)
      if index % 4 == 0 { swarm.say("exit\n".utf8, by: member.peer) }
    }
    guard members.allSatisfy({ $0.peer.unsentBytes == 0 }) else { throw TestFailure("the kernel did not take all") }
    // What has not come to the server when it stops is not its to say.
    try eventually("all to have come") { members.allSatisfy { $0.peer.unacknowledgedBytes == 0 } }
    let start = monotonicNanoseconds()
    server.signal(SIGTERM)
    try run("the goodbyes of \(link)", within: .seconds(20)) {
      // Who has got its goodbye closes too, as a client does.
      self.swarm.closeEnded()
      return self.members.allSatisfy { $0.peer.state != .open }
    }
    guard try server.waitForExit() == .status(0) else { throw TestFailure("the server did not end with 0") }
    var result = Result()
    result.longest = Double(monotonicNanoseconds() - start) / 1e9
    if link == .stopped { cluster.redis.resume() }
    let sent = try senders.filter { try $0.client.waitForExit() == .status(0) }.map(\.text)
    // What was on its way to Redis comes now; then a line of the observer's server ends it.
    let last = try swarm.add()
    var isOver = false
    pass(.milliseconds(link == .good ? 100 : 1000))
    swarm.say("the end\n".utf8, by: last)
    byText["the end"] = Member(last)
    try run("the last line of all") { [self] in
      isOver = byText["the end"] == nil
      return isOver
    }
    for member in members {
      guard member.peer.state != .open else { throw TestFailure("a member is still connected") }
      result.said += member.said
      result.heard += member.heard
      result.told += member.told
      result.doubtful += member.doubtful
      result.unexplained += max(0, member.said - member.heard - member.told - member.doubtful)
      result.wronglyTold += max(0, member.heard + member.told - member.said)
    }
    result.sends = senders.count
    result.sent = sent.count
    result.wronglySent = sent.count { !sentTexts.contains($0) }
    return result
  }
}
