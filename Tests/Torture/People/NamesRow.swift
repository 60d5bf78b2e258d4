import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let namesAtRandom = Row(
    24, "1,000 members take names at random, come and go for ten minutes, beside a model in the test",
    asked: "no two alike at any moment, look-alikes included; everybody sees the renames in the log's order"
  ) { size, outcome in
    let server = try ServerUnderTest(size.patience)
    let people = try RandomPeople(random: .printed(for: "names"), at: server)
    let count = size.of(1000, small: 60)
    let seconds = wantedSeconds ?? size.of(600, small: 8)
    let rate = size.of(300, small: 200)
    try people.run(within: .seconds(60)) { _ in
      for _ in 0..<20 where people.count < count { try people.join() }
      return people.count == count
    }
    var pace = Pace(everyNanoseconds: 1_000_000_000 / UInt64(rate), from: monotonicNanoseconds())
    var actions = 0
    try people.run(within: .seconds(seconds * 2 + 60)) { now in
      pace.forEachDue(by: now) { _ in actions += 1 }
      while people.actions < min(actions, seconds * rate) { try people.act(atMost: count * 11 / 10) }
      return people.actions == seconds * rate
    }
    try people.finish()
    outcome.check(
      server.isAlive && people.rosters > people.count && people.brokenOff * 10 <= people.rosters,
      "\(people.actions) actions, seed 0x\(String(people.random.seed, radix: 16)): \(people.renameCount) renames, each heard by "
        + "all in one order; \(people.refusals) claims refused; \(people.rosters) lists of who is here as "
        + "in the model, \(people.brokenOff) broken off"
    )
    outcome.check(people.lookAlikesRefused > 0, "\(people.lookAlikesRefused) of the refused only looked like another's")
  }
}

/// Members who do random things with names, and what the test knows of them.
///
/// Names come in families: those of one family look alike, and no two members may have names of one family at the same time.
private final class RandomPeople {
  private final class Member {
    let peer: Peer
    /// How many renames were known when it connected.
    let joinedAfter: Int
    /// The name that it has asked for and no answer was heard to; an empty one stands for the first one.
    var claim: Claim?
    /// What it is called after all of `renames`, and what it was at first; nil until it was first renamed.
    var name: String?
    var firstName: String?
    /// The index of its first rename, and of the next one that it has to hear; nil until these are known.
    var firstRename: Int?
    var position: Int?
    /// Renames heard that cannot be judged yet.
    var early: [[UInt8]] = []
    /// The list of who is here that it has asked for.
    var roster: Roster?
    /// When it began to leave.
    var leftAt: UInt64?

    init(_ peer: Peer, after renames: Int) { (self.peer, joinedAfter) = (peer, renames) }

    var isIdle: Bool { claim == nil && roster == nil && position != nil }
  }

  private struct Claim {
    let name: String
    let mustFail: Bool
    let time: UInt64
  }

  private struct Rename {
    let line: [UInt8]
    let member: Member
    let old: String
  }

  /// One list of who is here.
  private struct Roster {
    let askedAt: UInt64
    var heardAt: UInt64 = 0
    var names: [String] = []
    /// How many renames its reader had heard before it.
    var renamesBefore: Int?
  }

  private let server: ServerUnderTest
  private let swarm: Swarm
  /// Hears every rename, and has no part in any.
  private let listener: Peer
  private(set) var random: SeededRandom
  private(set) var actions = 0
  /// By the peer's index; those who have left stay.
  private var members: [Int: Member] = [:]
  private var present: [Member] = []
  /// Those who have left, and whom the server may not have noticed to be gone.
  private var leavers: [Member] = []
  private var newcomers: [String: Member] = [:]
  /// Who has a name, one of a family, or has it kept because it was the first; or who had it last.
  private var holder: [String: Member] = [:]
  private var holderOfFamily: [String: Member] = [:]
  private var holderOfFirst: [String: Member] = [:]
  /// When a name of a family was given up last.
  private var releasedAt: [String: UInt64] = [:]
  private var familyOf: [String: String] = [:]
  private var renames: [Rename] = []
  private var openRosters: [(Member, Roster)] = []
  private(set) var refusals = 0
  private(set) var lookAlikesRefused = 0
  private(set) var rosters = 0
  private(set) var brokenOff = 0
  /// How long the server may take to notice that somebody has left, in nanoseconds.
  private static let noticing: UInt64 = 10_000_000_000

