import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let goodbyes = Row(
    9, "1,000 members say goodbye with 200 KB on the way to them, and more behind their own `exit`",
    asked: "1,000 goodbyes complete"
  ) { size, outcome in
    let server = try ServerUnderTest()
    let swarm = try Swarm(connectingTo: server.address)
    let ledger = Ledger(lengths: 500...1500)
    let speaker = try swarm.add()
    ledger.speak(speaker)
    let leavers = try swarm.add(size.of(1000, small: 100), receiveBuffer: 8192)
    for peer in leavers {
      ledger.listen(peer)
      swarm.setReading(false, of: peer)
    }
    try server.settle(at: swarm.openCount)
    var said = 0
    while said < 200_000 {
      let line = ledger.nextLine(of: speaker)
      swarm.say(line, by: speaker)
      said += line.count
    }
    try eventually("all to be said") { server.logged("Relaying message:") == ledger.said[0] }
    let unread = Array("exit\n".utf8) + [UInt8](repeating: 0x62, count: 20_000)
    for peer in leavers { swarm.say(unread, by: peer) }
    try eventually("all to have left") { server.logged("Sent exit command.") == leavers.count }
    for peer in leavers { swarm.setReading(true, of: peer) }
    try swarm.run(within: .seconds(60), "all to be said goodbye to") { _ in
      leavers.allSatisfy { $0.state != .open }
    } line: {
      try ledger.hear($0, $1, $2)
    }
    let complete = try leavers.count { try ledger.isComplete($0) && $0.state == .ended && ledger[$0].skipped == 0 }
    outcome.check(
      complete == leavers.count, "\(complete) of \(leavers.count) got all \(said >> 10) KiB and an end in good order")
    let load = server.load { pass(.milliseconds(500)) }
    outcome.check(load <= 20, "\(load.rounded(to: 1)) % CPU until they close")
    for peer in leavers { swarm.close(peer) }
    try server.settle(at: 1, within: .seconds(10))
    outcome.check(server.connections == 1, "no descriptor left behind")
  }

  static let restarts = Row(
    16, "SIGTERM 100 times under 200 clients with an immediate restart, and kill -9 20 times",
    asked: "every restart binds; every drain within 2 s, and complete"
  ) { size, outcome in
    guard let port = unusedFixedPort() else { throw TestFailure("no free port from 20000 to 29999") }
    var drains = Histogram()
    var incomplete = 0
    let terms = size.of(100, small: 5)
    for _ in 0..<terms {
      let server = try ServerUnderTest(listening: "127.0.0.1:\(port)")
      let swarm = try Swarm(connectingTo: server.address)
      let ledger = Ledger(lengths: 50...500)
      let leader = try swarm.addLeader()
      ledger.listen(leader)
      let peers = try swarm.add(size.of(200, small: 50))
      for peer in peers { ledger.speak(peer) }
      try server.settle(at: peers.count + 1)
      for peer in peers.prefix(20) { for _ in 0..<5 { swarm.say(ledger.nextLine(of: peer), by: peer) } }
      try eventually("all to be said") { server.logged("Relaying message:") == 100 }
      // From now on they talk on without being heard.
      for peer in peers { swarm.say("too late".utf8, by: peer) }
      let start = monotonicNanoseconds()
      server.signal(SIGTERM)
      try swarm.run(within: .seconds(20), "the last goodbye") { _ in
        for peer in peers where peer.state == .ended { swarm.close(peer) }
        if leader.state == .ended { swarm.close(leader) }
        return peers.allSatisfy { $0.state != .open }
      } line: { peer, bytes, now in
        // What somebody said too late may have been in time.
        if !String(decoding: bytes, as: UTF8.self).hasSuffix(": too late") { try ledger.hear(peer, bytes, now) }
      }
      guard try server.waitForExit() == .status(0) else { throw TestFailure("the server did not exit with 0") }
      drains.record(monotonicNanoseconds() - start)
      incomplete += try peers.count { try !ledger.isComplete($0) || $0.state != .closed }
    }
    outcome.check(
      incomplete == 0, "\(terms) restarts after SIGTERM bound; \(incomplete) members without their last lines")
    outcome.judge(drains.maximum <= 2_000_000_000, "drains took \(drains.maximum / 1_000_000) ms at most")
    let kills = size.of(20, small: 3)
    for _ in 0..<kills {
      let server = try ServerUnderTest(listening: "127.0.0.1:\(port)")
      let swarm = try Swarm(connectingTo: server.address)
      _ = try swarm.add(50)
      try server.settle(at: 50)
      server.signal(SIGKILL)
      _ = try server.waitForExit()
    }
    _ = try ServerUnderTest(listening: "127.0.0.1:\(port)")
    outcome.check(true, "\(kills) restarts after kill -9 bound")
  }
}
