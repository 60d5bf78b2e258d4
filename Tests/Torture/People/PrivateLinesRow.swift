import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let privateLines = Row(
    23,
    "10,000 private lines between 100 pairs in a talking room, a third of the readers stalled: they wake, leave or break",
    asked: "each line once and in order between its two, or its sender was told that it was not sent"
  ) { size, outcome in
    let server = try ServerUnderTest(size.patience)
    let swarm = try Swarm(connectingTo: server.address)
    // One that leaves without reading is waited for half a minute.
    let fates: [Whispers.Fate] = size.of([.wakes, .leaves, .leavesUnread, .resets], small: [.wakes, .leaves, .resets])
    let whispers = try Whispers(
      pairs: size.of(100, small: 20), lines: size.of(10_000, small: 1000), stalled: fates, in: swarm, at: server)
    let chatter = try Chatter(20, rate: size.of(500, small: 200), with: server, among: swarm)
    whispers.stall()
    // The kernel's buffers on the way to those who do not read have to be full.
    try chatter.talk(for: .seconds(size.of(10, small: 3)))
    let full = whispers.heldByKernel(server)
    var pace = Pace(everyNanoseconds: size.of(1_000_000, small: 500_000), from: monotonicNanoseconds())
    try chatter.talk(within: .seconds(120)) { now in
      try pace.forEachDue(by: now) { _ in try whispers.sayNext() }
      return whispers.areAnswered
    } others: {
      try whispers.hear($0, $1, $2)
    }
    // Some leave with private lines waiting; nobody of them is here when more is said to them.
    whispers.noteTaken(full, whispers.heldByKernel(server))
    whispers.leave()
    var isAnswered = false
    try chatter.talk(within: .seconds(60)) { _ in
      guard whispers.haveLeft else { return false }
      if !isAnswered { try whispers.sayTooLate() }
      isAnswered = true
      return whispers.areAnswered
    } others: {
      try whispers.hear($0, $1, $2)
    }
    whispers.wake()
    try chatter.talk(within: .seconds(60)) { _ in
      whispers.areComplete
    } others: {
      try whispers.hear($0, $1, $2)
    }
    try whispers.judge(&outcome)
    let skipped = chatter.members.reduce(0) { $0 + chatter.ledger[$1].skipped }
    outcome.check(skipped == 0, "the room heard all of \(chatter.ledger.orderCount) lines beside it")
  }
}

/// Pairs of members of whom one says numbered private lines to the other, and some the other way round as well.
private final class Whispers {
  /// What becomes of a reader.
  enum Fate {
    case reads
    /// Does not read until all is said.
    case wakes
    /// Does not read until all is said; then reads and leaves at once.
    case leaves
    /// Does not read even when it says `exit`.
    case leavesUnread
    /// Breaks its connection without having read.
    case resets

    var isStalled: Bool { self != .reads }
    var isGone: Bool { self == .leavesUnread || self == .resets }
  }

  /// Private lines in one direction.
  private final class Route {
    let sender: Peer
    let reader: Peer
    let fate: Fate
    /// What the reader is called.
    let name: String
    let number: Int
    /// Lines said, of which the server has answered the first `answered`.
    var said = 0
    var answered = 0
    /// Numbers of the lines of which it said that they were sent, and how many it refused.
    var accepted: [Int] = []
    var refused = 0
    /// Of those, how many because nobody is called by that name any more.
    var refusedAsGone = 0
    /// How many its sender was told had not been sent when the reader left.
    var leftUnread = 0
    /// Numbers of the lines that the reader got.
    var heard: [Int] = []
    /// Private lines that the reader was told it missed.
    var missed = 0
    /// Whether the kernel may have taken some that the reader never took from it.
    var mayBeInKernel = false

    init(_ number: Int, from sender: Peer, to reader: Peer, called name: String, _ fate: Fate) {
      (self.number, self.sender, self.reader, self.name, self.fate) = (number, sender, reader, name, fate)
    }
  }

  private let swarm: Swarm
  private var routes: [Route] = []
  /// By the peer's index.
  private var routeFrom: [Int: Route] = [:]
  private var routeTo: [Int: Route] = [:]
  /// What those with names are called, by their index.
  private var nameOf: [Int: String] = [:]
  private let linesOfEach: Int
  private var next = 0
  /// Lines of a route that may wait for the server's answer.
  private static let maximumUnanswered = 8
  private static let letters = String(repeating: "private-words-", count: 60)

