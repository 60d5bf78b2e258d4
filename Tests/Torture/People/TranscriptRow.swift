import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let killedTranscript = Row(
    20, "kill -9 in mid-line 50 times under load, with one `--transcript` from start to start",
    asked:
      "after each start no half line; every line that anybody heard more than a second before the kill; `/last` gives "
      + "the lines of the file"
  ) { size, outcome in
    var random = SeededRandom.printed(for: "kills")
    let directory = try TemporaryDirectory()
    let file = KeptLines(path: directory.file("transcript"))
    let kills = size.of(50, small: 4)
    var (heard, due, torn) = (0, 0, 0)
    for kill in 0..<kills {
      let server = try file.server(onSlowDisk: kill % 2 == 0)
      torn += server.logged("the last line was not complete and was removed")
      try file.check(server)
      let talk = try Talk(number: kill, with: server)
      let life = Duration.milliseconds(1100 + Int(random.next() % 900))
      let killedAt = try talk.run(for: life, thenKilling: server)
      heard += talk.heard.count
      due += try file.expect(talk.heard, until: killedAt - 1_000_000_000)
    }
    let server = try file.server(onSlowDisk: false)
    torn += server.logged("the last line was not complete and was removed")
    try file.check(server)
    outcome.check(
      file.found >= due && due > 0,
      "\(kills) kills: \(heard) lines heard, \(due) of them a second before; the file has \(file.found) lines, all whole"
    )
    outcome.check(file.given > 0, "`/last` gave \(file.given) of them, all as in the file and with their minutes")
    outcome.judge(torn > 0, "\(torn) starts removed a half line")
  }
}

/// Members who say lines that show whether they are whole: `7.1234.56 xxxx…`, with the number of the talk, the line's own
/// number, and how many letters follow.
private final class Talk {
  private let number: Int
  private let swarm: Swarm
  private let talkers: [Peer]
  private let leader: Peer
  private var said = 0
  /// What was heard first of all by one who only listens, in order, and when.
  private(set) var heard: [(line: [UInt8], time: UInt64)] = []

  init(number: Int, with server: ServerUnderTest) throws {
    self.number = number
    swarm = try Swarm(connectingTo: server.address)
    leader = try swarm.addLeader()
    talkers = try swarm.add(10)
    try server.settle(at: swarm.openCount)
  }

  /// - Returns: when the server was killed.
  func run(for life: Duration, thenKilling server: ServerUnderTest) throws -> UInt64 {
    let start = monotonicNanoseconds()
    let end = start + UInt64(life / .nanoseconds(1))
    var pace = Pace(everyNanoseconds: 500_000, from: start)
    var killedAt: UInt64 = 0
    try swarm.run("the kill") { now in
      pace.forEachDue(by: now) { _ in
        let letters = said * 37 % 1000
        let line = "\(number).\(said).\(letters) " + String(repeating: "x", count: letters) + "\n"
        swarm.say(line.utf8, by: talkers[said % talkers.count])
        said += 1
      }
      guard now >= end else { return false }
      // In mid-line, for the server too.
      for talker in talkers { swarm.say("half a li".utf8, by: talker) }
      killedAt = monotonicNanoseconds()
      server.signal(SIGKILL)
      return true
    } line: { peer, bytes, now in
      if peer === leader { heard.append((Array(bytes), now)) }
    }
    _ = try server.waitForExit()
    swarm.closeAll()
    return killedAt
  }
}

/// The transcript, and what has to be in it.
private final class KeptLines {
  private let path: String
  /// Lines of it that were checked, and the bytes that they take.
  private(set) var found = 0
  private var checkedBytes = 0
  /// The newest of these, with their minutes, as far as the server's log can have them.
  private var newest: [(minute: ArraySlice<UInt8>, text: [UInt8])] = []
  /// Lines that `/last` gave.
  private(set) var given = 0
  /// What somebody heard of the last talk in time, in order.
  private var due: [[UInt8]] = []

  init(path: String) { self.path = path }