  var count: Int { present.count }
  var renameCount: Int { renames.count }

  init(random: SeededRandom, at server: ServerUnderTest) throws {
    (self.random, self.server) = (random, server)
    swarm = try Swarm(connectingTo: server.address)
    listener = try swarm.addLeader()
    try server.settle(at: 1)
  }

  // MARK: What members do

  /// One more comes. Its first act is to take a name that nobody else ever takes, which shows where in the log it is.
  func join() throws {
    // From several addresses, so that some have the port of another.
    let peer = try swarm.add(from: "127.0.0.\(2 + random.next() % 8)")
    let member = Member(peer, after: renames.count)
    members[peer.index] = member
    present.append(member)
    let name = "newcomer\(peer.index)"
    newcomers[name] = member
    claim(name, by: member)
  }

  /// Somebody does something, unless it waits for the server.
  func act(atMost count: Int) throws {
    actions += 1
    let (dice, choice, who) = (random.next() % 100, random.next(), random.next())
    if dice < 4, present.count < count { return try join() }
    let member = present[Int(who % UInt64(present.count))]
    guard member.isIdle else { return }
    switch dice {
    case ..<8: leave(member, choice % 3)
    case ..<10: askWhoIsHere(member)
    case ..<18: claim("", by: member)
    case ..<22: claim(NameFamily.wrong[Int(choice % UInt64(NameFamily.wrong.count))], mustFail: true, by: member)
    default:
      let (name, family) = NameFamily.name(choice)
      familyOf[name] = family
      claim(name, by: member)
    }
  }

  private func claim(_ name: String, mustFail: Bool = false, by member: Member) {
    member.claim = Claim(name: name, mustFail: mustFail, time: monotonicNanoseconds())
    swarm.say("/nick\(name.isEmpty ? "" : " " + name)\n".utf8, by: member.peer)
  }

  private func askWhoIsHere(_ member: Member) {
    member.roster = Roster(askedAt: monotonicNanoseconds())
    swarm.say(ClientLine.rosterRequestLine + [0x0A], by: member.peer)
  }

  private func leave(_ member: Member, _ way: UInt64) {
    present.removeAll { $0 === member }
    member.leftAt = monotonicNanoseconds()
    leavers.append(member)
    switch way {
    case 0: swarm.say("exit\n".utf8, by: member.peer)
    case 1: swarm.close(member.peer)
    default: swarm.close(member.peer, resetting: true)
    }
  }

  // MARK: What they hear

  func run(within limit: Duration, until isDone: (UInt64) throws -> Bool) throws {
    try swarm.run(within: limit, "names; \(renames.count) renames, \(present.count) members\(waiting)") { now in
      swarm.closeEnded()
      openRosters = try openRosters.filter { try !judge($1, of: $0, now) }
      leavers.removeAll { ($0.leftAt ?? now) + 6 * Self.noticing < now }
      return try isDone(now)
    } line: { peer, bytes, now in
      if let member = members[peer.index], hearNext(member, bytes) { return }
      let line = ServerLine(Array(bytes)[...])
      guard line.kind == .notice else { throw TestFailure("somebody heard \(shown(bytes))") }
      let notice = Notice(parsing: line.text)
      switch (members[peer.index], notice) {
      case (nil, .renamed(let old, let new)): try note(Array(bytes), from: "\(old)", to: "\(new)", now)
      case (let member?, .renamed):
        member.early.append(Array(bytes))
        try judgeEarly(member)
      case (let member?, .here(let names, let isLast)): try hear(member, names.map(\.description), isLast, now)
      case (let member?, _): try hearRefusal(member, String(decoding: line.text, as: UTF8.self))
      default: throw TestFailure("the listener heard \(shown(bytes))")
      }
    }
  }

  /// The usual case: the next rename, which was heard by the listener before.
  private func hearNext(_ member: Member, _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let position = member.position, member.early.isEmpty, position < renames.count,
      renames[position].line.elementsEqual(bytes)
    else { return false }
    pass(member)
    return true
  }

