import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let takeOvers = Row(
    25, "a new program goes on 100 times (SIGUSR2) while 1,000 members talk, 50 times of these with `--redis`",
    asked: "no line lost or doubled, one order, half lines whole, nobody cut off; as many descriptors as before"
  ) { size, outcome in
    let (times, members) = (size.of(50, small: 6), size.of(1000, small: 60))
    try takeOver(times, members: members, [], "alone", &outcome)
    guard RedisServer.isInstalled else { return }
    let redis = try RedisServer(onUnixSocket: true)
    try takeOver(times, members: members, ["--redis", redis.url()], "with --redis", &outcome)
  }

  private static func takeOver(
    _ times: Int, members: Int, _ options: [String], _ what: String, _ outcome: inout Outcome
  ) throws {
    let server = try ServerUnderTest(["--patience", "30"] + options)
    let chatter = try Chatter(members, rate: 100, with: server)
    let (swarm, ledger) = (chatter.swarm, chatter.ledger)
    // Each has half a line at the server when that goes over. Before its first newline a pause would end that.
    let interrupted = try swarm.add(20)
    for peer in interrupted { ledger.speak(peer) }
    try server.settle(at: swarm.openCount)
    for peer in interrupted { swarm.say(ledger.nextLine(of: peer), by: peer) }
    try chatter.talk(for: .milliseconds(500))
    let before = server.descriptors
    let log = LogTail(server.log)
    _ = log.lines()

    var rests: [(peer: Peer, bytes: ArraySlice<UInt8>)] = []
    /// The longest that a line took to somebody, of each time.
    var longest: [Double] = []
    var isUnderWay = false
    var next = monotonicNanoseconds()
    try chatter.talk(within: .seconds(600)) { now in
      guard now >= next else { return false }
      // The log is long, and need not be looked at each millisecond.
      next = now + 10_000_000
      if isUnderWay {
        let lines = log.lines()
        if let failure = lines.first(where: { $0.hasPrefix("[TAKEOVER] failed") }) {
          // The machine is busy with other tests.
          guard failure.contains("has not said within") else { throw TestFailure(failure) }
          server.signal(SIGUSR2)
        }
        guard lines.contains(where: { $0.hasPrefix("[TAKEOVER] mychatserver") }) else { return false }
        for (peer, bytes) in rests { swarm.say(bytes, by: peer) }
        isUnderWay = false
        // What came late is heard by then.
        next = now + 150_000_000
      } else {
        if !rests.isEmpty { longest.append(Double(ledger.latencies.maximum) / 1e6) }
        if longest.count == times { return true }
        rests = interrupted.map { peer in
          let line = ledger.nextLine(of: peer)
          swarm.say(line.prefix(line.count / 2), by: peer)
          return (peer, line.dropFirst(line.count / 2))
        }
        ledger.forgetLatencies()
        server.signal(SIGUSR2)
        isUnderWay = true
      }
      return false
    }
    try swarm.run("the interrupted to hear all") { _ in
      try ledger.areComplete(chatter.members + interrupted)
    } line: {
      try ledger.hear($0, $1, $2)
    }
    let skipped = (chatter.members + interrupted).reduce(0) { $0 + ledger[$1].skipped }
    let cutOff = swarm.peers.count { $0?.state != .open }
    outcome.check(
      skipped == 0 && cutOff == 0,
      "\(what), \(times) times: \(ledger.orderCount) lines to \(swarm.openCount) each, \(skipped) skipped, \(cutOff) cut off"
    )
    outcome.check(
      server.descriptors == before, "\(before) descriptors before, \(server.descriptors) after")
    outcome.check(
      true,
      "the longest that a line took: \(median(longest).rounded(to: 0)) ms in the median of these times, "
        + "\((longest.max() ?? 0).rounded(to: 0)) ms at most")
  }
}

/// The lines that a log gets, as they come.
private final class LogTail {
  private let file: FileDescriptor
  private var partial: [UInt8] = []

  init(_ path: String) { file = FileDescriptor(owning: open(path, O_RDONLY | O_CLOEXEC)) }

  /// Those that have come since the last time.
  func lines() -> [String] {
    withUnsafeTemporaryAllocation(byteCount: 1 << 18, alignment: 16) { piece in
      while case .bytes(let count) = file.read(into: piece) { partial.append(contentsOf: piece[..<count]) }
    }
    let end = partial.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    defer { partial.removeFirst(end) }
    return partial[..<end].split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
  }
}