  /// - Parameter fates: what becomes of those who do not read, in turn.
  init(pairs: Int, lines: Int, stalled fates: [Fate], in swarm: Swarm, at server: ServerUnderTest) throws {
    self.swarm = swarm
    // Two thirds read.
    func fate(of pair: Int) -> Fate { pair % 3 == 2 ? fates[pair / 3 % fates.count] : .reads }
    // Fates of pairs of which both talk.
    let both = (0..<pairs).count { fate(of: $0) == .reads && $0 % 2 == 0 }
    linesOfEach = (lines + pairs + both - 1) / (pairs + both)
    var names: [(Peer, String)] = []
    for number in 0..<pairs {
      let fate = fate(of: number)
      let sender = try swarm.add()
      let reader = try swarm.add(receiveBuffer: fate.isStalled ? 4096 : nil)
      // Half of them have names.
      let name = number % 2 == 0 ? "Reader\(number)" : "\(reader.port)"
      if number % 2 == 0 { names += [(reader, name), (sender, "Sender\(number)")] }
      add(Route(routes.count, from: sender, to: reader, called: name, fate))
      if fate == .reads, number % 2 == 0 {
        add(Route(routes.count, from: reader, to: sender, called: "Sender\(number)", fate))
      }
    }
    try server.settle(at: swarm.openCount)
    for (peer, name) in names {
      nameOf[peer.index] = name
      swarm.say("/nick \(name)\n".utf8, by: peer)
    }
    var heard = 0
    let due = names.count * swarm.openCount
    try swarm.run("all names to be taken; \(heard) of \(due) heard") { _ in
      heard == due
    } line: { _, _, _ in
      heard += 1
    }
  }

  private func add(_ route: Route) {
    routes.append(route)
    routeFrom[route.sender.index] = route
    routeTo[route.reader.index] = route
  }

  private func readers(_ isMeant: (Fate) -> Bool) -> [Peer] { routes.filter { isMeant($0.fate) }.map(\.reader) }

  func stall() { for peer in readers(\.isStalled) { swarm.setReading(false, of: peer) } }

  /// The next line of a route that may say one.
  func sayNext() throws {
    for _ in routes {
      let route = routes[next % routes.count]
      next += 1
      if route.said < linesOfEach, route.said - route.answered < Self.maximumUnanswered {
        return say(route)
      }
    }
  }

  private func say(_ route: Route) {
    // Whoever has heard something answers it.
    let answers = route.number % 2 == 1 && !(routeTo[route.sender.index]?.heard.isEmpty ?? true)
    let words = Self.letters.prefix(route.said * 31 % 800)
    swarm.say("\(answers ? "/reply" : "/msg \(route.name)") \(route.said) \(words)\n".utf8, by: route.sender)
    route.said += 1
  }

  var areAnswered: Bool { routes.allSatisfy { $0.said >= linesOfEach && $0.answered == $0.said } }

  /// Bytes that the kernel holds for each who will break its connection, in order.
  func heldByKernel(_ server: ServerUnderTest) -> [Int?] {
    readers { $0 == .resets }.map { server.heldByKernel(for: $0.port) }
  }

  /// Where these bytes have changed since before the first private line, one may be among them.
  func noteTaken(_ before: [Int?], _ after: [Int?]) {
    let routes = routes.filter { $0.fate == .resets }
    for (route, isSame) in zip(routes, zip(before, after).map(==)) where !isSame { route.mayBeInKernel = true }
  }

  func leave() {
    for peer in readers({ $0 == .leavesUnread }) { swarm.say("exit\n".utf8, by: peer) }
    for peer in readers({ $0 == .leaves }) {
      swarm.setReading(true, of: peer)
      swarm.say("exit\n".utf8, by: peer)
    }
    for peer in readers({ $0 == .resets }) { swarm.close(peer, resetting: true) }
  }

  /// Whether all that happens to those who leave has happened: the senders of those who did not read were told.
  var haveLeft: Bool {
    routes.allSatisfy { !$0.fate.isGone || $0.leftUnread > 0 || $0.accepted.isEmpty }
      && readers { $0 == .leaves }.allSatisfy { $0.state != .open }
  }

  func sayTooLate() throws { for route in routes where route.fate.isGone || route.fate == .leaves { say(route) } }

  func wake() { for peer in readers({ $0 == .wakes || $0 == .leavesUnread }) { swarm.setReading(true, of: peer) } }

  var areComplete: Bool {
    routes.allSatisfy { route in
      switch route.fate {
      case .reads, .wakes: route.heard.count == route.accepted.count
      case .leaves, .leavesUnread: route.reader.state != .open
      case .resets: true
      }
    }
  }

