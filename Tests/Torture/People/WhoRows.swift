import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let whoIsHere = Row(
    21, "`/who` among 19,900 members, some of whom take names, come and go while it is being answered",
    asked: "each listed once, sorted, as of the question; who asks and does not read costs at most 64 KiB"
  ) { size, outcome in
    let server = try ServerUnderTest(descriptors: size.of(20_000, small: 512))
    let crowd = try Crowd(of: size.of(19_900, small: 400), askers: size.of(16, small: 4), at: server)
    try crowd.takeNames(size.of(100, small: 30))
    let start = monotonicNanoseconds()
    let first = try crowd.ask([crowd.askers[0]])
    try crowd.read(first)
    let milliseconds = Double(monotonicNanoseconds() - start) / 1e6
    outcome.check(
      first[0].answer.lists(crowd.names),
      "\(first[0].answer.names.count) of \(crowd.names.count) listed once each and sorted, in "
        + "\(milliseconds.rounded(to: 0)) ms")

    let before = server.memory
    let listed = crowd.names
    let stalled = try crowd.ask(crowd.askers)
    try crowd.passTheTime()
    let each = Double(server.memory - before) / Double(stalled.count)
    outcome.check(each <= 64, "each of \(stalled.count) who do not read costs \(each.rounded(to: 1)) KiB")
    let (renamed, left, joined) = (60, size.of(60, small: 30), 20)
    try crowd.takeNames(renamed)
    try crowd.leave(left)
    try crowd.join(joined)
    try crowd.read(stalled)
    let right = stalled.count { $0.answer.lists(listed) }
    if let wrong = stalled.first(where: { !$0.answer.lists(listed) }) {
      let (got, due) = (Set(wrong.answer.names), Set(listed))
      outcome.check(
        false,
        "one lacks \(due.subtracting(got).sorted().prefix(3)) and has \(got.subtracting(due).sorted().prefix(3)) instead, "
          + "\(wrong.answer.names.count) in all, \(wrong.answer.isBrokenOff ? "broken off" : "complete")")
    }
    outcome.check(
      right == stalled.count,
      "\(right) of \(stalled.count) got the list as of their question, though \(renamed) took names, \(left) left and "
        + "\(joined) came meanwhile")

    let now = Set(crowd.names)
    let hurried = try crowd.ask([crowd.askers[0]])
    try crowd.passTheTime()
    try crowd.takeNames(300)
    try crowd.read(hurried)
    let answer = hurried[0].answer
    outcome.check(
      answer.isBrokenOff && now.isSuperset(of: answer.names),
      "after 300 changes an answer broke off at \(answer.names.count) right ones, and said so")
  }

  static let whoWhileTalking = Row(
    22, "`/who` once a second among 5,000 members, while 50 of them say 1,000 lines a second",
    asked: "each answer complete; the talkers' p99 within 20 % of the same room without the question"
  ) { size, outcome in
    let server = try ServerUnderTest(size.patience)
    let swarm = try Swarm(connectingTo: server.address)
    let asker = try swarm.add()
    let count = size.of(5000, small: 300)
    while swarm.openCount < count - 51 {
      _ = try swarm.add(min(500, count - 51 - swarm.openCount))
      try server.settle(at: swarm.openCount)
    }
    let chatter = try Chatter(50, rate: size.of(1000, small: 200), with: server, among: swarm)
    let listed = swarm.peers.compactMap { $0.map { "\($0.port)" } }
    var answers = 0
    var answer: WhoAnswer?
    func talk(for duration: UInt64, asking: Bool) throws {
      let start = monotonicNanoseconds()
      var questions = Pace(everyNanoseconds: size.of(1_000_000_000, small: 200_000_000), from: start)
      try chatter.talk(within: .seconds(120)) { now in
        let isOver = now >= start + duration
        questions.forEachDue(by: now) { _ in
          guard asking, !isOver, answer == nil else { return }
          answer = WhoAnswer()
          swarm.say("/who\n".utf8, by: asker)
        }
        return isOver && answer == nil
      } lines: { peer, bytes, _ in
        peer === asker ? 0 : wholeLines(in: bytes)
      } others: { peer, bytes, _ in
        guard peer === asker, let isBegun = answer?.isBegun, isBegun || bytes.starts(with: "* ".utf8) else { return }
        try answer?.take(bytes)
        guard let heard = answer, heard.isOver else { return }
        guard heard.lists(listed) else { throw TestFailure("/who listed \(heard.names.count) of \(listed.count)") }
        answers += 1
        answer = nil
      }
    }
    /// - Returns: the talkers' p99 in milliseconds.
    func phase(asking: Bool) throws -> Double {
      try talk(for: size.of(500_000_000, small: 100_000_000), asking: asking)
      chatter.restart()
      try talk(for: size.of(2_000_000_000, small: 1_000_000_000), asking: asking)
      return chatter.ledger.latencies.milliseconds(0.99)
    }
    var (without, with): ([Double], [Double]) = ([], [])
    // Short rounds in turn, because what else the machine does changes from one second to the next.
    for _ in 0..<size.of(25, small: 1) {
      without.append(try phase(asking: false))
      with.append(try phase(asking: true))
    }
    outcome.check(answers > 0, "\(answers) answers, each with all \(listed.count) members, sorted")
    let (usual, asked) = (without.sorted()[without.count / 2], with.sorted()[with.count / 2])
    outcome.judge(
      asked <= usual * 1.2,
      "p99 \(usual.rounded(to: 1)) ms without the question, \(asked.rounded(to: 1)) ms with it (medians of \(with.count) "
        + "rounds, between \(without.min().map { $0.rounded(to: 1) } ?? "") and \(without.max().map { $0.rounded(to: 1) } ?? "") ms without)"
    )
  }
}

