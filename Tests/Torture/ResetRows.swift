import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let resets = Row(
    4, "2,000,000 connects cut by RST in bursts of 200, with the queue kept busy and a CPU hog beside it",
    asked: "no crash, no deaf member, descriptors back where they began; on the portable event layer, what happens"
  ) { size, outcome in
    try reset(size.of(2_000_000, small: 10_000), eventLayer: "epoll", &outcome)
    // The portable layer rests on libdispatch, whose defect is known (swift-corelibs-libdispatch #949): told, not judged.
    var portable = Outcome(size: size)
    do { try reset(size.of(100_000, small: 0), eventLayer: "portable", &portable) } catch {
      portable.check(false, "portable: \(error)")
    }
    for figure in portable.measured { outcome.check(true, figure) }
  }

  private static func reset(_ count: Int, eventLayer: String, _ outcome: inout Outcome) throws {
    guard count > 0 else { return }
    let server = try ServerUnderTest(["--event-layer", eventLayer])
    let chatter = try Chatter(10, rate: 1000, with: server)
    let hog = try Program("/bin/sh", ["-c", "ulimit -t 300; while :; do :; done"], input: .nothing)
    let attack = try server.address.resolved()[0]
    try chatter.talk(for: .milliseconds(200))
    let before = server.descriptors
    var cut = 0
    let start = monotonicNanoseconds()
    try chatter.talk(within: .seconds(900)) { _ in
      guard server.isAlive else { throw TestFailure("the server on \(eventLayer) died after \(cut) resets") }
      try burst(min(200, count - cut), of: attack)
      cut += min(200, count - cut)
      return cut == count
    }
    hog.signal(SIGKILL)
    let seconds = Double(monotonicNanoseconds() - start) / 1e9
    try server.settle(at: chatter.swarm.openCount)
    // Nobody deaf: everybody talks once more, and hears all.
    try chatter.talk(for: .seconds(1))
    // Of those that were cut, some may have been in the listener's queue until now.
    try? eventually("\(before) descriptors") { server.descriptors == before }
    outcome.check(
      server.isAlive && server.descriptors == before,
      "\(eventLayer): \(cut) resets in \(seconds.rounded(to: 0)) s, alive, all \(chatter.ledger.totalSaid) lines heard by all, "
        + "descriptors \(server.descriptors) as before (\(before))")
  }

  private static func burst(_ count: Int, of target: SocketAddress) throws {
    var numbers: [CInt] = []
    for _ in 0..<count {
      let number = socket(target.family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
      guard number >= 0 else { throw SystemCallError("socket") }
      _ = target.withPointer { connect(number, $0, $1) }
      numbers.append(number)
    }
    for number in numbers {
      resetWhenClosed(number)
      close(number)
    }
  }

  static let droppedTogether = Row(
    14, "500 members are dropped while one line is being delivered",
    asked: "no crash under AddressSanitizer; the others complete"
  ) { size, outcome in
    let server = try ServerUnderTest()
    let chatter = try Chatter(100, rate: 200, with: server)
    let rounds = size.of(20, small: 3)
    let count = size.of(500, small: 100)
    for _ in 0..<rounds {
      let doomed = try chatter.swarm.add(count)
      try server.settle(at: chatter.swarm.openCount)
      let speaker = chatter.talkers[0]
      chatter.swarm.say(chatter.ledger.nextLine(of: speaker, at: monotonicNanoseconds()), by: speaker)
      for peer in doomed { chatter.swarm.close(peer, resetting: true) }
      try chatter.talk(for: .milliseconds(200))
      try server.settle(at: chatter.swarm.openCount)
    }
    let sanitizer = server.logged("AddressSanitizer")
    outcome.check(
      server.isAlive && sanitizer == 0,
      "\(rounds) times \(count) dropped; \(chatter.members.count) others heard all of \(chatter.ledger.totalSaid) lines; "
        + "\(sanitizer) reports")
  }

  static let failingCalls = Row(
    15, "system calls fail: EINTR, one-byte writes, ENOBUFS, ECONNABORTED, EMFILE, ENOMEM by a preloaded library",
    asked: "row 8 at small scale, unchanged"
  ) { size, outcome in
    let library = try Program.built("libFailingCalls.so")
    let server = try ServerUnderTest(environment: ["LD_PRELOAD": library])
    try talk(members: size.of(50, small: 20), lines: size.of(500, small: 100), on: server, &outcome)
    outcome.check(server.logged("[NEW CONNECTION]") == size.of(50, small: 20) + 1, "everybody got in")
    server.signal(SIGTERM)
    let exit = try server.waitForExit()
    let failed = server.logged("calls failed")
    outcome.check(exit == .status(0) && failed == 1, "the server left with \(exit) after many failed calls")
  }
}