  func hear(_ peer: Peer, _ bytes: UnsafeRawBufferPointer, _ now: UInt64) throws {
    let line = ServerLine(Array(bytes)[...])
    switch line.kind {
    case .message: return
    case .privateLine: try routeTo[peer.index].map { try hearPrivate($0, line) }
    case .notice:
      let text = String(decoding: line.text, as: UTF8.self)
      if text.hasSuffix(" lines skipped"), let count = Int(text.prefix { $0 != " " }) {
        if text.hasSuffix("private lines skipped") { routeTo[peer.index]?.missed += count }
      } else if let route = routeFrom[peer.index] {
        try hearAnswer(route, text)
      }
    case .action, .earlier: throw TestFailure("somebody heard \(shown(bytes))")
    }
  }

  private func hearPrivate(_ route: Route, _ line: ServerLine) throws {
    let words = String(decoding: line.text, as: UTF8.self).split(separator: " ", maxSplits: 1)
    let name = line.name.map { String(decoding: $0, as: UTF8.self) } ?? ""
    guard let number = words.first.flatMap({ Int($0) }), name == senderName(route),
      (words.count > 1 ? words[1] : "") == Self.letters.prefix(number * 31 % 800)
    else { throw TestFailure("the reader of \(senderName(route)) heard \(shown(line.bytes))") }
    guard number > route.heard.last ?? -1 else {
      throw TestFailure("line \(number) came after line \(route.heard.last ?? -1) of \(senderName(route))")
    }
    route.heard.append(number)
  }

  private func senderName(_ route: Route) -> String { nameOf[route.sender.index] ?? "\(route.sender.port)" }

  private func hearAnswer(_ route: Route, _ text: String) throws {
    let left = "\(route.name) left before your last "
    if text == "\(route.name) left before your last private line was sent." {
      route.leftUnread += 1
    } else if text.hasPrefix(left), text.hasSuffix(" private lines were sent."),
      let count = Int(text.dropFirst(left.count).prefix { $0 != " " })
    {
      route.leftUnread += count
    } else if text == "Sent to \(route.name)." {
      route.accepted.append(route.answered)
      route.answered += 1
    } else if text == "Nobody here is called \(route.name); that was not sent." {
      route.refusedAsGone += 1
      route.refused += 1
      route.answered += 1
    } else if text == "\(route.name) is too far behind; that was not sent." {
      route.refused += 1
      route.answered += 1
    } else {
      throw TestFailure("\(senderName(route)) was told \(text.debugDescription)")
    }
  }

  func judge(_ outcome: inout Outcome) throws {
    for route in routes {
      guard route.accepted.starts(with: route.heard) else {
        throw TestFailure("\(route.name) heard \(route.heard), and \(route.accepted) were accepted")
      }
      guard route.accepted.count + route.refused == route.said else { throw TestFailure("a line was not answered") }
      let missing = route.accepted.count - route.heard.count
      guard route.mayBeInKernel ? missing >= route.leftUnread : missing == route.leftUnread else {
        throw TestFailure(
          "\(route.name) (\(route.fate)) got \(route.heard.count) of \(route.accepted.count) lines, and the sender was told "
            + "that \(route.leftUnread) were not sent")
      }
      guard route.fate == .reads || route.missed == 0 || route.missed == route.refused - route.refusedAsGone else {
        throw TestFailure("\(route.name) was told of \(route.missed) missed lines; \(route.refused) were refused")
      }
      guard route.fate != .reads || route.refused == 0 else {
        throw TestFailure("\(route.name) reads, and was refused some")
      }
    }
    func sum(_ count: (Route) -> Int) -> Int { routes.reduce(0) { $0 + count($1) } }
    let lost = sum { $0.accepted.count - $0.heard.count - $0.leftUnread }
    outcome.check(
      true,
      "\(sum(\.said)) private lines: \(sum { $0.heard.count }) arrived once and in order, \(sum(\.refused)) were refused "
        + "(\(sum(\.refusedAsGone)) because nobody is called so), \(sum(\.leftUnread)) told as not sent when their reader left; "
        + "\(lost) were perhaps taken by the kernel for \(routes.count(where: \.mayBeInKernel)) who broke their connections"
    )
    outcome.check(
      sum(\.refused) > sum(\.refusedAsGone) && sum(\.leftUnread) > 0 && sum { $0.heard.count } > 0, "each way occurred")
  }
}