  /// A member has heard the rename at its position.
  private func pass(_ member: Member) {
    guard let position = member.position else { return }
    if renames[position].member === member { member.claim = nil }
    member.position = position + 1
  }

  private func judgeEarly(_ member: Member) throws {
    if member.position == nil {
      // The renames before its own one, which is like no other, show where it began to hear.
      guard let first = member.firstRename, let own = member.early.firstIndex(of: renames[first].line) else { return }
      guard first - own >= member.joinedAfter else { throw TestFailure("somebody heard what was said before it came") }
      member.position = first - own
    }
    while let position = member.position, let line = member.early.first, position < renames.count {
      guard line == renames[position].line else {
        throw TestFailure("somebody heard \(shown(line)) where \(shown(renames[position].line)) was due")
      }
      member.early.removeFirst()
      pass(member)
    }
  }

  /// The next rename in the log, as one hears it who only listens.
  private func note(_ line: [UInt8], from old: String, to new: String, _ now: UInt64) throws {
    guard let member = newcomers.removeValue(forKey: new) ?? holder[old], let claim = member.claim else {
      throw TestFailure("\(shown(line)), and nobody is called so or asked for that")
    }
    guard claim.name == new || claim.name.isEmpty && new == member.firstName, !claim.mustFail else {
      throw TestFailure("\(shown(line)), and it had asked for \(claim.name.debugDescription)")
    }
    if member.firstName == nil {
      try begin(member, called: old)
    } else if member.name != old {
      throw TestFailure("\(shown(line)), and it was called \(member.name ?? "nothing")")
    }
    let family = familyOf[new] ?? new
    for other in [holderOfFamily[family], holderOfFirst[new]] {
      if let other, other !== member, other.leftAt == nil {
        throw TestFailure("\(shown(line)), while somebody else is called \(other.name ?? "nothing")")
      }
    }
    if holder[old] === member { holder[old] = nil }
    let oldFamily = familyOf[old] ?? old
    if holderOfFamily[oldFamily] === member { (holderOfFamily[oldFamily], releasedAt[oldFamily]) = (nil, now) }
    (holder[new], holderOfFamily[family], member.name) = (member, member, new)
    renames.append(Rename(line: line, member: member, old: old))
    try judgeEarly(member)
  }

  /// A member has its first name: its port, with its address if somebody else has or had the port.
  private func begin(_ member: Member, called name: String) throws {
    let port = "\(member.peer.port)"
    let isRight = name == port || name.hasPrefix("\(port)@\(member.peer.host)")
    guard isRight, holderOfFirst[name]?.leftAt ?? 0 > 0 || holderOfFirst[name] == nil else {
      throw TestFailure("one who came from \(member.peer.host), port \(port), was called \(name) at first")
    }
    (holderOfFirst[name], member.firstName, member.firstRename) = (member, name, renames.count)
  }

  /// The answer to a claim that was not granted.
  private func hearRefusal(_ member: Member, _ text: String) throws {
    guard let claim = member.claim else { throw TestFailure("somebody was told \(text.debugDescription)") }
    member.claim = nil
    refusals += 1
    if claim.mustFail { return }
    let family = familyOf[claim.name] ?? claim.name
    if text.hasPrefix("You are ") {
      let isRight = claim.name == member.name || claim.name.isEmpty && member.name == member.firstName
      guard isRight else {
        throw TestFailure("\(member.name ?? "") asked for \(claim.name) and was told \(text.debugDescription)")
      }
    } else if text.hasPrefix("That name is taken, or looks like one that is.") {
      let other = holderOfFamily[family]
      let mayBeTaken =
        other != nil && other !== member && other?.leftAt ?? .max >= claim.time - Self.noticing
        || releasedAt[family] ?? 0 >= claim.time
        || (present + leavers).contains {
          $0 !== member && $0.claim.map { familyOf[$0.name] ?? $0.name } == family
        }
      guard mayBeTaken else { throw TestFailure("\(claim.name) was refused, and nobody has a name like it") }
      if let other = other?.name, other.lowercased() != claim.name.lowercased() { lookAlikesRefused += 1 }
    } else {
      throw TestFailure("\(member.name ?? "") asked for \(claim.name) and was told \(text.debugDescription)")
    }
  }

