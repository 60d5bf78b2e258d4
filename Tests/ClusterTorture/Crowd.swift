import ChatWire
import Glibc
import TestSupport
import TortureSupport

/// Members on all servers of a room, who talk and check that they hear one order of lines.
final class Crowd {
  /// What a member is told by its server, and not by others.
  enum Told: String, CaseIterable {
    case linkDown = "The link to the other servers is down; what you send waits."
    case linkBack = "The link to the other servers is back."
    case historyLost = "The room's history was lost; it begins anew here."
  }

  let cluster: ClusterUnderTest
  let swarm: Swarm
  let ledger: Ledger
  /// One on each server who only listens.
  private(set) var listeners: [Peer] = []
  /// Those who talk and are connected, by server.
  private(set) var talkers: [[Peer]]
  private let targets: [SocketAddress]
  private var usedPorts: Set<UInt16> = []
  /// Connections made to each server since it started.
  private var connectionCounts: [Int]
  /// By the peer's index: what it was told, and when it was told so last.
  private var told: [Int: [Told: (count: Int, lastAt: UInt64)]] = [:]
  /// By the peer's index: lines that its server says it has not sent, or does not know of.
  private(set) var notSent: [Int: Int] = [:]
  /// Lines of peers who are not in the ledger.
  private var outsiders: [Int: (String) -> Void] = [:]
  private var nextTalker = 0
  /// Changes of name that anybody in the ledger has heard.
  private(set) var renamesHeard = 0

  /// - Parameters:
  ///   - count: talkers, shared out to the servers.
  ///   - timed: whether the latency of lines between members of different servers is recorded.
  init(_ count: Int, in cluster: ClusterUnderTest, lengths: ClosedRange<Int> = 20...100, timed: Bool = false) throws {
    self.cluster = cluster
    swarm = try Swarm(connectingTo: cluster.servers[0].address)
    ledger = Ledger(lengths: lengths, isNumbered: true)
    talkers = cluster.servers.map { _ in [] }
    targets = try cluster.servers.map { try $0.address.resolved()[0] }
    connectionCounts = cluster.servers.map { _ in 0 }
    for server in targets.indices {
      let listener = try connect(to: server, first: server == 0)
      ledger.listen(listener, group: timed ? server : nil)
      listeners.append(listener)
    }
    for index in 0..<count {
      let server = index % targets.count
      let peer = try connect(to: server)
      ledger.speak(peer, timed: timed, group: timed ? server : nil)
      talkers[server].append(peer)
    }
    try settle()
  }

  var everybody: [Peer] { listeners + talkers.joined() }

  /// Connects one whose port nobody in this crowd has or had: ports are names, and the ledger knows speakers by them.
  private func connect(to server: Int, first: Bool = false) throws -> Peer {
    while true {
      let peer =
        first
        ? try swarm.addLeader(to: targets[server], hasOwnPort: true)
        : try swarm.add(to: targets[server], hasOwnPort: true)
      connectionCounts[server] += 1
      if usedPorts.insert(peer.port).inserted { return peer }
      swarm.close(peer)
    }
  }

  /// Waits until the servers know all who are connected.
  func settle() throws {
    for (index, server) in cluster.servers.enumerated() {
      try eventually("\(connectionCounts[index]) connections to server \(index); it says \(server.lastLines)") {
        server.logged("[NEW CONNECTION]") >= connectionCounts[index]
      }
    }
  }

  /// Connects one more member who is not in the ledger.
  /// - Parameter hear: gets each line that it hears.
  func addOutsider(to server: Int, hear: @escaping (String) -> Void) throws -> Peer {
    let peer = try connect(to: server)
    outsiders[peer.index] = hear
    return peer
  }

  /// A server was killed: its members are gone, and it comes back without them.
  func loseMembers(of server: Int) {
    for peer in talkers[server] { ledger.cutOff(peer) }
    for peer in talkers[server] + [listeners[server]] { swarm.close(peer) }
    talkers[server] = []
    connectionCounts[server] = 0
  }

  /// Connects members while others talk: to a server that has lost those that it had.
  func join(_ count: Int, to server: Int) throws {
    for index in 0...count {
      let peer = try connect(to: server)
      ledger.join(peer)
      if index == 0 { listeners[server] = peer } else { talkers[server].append(peer) }
    }
  }

  // MARK: Talking

  /// Says the next line that is due, by one talker after the other, unless much of what that one said waits already.
  func sayNext(at due: UInt64, from speakers: [Peer]) {
    guard !speakers.isEmpty else { return }
    let peer = speakers[nextTalker % speakers.count]
    nextTalker += 1
    if peer.unsentBytes < 32_768 { swarm.say(ledger.nextLine(of: peer, at: due), by: peer) }
  }

