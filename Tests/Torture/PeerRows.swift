import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let stoppedPeer = Row(
    6, "a peer is stopped (SIGSTOP) with lines waiting for it",
    asked: "kept while its machine answers; given up 300 s after its last progress, within 10 %"
  ) { size, outcome in
    let server = try ServerUnderTest(size.patience)
    let stopped = try Program(built: "mychatclient", ["127.0.0.1:\(server.port)"], output: .nothing)
    try server.settle(at: 1)
    let port = try server.portOfFirstMember()
    let swarm = try Swarm(connectingTo: server.address)
    let ledger = Ledger(lengths: 4000...8000)
    let listener = try swarm.addLeader()
    let speaker = try swarm.add()
    ledger.speak(speaker)
    ledger.listen(listener)
    try server.settle(at: 3)
    stopped.signal(SIGSTOP)
    defer { stopped.signal(SIGCONT) }
    // More than fits into the two kernel buffers between the server and the stopped program (tcp(7): tcp_wmem, tcp_rmem).
    let enough = 16 << 20
    var said = 0
    var held: Int?
    var lastProgress = monotonicNanoseconds()
    var nextLook = lastProgress
    try swarm.run(within: .seconds(60), "the buffers to fill") { now in
      while said < enough, speaker.unsentBytes < 65_536 {
        let line = ledger.nextLine(of: speaker)
        said += line.count
        swarm.say(line, by: speaker)
      }
      if now >= nextLook {
        let holds = server.heldByKernel(for: port)
        if holds != held { (held, lastProgress) = (holds, monotonicNanoseconds()) }
        nextLook = monotonicNanoseconds() + 50_000_000
      }
      return try said >= enough && ledger.isComplete(listener)
    } line: {
      try ledger.hear($0, $1, $2)
    }
    let limit = size.of(330, small: 36)
    var seconds = 0.0
    try eventually("the stopped peer to be given up", within: .seconds(limit + 60)) {
      let isLost = server.logged("[CONNECTION LOST]") == 1
      let holds = server.heldByKernel(for: port)
      if !isLost, holds != held { (held, lastProgress) = (holds, monotonicNanoseconds()) }
      seconds = Double(monotonicNanoseconds() - lastProgress) / 1e9
      return isLost || seconds > Double(limit)
    }
    if size == .small {
      outcome.check(seconds > Double(limit), "still here after \(seconds.rounded(to: 1)) s")
    } else {
      outcome.check((270..<330).contains(seconds), "given up \(seconds.rounded(to: 1)) s after its last progress")
      try server.settle(at: 2)
    }
  }

  static let noNewline = Row(
    10, "no newline ever: 100 TLS ClientHellos, 100 HTTP requests and 100 times 1 MiB of `A` at once",
    asked: "told or skipped within 1 s, then at most 1 % CPU; 8 KiB each at most"
  ) { size, outcome in
    let server = try ServerUnderTest()
    let swarm = try Swarm(connectingTo: server.address)
    let observer = try swarm.add()
    try server.settle(at: 1)
    let before = server.memory
    let each = size.of(100, small: 20)
    let hello: [UInt8] =
      [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03]
      + (0..<500).map { $0 % 251 == 10 ? 0 : UInt8($0 % 251) }
    let request = Array("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: curl".utf8)
    let flood = [UInt8](repeating: 0x41, count: 1 << 20)
    let greeters = try swarm.add(each)
    let browsers = try swarm.add(each)
    let shouters = try swarm.add(each)
    try server.settle(at: 1 + 3 * each)
    var told = [Int: UInt64]()
    var odd = 0
    let start = monotonicNanoseconds()
    for peer in greeters { swarm.say(hello, by: peer) }
    for peer in browsers { swarm.say(request, by: peer) }
    for peer in shouters { swarm.say(flood, by: peer) }
    let browserPorts = Set(browsers.map(\.port))
    try swarm.run(within: .seconds(30), "all to be told; \(told.count) are") { now in
      told.count == 2 * each && shouters.allSatisfy { $0.unsentBytes == 0 } && now > start + 1_000_000_000
    } line: { peer, bytes, now in
      let text = String(decoding: bytes, as: UTF8.self)
      if text == "* That was not text; it was not sent."
        || text == "* That line is longer than 8192 bytes; it was not sent."
      {
        if told.updateValue(now - start, forKey: peer.index) != nil { odd += 1 }
      } else if !browserPorts.contains(UInt16(text.prefix { $0 != ":" }) ?? 0) {
        odd += 1
      }
    }
    let slowest = Double(told.values.max() ?? 0) / 1e6
    outcome.check(odd == 0 && observer.state == .open, "\(told.count) told once each, \(odd) lines that should not be")
    outcome.judge(slowest <= 1000, "told within \(slowest.rounded(to: 0)) ms")
    let growth = server.memory - before
    outcome.check(growth <= 3 * each * 8 + 4096, "memory grew by \(growth) KiB for \(3 * each) peers")
    let load = server.load { pass(.seconds(size.of(10, small: 1))) }
    outcome.judge(load <= 1, "then \(load.rounded(to: 2)) % CPU")
  }

  static let byteASecond = Row(
    11, "1,000 clients send a byte a second, 20 others talk", asked: "p99 of the others at most 20 ms"
  ) { size, outcome in
    let server = try ServerUnderTest()
    let swarm = try Swarm(connectingTo: server.address)
    let ledger = Ledger(lengths: 20...80)
    ledger.listen(try swarm.addLeader())
    let talkers = try swarm.add(20)
    for peer in talkers { ledger.speak(peer, timed: true) }
    let slow = try swarm.add(size.of(1000, small: 100))
    for peer in slow { ledger.listen(peer) }
    try server.settle(at: swarm.openCount)
    // A blank line says that they end their lines; then a line that takes hours.
    for peer in slow { swarm.say("\n".utf8, by: peer) }
    let start = monotonicNanoseconds()
    let end = start + size.of(20, small: 2) * 1_000_000_000
    var bytes = Pace(everyNanoseconds: 1_000_000_000 / UInt64(slow.count), from: start)
    var lines = Pace(everyNanoseconds: 20_000_000, from: start)
    var (nextByte, nextLine) = (0, 0)
    let load = try server.load {
      try swarm.run(within: .seconds(90), "the last line") { now in
        if now < end {
          bytes.forEachDue(by: now) { _ in
            swarm.say([0x61], by: slow[nextByte % slow.count])
            nextByte += 1
          }
          lines.forEachDue(by: now) { due in
            let talker = talkers[nextLine % talkers.count]
            swarm.say(ledger.nextLine(of: talker, at: due), by: talker)
            nextLine += 1
          }
        }
        return try now >= end && ledger.areComplete(talkers + slow)
      } line: {
        try ledger.hear($0, $1, $2)
      }
    }
    outcome.judge(
      ledger.latencies.milliseconds(0.99) <= 20,
      "\(ledger.latencies.count) deliveries: \(ledger.latencies.described); server at \(load.rounded(to: 0)) % CPU")
  }
}
