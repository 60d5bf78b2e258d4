import Glibc
import TestSupport
import Testing

/// The built server among members that read nothing: its memory is looked at from outside.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct SlowReaderTests {
  @Test(arguments: ["portable", "epoll"])
  func
    `Beside twenty members that never read, twenty get 64 MiB in order; when they read again, they get the exact count of what they missed`(
      layer: String
    ) throws
  {
    // The readers are this process, which may have to wait for its turn on a busy machine.
    let server = try ServerProgram(options: ["--event-layer", layer, "--patience", "5"])
    let swarm = try Swarm(connectingTo: server.address)
    let length = 1023
    let ledger = Ledger(lengths: length...length)
    let readers = [try swarm.addLeader()] + (try swarm.add(19))
    let talker = try swarm.add()
    let stalled = try swarm.add(20)
    for peer in readers + stalled { ledger.listen(peer) }
    ledger.speak(talker)
    for _ in 0..<swarm.openCount { _ = try server.nextPort() }
    for peer in stalled { swarm.setReading(false, of: peer) }
    let figures = try #require(ProcessFigures(of: server.program.pid))
    let memoryBefore = try #require(figures.residentKiB)

    // What is not read for 30 s is given up, so it has to be said within that time.
    let lines = (isSanitized ? 16 : 64) << 20 / (length + 1)
    try swarm.run(within: .seconds(120), "the readers to have all") { _ in
      while talker.unsentBytes < 1 << 20, ledger.totalSaid < lines {
        swarm.say(ledger.nextLine(of: talker), by: talker)
      }
      return try ledger.totalSaid == lines && ledger.areComplete(readers)
    } line: {
      try ledger.hear($0, $1, $2)
    }
    let memoryAfter = try #require(figures.residentKiB)
    #expect(isSanitized || memoryAfter - memoryBefore <= 1 << 10 + 16 << 10, "memory beyond what it had at first")

    for peer in stalled { swarm.setReading(true, of: peer) }
    try swarm.run(within: .seconds(60), "the stalled to have what is left") { _ in
      try ledger.areComplete(stalled)
    } line: {
      try ledger.hear($0, $1, $2)
    }
    #expect(readers.allSatisfy { ledger[$0].skipped == 0 })
    #expect(stalled.allSatisfy { ledger[$0].skipped > 0 })
  }

  @Test(arguments: ["portable", "epoll"])
  func `One that floods under --rate and reads nothing costs no memory`(layer: String) throws {
    let server = try ServerProgram(options: ["--event-layer", layer, "--rate", "1000:50"])
    let talker = try Dialogue(connectingTo: server.address)
    let flooder = try Dialogue(connectingTo: server.address, receiveBuffer: 4096)
    for _ in 0..<2 { _ = try server.nextPort() }
    for _ in 0..<20 { try talker.send(String(repeating: "w", count: 8000) + "\n") }
    let flood = Array(String(repeating: "f\n", count: 4096).utf8)
    let figures = try #require(ProcessFigures(of: server.program.pid))
    var memoryBefore: Int?
    let start = ContinuousClock.now
    try eventually("eight seconds to go by", within: generousLimit + .seconds(8)) {
      _ = try flooder.sendWithoutWaiting(flood[...])
      // The flooder waits for two things now: to be read again, and to take something.
      if memoryBefore == nil, ContinuousClock.now - start > .seconds(2) {
        memoryBefore = figures.residentKiB
      }
      return ContinuousClock.now - start > .seconds(8)
    }
    let growth = try #require(figures.residentKiB) - #require(memoryBefore)
    #expect(isSanitized || growth < 4 << 10)
  }
}