/// Members of whom the test knows what they are called.
private final class Crowd {
  /// One question, and what was heard of its answer.
  final class Question {
    let asker: Peer
    var answer = WhoAnswer()
    init(by asker: Peer) { self.asker = asker }
  }

  private let server: ServerUnderTest
  private let swarm: Swarm
  /// They have small receive buffers, and read only when they are told to.
  let askers: [Peer]
  /// By the peer's index; nil once it has left.
  private var nameOf: [String?] = []
  /// The index of the peer that is called by a port alone, or was at first.
  private var holderOfPort: [UInt16: Int] = [:]
  /// Names taken so far, each of them new.
  private var taken = 0
  /// By the peer's index: lines that begin with `* ` and are due to it.
  private var questions: [Int: Question] = [:]
  /// Notices that were heard by those who do not ask: renames, and answers to `/away` and the like.
  private var noticesHeard = 0

  init(of count: Int, askers: Int, at server: ServerUnderTest) throws {
    self.server = server
    swarm = try Swarm(connectingTo: server.address)
    self.askers = try swarm.add(askers, from: Row.sources[0], receiveBuffer: 4096)
    try server.settle(at: askers)
    try Row.fill(swarm, to: count, server)
    try notePeers()
    // What an answer says of each makes it longer than all kernel buffers on its way.
    let text = "/away " + String(repeating: "z", count: 200) + "\n"
    let away = swarm.peers.dropFirst(askers).compactMap { $0 }
    for peer in away { swarm.say(text.utf8, by: peer) }
    try hear(away.count, "to be away")
  }

  var names: [String] { nameOf.compactMap { $0 } }

  /// Notes what those are called that have come since the last time. Whoever has the same port as somebody before, from
  /// another address, is called by both.
  private func notePeers() throws {
    for index in nameOf.count..<swarm.peers.count {
      guard let peer = swarm.peers[index] else { throw TestFailure("peer \(index) is gone") }
      let isFirst = holderOfPort.updateValue(holderOfPort[peer.port] ?? index, forKey: peer.port) == nil
      nameOf.append(isFirst ? "\(peer.port)" : "\(peer.port)@\(peer.host)")
    }
  }

  /// Waits for so many notices to those who are not asking.
  private func hear(_ count: Int, _ what: String) throws {
    noticesHeard = 0
    try run("\(count) \(what); \(noticesHeard) heard") { self.noticesHeard >= count }
    guard noticesHeard == count else { throw TestFailure("\(noticesHeard) of \(count) \(what)") }
  }

  private func run(_ what: @autoclosure () -> String, until isDone: () -> Bool) throws {
    try swarm.run(within: .seconds(120), what()) { _ in
      isDone()
    } line: { peer, bytes, _ in
      guard bytes.starts(with: "* ".utf8) else { throw TestFailure("somebody heard \(shown(bytes))") }
      if let question = questions[peer.index], !question.answer.isOver {
        // Names taken before the question come before the answer, and all that were taken since come after it.
        if question.answer.isBegun || !isRename(bytes) { try question.answer.take(bytes) }
      }
      if peer.index >= askers.count { noticesHeard += 1 }
    }
  }

  /// Some who do not ask take new names, and all who do not ask hear of it.
  func takeNames(_ count: Int) throws {
    let listeners = swarm.openCount - askers.count
    let speakers = swarm.peers.dropFirst(askers.count).compactMap { $0 }
    for _ in 0..<count {
      let peer = speakers[taken * 7 % min(speakers.count, 100)]
      let name = ["anna", "Bert", "carla", "Zoe"][taken % 4] + "\(taken)"
      taken += 1
      swarm.say("/nick \(name)\n".utf8, by: peer)
      nameOf[peer.index] = name
    }
    try hear(count * listeners, "renames")
  }

  func leave(_ count: Int) throws {
    for peer in swarm.peers.dropFirst(askers.count).compactMap({ $0 }).suffix(count) {
      swarm.close(peer)
      nameOf[peer.index] = nil
      if holderOfPort[peer.port] == peer.index { holderOfPort[peer.port] = nil }
    }
    try server.settle(at: swarm.openCount)
  }

  func join(_ count: Int) throws {
    for number in 0..<count { try swarm.add(from: Row.sources[number % Row.sources.count]) }
    try server.settle(at: swarm.openCount)
    try notePeers()
  }

  /// Each of `askers` asks; what was begun to be answered is not read.
  func ask(_ askers: [Peer]) throws -> [Question] {
    let asked = askers.map { Question(by: $0) }
    for question in asked {
      swarm.setReading(false, of: question.asker)
      questions[question.asker.index] = question
      swarm.say("/who\n".utf8, by: question.asker)
    }
    return asked
  }

  /// Lets the server act on what it has received: it answers somebody else many times.
  func passTheTime() throws {
    guard let other = swarm.peers[askers.count] else { throw TestFailure("peer \(askers.count) is gone") }
    for _ in 0..<20 {
      swarm.say("/ignored\n".utf8, by: other)
      try hear(1, "answers")
    }
  }

  /// Those who asked read on, to the end of their answers.
  func read(_ asked: [Question]) throws {
    for question in asked { swarm.setReading(true, of: question.asker) }
    try run("answers to /who; \(asked.count { $0.answer.isOver }) of \(asked.count) are complete") {
      asked.allSatisfy { $0.answer.isOver }
    }
    for question in asked { questions[question.asker.index] = nil }
  }
}

private func isRename(_ bytes: UnsafeRawBufferPointer) -> Bool {
  if case .renamed? = Notice(parsing: ServerLine(Array(bytes)[...]).text) { true } else { false }
}

/// How many bytes at the start of `bytes` are whole lines.
private func wholeLines(in bytes: UnsafeRawBufferPointer) -> Int {
  bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
}