  /// Talks at an even pace until `isDone`, then until everybody has heard all.
  /// - Parameters:
  ///   - rate: lines a second, in all.
  ///   - limit: how long all of it may take.
  ///   - speakers: who talks; nil for all talkers, as they come and go.
  func talk(
    rate: Int, within limit: Duration, by speakers: [Peer]? = nil, until isDone: (UInt64) throws -> Bool
  ) throws {
    var pace = Pace(everyNanoseconds: 1_000_000_000 / UInt64(rate), from: monotonicNanoseconds())
    var isOver = false
    try run(within: limit, "all to be heard") { now in
      if try !isOver && isDone(now) { isOver = true }
      if !isOver {
        let speakers = speakers ?? Array(talkers.joined())
        pace.forEachDue(by: now) { sayNext(at: $0, from: speakers) }
      }
      return try isOver && ledger.areComplete(everybody)
    }
  }

  func talk(rate: Int, for seconds: Double, by speakers: [Peer]? = nil) throws {
    let end = monotonicNanoseconds() + UInt64(seconds * 1e9)
    try talk(rate: rate, within: .seconds(seconds) + generousLimit, by: speakers) { $0 >= end }
  }

  /// Everybody says a line, and all hear all.
  func everybodySaysOneLine(within limit: Duration = generousLimit) throws {
    for peer in talkers.joined() { swarm.say(ledger.nextLine(of: peer, at: monotonicNanoseconds()), by: peer) }
    try run(within: limit, "everybody's line to be heard") { _ in try ledger.areComplete(everybody) }
  }

  /// Sends and receives until `isDone`.
  /// - Parameter what: completes "waited for".
  func run(within limit: Duration, _ what: String, until isDone: (UInt64) throws -> Bool) throws {
    do {
      try swarm.run(within: limit, "\(what); \(ledger.totalSaid) said, \(ledger.orderCount) heard\(laggards)") { now in
        if let gone = everybody.first(where: { $0.state != .open }) {
          throw TestFailure("a member of server \(server(of: gone)) was put out: \(gone.state)")
        }
        return try isDone(now)
      } lines: { peer, bytes, now in
        try ledger.hearAgain(peer, bytes, now)
      } line: { peer, bytes, now in
        try hear(peer, bytes, now)
      }
    } catch {
      let logs = cluster.servers.enumerated().map { "server \($0): \($1.lastLines)" }.joined(separator: "\n")
      throw TestFailure("\(error)\n\(logs)")
    }
  }

  private func server(of peer: Peer) -> Int {
    listeners.firstIndex { $0 === peer } ?? talkers.firstIndex { $0.contains { $0 === peer } } ?? -1
  }

  /// Who has not heard all, for a failure.
  private var laggards: String {
    let late = everybody.filter { (try? ledger.isComplete($0)) != true }
    let unsent = everybody.reduce(0) { $0 + $1.unsentBytes }
    guard let first = late.first else { return ", all by everybody" }
    return ", \(late.count) members late, such as one of server \(server(of: first)); \(unsent) bytes unsent"
  }

  // MARK: Hearing

  func hear(_ peer: Peer, _ bytes: UnsafeRawBufferPointer, _ now: UInt64) throws {
    if let hear = outsiders[peer.index] { return hear(String(decoding: bytes, as: UTF8.self)) }
    guard bytes.first == UInt8(ascii: "*") else {
      guard ledger.knows(peer) else { return }
      return try ledger.hear(peer, bytes, now)
    }
    let text = String(decoding: bytes.dropFirst(2), as: UTF8.self)
    if text.hasSuffix(" lines skipped") { return try ledger.hear(peer, bytes, now) }
    if let kind = Told(rawValue: text) {
      told[peer.index, default: [:]][kind, default: (0, 0)].count += 1
      told[peer.index]?[kind]?.lastAt = now
    } else if text.hasSuffix(" not sent."), let count = text.split(separator: " ").first.flatMap({ Int($0) }) {
      notSent[peer.index, default: 0] += count
    } else if let count = Self.linesPerhapsSent(text) {
      notSent[peer.index, default: 0] += count
    } else if case .renamed = Notice(parsing: Array(text.utf8)[...]) {
      renamesHeard += 1
    } else {
      throw TestFailure("a member of server \(server(of: peer)) was told \(text.debugDescription)")
    }
  }

  /// The lines in a notice of `linesPerhapsSent`; nil for any other text.
  static func linesPerhapsSent(_ text: String) -> Int? {
    let words = text.split(separator: " ")
    guard words.count > 5, let count = Int(words[5]), Notice.linesPerhapsSent(count).text == text else { return nil }
    return count
  }

  func count(_ kind: Told, of peer: Peer) -> Int { told[peer.index]?[kind]?.count ?? 0 }
  func lastTime(_ kind: Told, of peer: Peer) -> UInt64? { told[peer.index]?[kind]?.lastAt }

  /// How often members were told, from the one told least often to the one told most often.
  func counts(_ kind: Told, of peers: [Peer]) -> ClosedRange<Int> {
    let counts = peers.map { count(kind, of: $0) }
    return (counts.min() ?? 0)...(counts.max() ?? 0)
  }

  /// Lines that members were told they missed.
  var skipped: Int { everybody.reduce(0) { $0 + ledger[$1].skipped } }
}
