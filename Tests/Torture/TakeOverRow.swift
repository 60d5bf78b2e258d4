import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let takeOvers = Row(
    25,
    "a new program goes on 100 times (SIGUSR2) while 1,000 members talk, 50 times of these with `--redis`; before each time what "
      + "is installed is broken, no program, or cannot read the state",
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
    let installed = try Installed()
    let server = try ServerUnderTest(["--patience", "30"] + options, program: installed.path)
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
    var isMeasured = false
    // The last one comes first.
    var attempts = (0..<times).flatMap { [Attempt.taken, .refused(.allCases[$0 % Installed.Fault.allCases.count])] }
    var isUnderWay = false
    var next = monotonicNanoseconds()
    try chatter.talk(within: .seconds(600)) { now in
      guard now >= next else { return false }
      // The log is long, and need not be looked at each millisecond.
      next = now + 10_000_000
      if isUnderWay {
        guard let line = log.lines().first(where: { $0.hasPrefix("[TAKEOVER] ") }) else { return false }
        // The machine is busy with other tests.
        if line.contains("has not said within") {
          server.signal(SIGUSR2)
          return false
        }
        guard let attempt = attempts.popLast(), attempt.isFulfilled(by: line) else { throw TestFailure(line) }
        for (peer, bytes) in rests { swarm.say(bytes, by: peer) }
        isUnderWay = false
        isMeasured = attempt == .taken
        // What came late is heard by then.
        next = now + 150_000_000
      } else {
        if isMeasured { longest.append(Double(ledger.latencies.maximum) / 1e6) }
        guard let attempt = attempts.last else { return true }
        try installed.install(attempt)
        isMeasured = false
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

/// What is tried at a take-over.
private enum Attempt: Equatable {
  case taken
  case refused(Installed.Fault)

  /// Whether the log says in this line what has to become of it.
  func isFulfilled(by line: String) -> Bool {
    switch self {
    case .taken: line.hasPrefix("[TAKEOVER] mychatserver ")
    case .refused(let fault): line.hasPrefix("[TAKEOVER] failed: ") && line.contains(fault.reason)
    }
  }
}

/// A directory in which the program of a server is replaced while that runs.
private final class Installed {
  enum Fault: CaseIterable {
    case broken, noProgram, otherFormat

    /// What the log says of it.
    var reason: String {
      switch self {
      case .broken: "ended with status 3."
      case .noProgram: "cannot be started: Exec format error."
      case .otherFormat: "it is in format 99"
      }
    }
  }

  private let directory: TemporaryDirectory
  /// Two files of the server, so that each one that goes on is another one than before.
  private var builds: [String]
  var path: String { directory.file("mychatserver") }

  init() throws {
    // A link leads on from where it stands, so it needs the whole path.
    guard let whole = realpath(try ServerUnderTest.programPath(), nil) else { throw SystemCallError("realpath") }
    defer { free(whole) }
    let built = String(cString: whole)
    directory = try TemporaryDirectory()
    let copy = directory.file("copy")
    guard try Program(Program.found("cp"), [built, copy]).waitForExit() == .status(0) else { throw TestFailure("cp") }
    builds = [built, copy]
    try install(.taken)
  }

  /// Puts in the place of the program what is to be tried.
  func install(_ attempt: Attempt) throws {
    let new = directory.file("new")
    switch attempt {
    case .taken:
      builds.reverse()
      guard symlink(builds[0], new) == 0 else { throw SystemCallError("symlink") }
    case .refused(.broken): try TestSupport.write("#!/bin/sh\nexit 3\n", to: new, mode: 0o755)
    case .refused(.noProgram): try TestSupport.write("no program\n", to: new, mode: 0o755)
    case .refused(.otherFormat):
      let state = directory.file("state")
      try TestSupport.write("mychat state\nc\0", to: state)
      try TestSupport.write("#!/bin/sh\nexec \(builds[0]) \"$@\" 3<\(state)\n", to: new, mode: 0o755)
    }
    guard rename(new, path) == 0 else { throw SystemCallError("rename") }
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