  /// Starts a server with this transcript.
  /// - Parameter isSlow: whether a write takes half of what it is given, after a while, so that the file ends within a line
  ///   most of the time.
  func server(onSlowDisk isSlow: Bool) throws -> ServerUnderTest {
    var environment = ["TZ": "UTC"]
    if isSlow {
      environment["LD_PRELOAD"] = try Program.built("libFailingCalls.so")
      environment["SLOW_DISK"] = "1"
    }
    return try ServerUnderTest(["--transcript", path], environment: environment)
  }

  /// - Returns: how many lines have to be in the file.
  func expect(_ heard: [(line: [UInt8], time: UInt64)], until limit: UInt64) throws -> Int {
    due = heard.prefix { $0.time < limit }.map(\.line)
    return due.count
  }

  /// Checks what a server that has just started, and that nobody talks to, found in its transcript.
  func check(_ server: ServerUnderTest) throws {
    let lines = try newLines()
    guard lines.count >= due.count else {
      throw TestFailure("\(due.count - lines.count) lines that were heard a second before are not in the transcript")
    }
    for (line, expected) in zip(lines, due) where line != expected {
      throw TestFailure("the transcript has \(shown(line.prefix(80))) where \(shown(expected.prefix(80))) was heard")
    }
    found += lines.count
    due = []
    try checkEarlierLines(server)
  }

  /// Checks that `/last` gives the newest lines of the file, as many as the server's log has room for.
  private func checkEarlierLines(_ server: ServerUnderTest) throws {
    let peer = try Dialogue(connectingTo: server.address)
    // The second question is answered when the answer to the first one is complete.
    try peer.send("/last 100000\n/ignored\n")
    var lines: [ServerLine] = []
    while true {
      let line = ServerLine(Array(try peer.expectLine().utf8)[...])
      if line.kind == .notice { break }
      lines.append(line)
    }
    let bytes = lines.reduce(0) { $0 + $1.bytes.count }
    guard lines.count == newest.count || bytes > Self.logBytes / 2, lines.count <= newest.count else {
      throw TestFailure("/last gave \(lines.count) lines, and the transcript has \(newest.count) in its end")
    }
    for (line, expected) in zip(lines, newest.suffix(lines.count)) {
      guard line.repeated?.bytes == expected.text[...], line.said?.suffix(5) == expected.minute else {
        throw TestFailure("/last gave \(shown(line.bytes.prefix(80))) for \(shown(expected.text.prefix(80)))")
      }
    }
    given += lines.count
    peer.close()
    try server.settle(at: 0)
  }
  /// Bytes that the server's log has.
  private static let logBytes = 1 << 20

  /// The lines that came since the last check, without their times.
  private func newLines() throws -> [[UInt8]] {
    let bytes = contents(of: path, atMost: 1 << 30).dropFirst(checkedBytes)
    guard bytes.last ?? 0x0A == 0x0A else {
      throw TestFailure("the transcript ends in half a line: \(shown(bytes.suffix(80)))")
    }
    checkedBytes += bytes.count
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
    // `2026-11-23T21:03:05Z` has its minute before the last four characters.
    newest += lines.map { ($0.dropFirst(11).prefix(5), Array($0.dropFirst(WallTime.textBytes + 1))) }
    var size = newest.reduce(0) { $0 + $1.text.count }
    newest = Array(
      newest.drop {
        size -= $0.text.count
        return size > 2 * Self.logBytes
      })
    return try lines.map { line in
      let text = line.dropFirst(WallTime.textBytes + 1)
      guard WallTime(parsing: line.prefix(WallTime.textBytes)) != nil, Self.isWhole(text) else {
        throw TestFailure("the transcript has the line \(shown(line.prefix(80)))")
      }
      return Array(text)
    }
  }

  /// Whether this is `PORT: 7.1234.56 ` and 56 letters.
  private static func isWhole(_ line: ArraySlice<UInt8>) -> Bool {
    let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard words.count == 3, words[0].last == UInt8(ascii: ":"),
      let letters = words[1].split(separator: UInt8(ascii: ".")).last.flatMap({
        Int(String(decoding: $0, as: UTF8.self))
      })
    else { return false }
    return words[2].count == letters && words[2].allSatisfy { $0 == UInt8(ascii: "x") }
  }
}
