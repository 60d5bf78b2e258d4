import TestSupport
import Testing

/// Feeds a ledger what peers might hear: whatever is wrong with it has to be noticed.
@Suite(.timeLimit(.minutes(10)))
struct LedgerTests {
  private let server: ScriptedServer
  private let swarm: Swarm
  private let ledger = Ledger(lengths: 10...20, isNumbered: true)
  private let listener: Peer
  private let speakers: [Peer]

  init() throws {
    server = try ScriptedServer()
    swarm = try Swarm(connectingTo: .internet(host: "127.0.0.1", port: server.port))
    listener = try swarm.add()
    speakers = try swarm.add(2)
    ledger.listen(listener)
    for peer in speakers { ledger.speak(peer) }
  }

  /// The next line of a speaker, as others hear it.
  private func say(_ speaker: Peer) -> [UInt8] {
    Array("\(speaker.port): ".utf8) + ledger.nextLine(of: speaker).dropLast()
  }

  private func hear(_ peer: Peer, _ lines: [UInt8]...) throws {
    for line in lines { try line.withUnsafeBytes { try ledger.hear(peer, $0, 0) } }
  }

  private func hear(_ peer: Peer, _ text: String) throws { try hear(peer, Array(text.utf8)) }

  @Test func `All is well when everybody hears all others in one order`() throws {
    let (a, b) = (say(speakers[0]), say(speakers[1]))
    #expect(try !ledger.areComplete([listener]))
    // A speaker may hear a line before any listener.
    try hear(speakers[0], b)
    try hear(listener, a, b)
    try hear(speakers[1], a)
    #expect(try ledger.areComplete([listener] + speakers))
  }

  @Test func `A line that comes twice is noticed`() throws {
    let a = say(speakers[0])
    try hear(listener, a)
    #expect(throws: TestFailure.self) { try hear(listener, a) }
  }

  @Test func `A line that is lost is noticed`() throws {
    let (first, second) = (say(speakers[0]), say(speakers[0]))
    try hear(listener, first)
    #expect(try !ledger.isComplete(listener))
    #expect(throws: TestFailure.self) { try hear(speakers[1], second) }
  }

  @Test func `Another order is noticed`() throws {
    let other = try swarm.add()
    ledger.listen(other)
    let (a, b) = (say(speakers[0]), say(speakers[1]))
    try hear(listener, a, b)
    #expect(throws: TestFailure.self) { try hear(other, b) }
  }

  @Test func `A line that comes back to its speaker is noticed`() throws {
    let a = say(speakers[0])
    try hear(listener, a)
    try hear(speakers[0], a)
    #expect(try !ledger.isComplete(speakers[0]))
    let b = say(speakers[1])
    #expect(throws: TestFailure.self) {
      try hear(listener, b)
      try hear(speakers[0], b)
      _ = try ledger.isComplete(speakers[0])
    }
  }

  @Test func `A torn line and one that nobody said are noticed`() throws {
    let a = say(speakers[0])
    #expect(throws: TestFailure.self) { try hear(listener, Array(a.dropLast())) }
    #expect(throws: TestFailure.self) { try hear(listener, "\(speakers[1].port): 0 abcd") }
    #expect(throws: TestFailure.self) { try hear(listener, "1: 0 abcd") }
  }

  @Test func `Who comes while others talk is found in the order by its first line`() throws {
    let newcomer = try swarm.add()
    let (first, second, third) = (say(speakers[0]), say(speakers[0]), say(speakers[1]))
    ledger.join(newcomer)
    try hear(newcomer, second)
    try hear(listener, first, second, third)
    #expect(try !ledger.isComplete(newcomer))
    try hear(newcomer, third)
    #expect(try ledger.isComplete(newcomer))
  }

  @Test func `Who was there and misses what came after its own line is noticed`() throws {
    let newcomer = try swarm.add()
    ledger.join(newcomer)
    let (own, missed, heard) = (say(newcomer), say(speakers[0]), say(speakers[0]))
    try hear(listener, own, missed, heard)
    #expect(throws: TestFailure.self) { try hear(newcomer, heard) }
  }

  @Test func `Only the last lines of a speaker that was cut off may be missing`() throws {
    let lines = [say(speakers[0]), say(speakers[0]), say(speakers[0])]
    try hear(listener, lines[0])
    ledger.cutOff(speakers[0])
    #expect(throws: TestFailure.self) { try hear(listener, lines[2]) }
    try hear(speakers[1], lines[0])
    #expect(try ledger.areComplete([listener, speakers[1]]))
    #expect(ledger.lostCount == 2)
  }

  @Test func `The count of lines that a hearer missed has to be exact`() throws {
    let other = try swarm.add()
    ledger.listen(other)
    let lines = (0..<4).map { _ in say(speakers[0]) }
    // It may be told before anybody else has heard them.
    try hear(other, "* 2 lines skipped")
    for line in lines { try hear(listener, line) }
    try hear(other, lines[2])
    #expect(try !ledger.isComplete(other))
    try hear(other, lines[3])
    #expect(try ledger.isComplete(other))
    let last = try swarm.add()
    ledger.listen(last)
    let more = (0..<3).map { _ in say(speakers[0]) }
    for line in more { try hear(listener, line) }
    try hear(last, "* 1 lines skipped")
    #expect(throws: TestFailure.self) { try hear(last, more[2]) }
  }
}