  /// Who waits for what, for a failure.
  private var waiting: String {
    let member = present.first { !$0.isIdle || $0.position != renames.count }
    return member.map {
      "; \($0.name ?? "one without a name") asked for \($0.claim?.name.debugDescription ?? "no name") and "
        + "\($0.roster == nil ? "no" : "a") list, heard \($0.position ?? -1) renames, and \($0.early.count) that are too early"
    } ?? ""
  }

  // MARK: Lists of who is here

  private func hear(_ member: Member, _ names: [String], _ isLast: Bool, _ now: UInt64) throws {
    guard var roster = member.roster, let position = member.position else {
      throw TestFailure("somebody got a list of who is here without asking")
    }
    let heard = position + member.early.count
    guard roster.renamesBefore ?? heard == heard else {
      throw TestFailure("a rename came within a list of who is here")
    }
    (roster.renamesBefore, roster.heardAt) = (heard, now)
    // Its reader did not read for a while, and too much changed meanwhile: such a list ends with its reader once more.
    if isLast, let asker = roster.names.first, names == [asker] {
      member.roster = nil
      brokenOff += 1
      return
    }
    roster.names += names
    member.roster = isLast ? nil : roster
    if isLast { openRosters.append((member, roster)) }
    openRosters = try openRosters.filter { try !judge($1, of: $0, now) }
  }

  /// Compares a list with the model as it was at the question: after the renames that the reader had heard before the answer,
  /// and perhaps some more, which were on their way to it.
  /// - Returns: false if it is like none of these, and the listener has perhaps not heard all renames yet.
  private func judge(_ roster: Roster, of asker: Member, _ now: UInt64) throws -> Bool {
    guard let heard = roster.renamesBefore, heard <= renames.count else { return false }
    guard Set(roster.names.map { familyOf[$0] ?? $0 }).count == roster.names.count else {
      throw TestFailure("a list has two names that are the same or look alike")
    }
    var firstFault: String?
    for count in heard...renames.count {
      guard let fault = fault(in: roster, of: asker, after: count) else {
        rosters += 1
        return true
      }
      firstFault = firstFault ?? fault
    }
    if now > roster.heardAt + Self.noticing { throw TestFailure("a list \(firstFault ?? "is wrong")") }
    return false
  }

  /// In what a list differs from the model as it was after so many renames; nil if in nothing.
  private func fault(in roster: Roster, of asker: Member, after count: Int) -> String? {
    var nameThen: [ObjectIdentifier: String] = [:]
    for rename in renames[count...].reversed() { nameThen[ObjectIdentifier(rename.member)] = rename.old }
    func name(_ member: Member) -> String? { nameThen[ObjectIdentifier(member)] ?? member.name }
    guard roster.names.first == name(asker) else { return "begins with \(roster.names.first ?? "nobody")" }
    var listed = Set(roster.names)
    guard listed.remove("\(listener.port)") != nil else { return "lacks the listener" }
    for member in present + leavers where member.firstRename.map({ $0 < count }) ?? false {
      let mayBeGone = member.leftAt ?? .max <= roster.heardAt
      if !mayBeGone, let name = name(member), listed.remove(name) == nil { return "lacks \(name)" }
    }
    for member in present + leavers where member.leftAt ?? .max >= roster.askedAt - Self.noticing {
      if let name = name(member) { listed.remove(name) }
      let port = "\(member.peer.port)"
      if member.firstRename == nil { for name in [port, "\(port)@\(member.peer.host)"] { listed.remove(name) } }
    }
    return listed.isEmpty ? nil : "has \(listed.sorted().prefix(3)), who are not here"
  }

  /// Waits until all is answered; then everybody asks who is here.
  func finish() throws {
    try run(within: .seconds(60)) { _ in
      // What somebody heard before the listener did is judged now.
      for member in present { try judgeEarly(member) }
      return openRosters.isEmpty && present.allSatisfy { $0.isIdle && $0.position == renames.count }
    }
    try run(within: .seconds(60)) { _ in leavers.allSatisfy { $0.peer.state == .closed } }
    try server.settle(at: swarm.openCount)
    leavers = []
    for member in present { askWhoIsHere(member) }
    try run(within: .seconds(120)) { _ in present.allSatisfy(\.isIdle) && openRosters.isEmpty }
  }
}
