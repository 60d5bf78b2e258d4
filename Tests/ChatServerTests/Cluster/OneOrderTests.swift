import ChatRedis
import ChatServer
import ChatWire
import TestSupport
import Testing

/// Several servers with one room.
@Suite(.enabled(if: RedisServer.isInstalled), .timeLimit(.minutes(10)))
struct OneOrderTests {
  @Test func `Members of three servers hear all lines of the others once and in one order`() throws {
    let room = try SharedRedis.newRoom()
    let servers = try (0..<3).map { _ in try RunningServer(.shared) { $0.redis = room } }
    for server in servers { try server.waitForRoom() }
    let swarms = try servers.map { try Swarm(connectingTo: $0.addresses[0]) }
    let listeners = try swarms.map { try $0.add() }
    let talkers = try swarms.map { try $0.add(4) }
    for server in servers { try server.wait("five members") { $0.accepted == 5 } }
    let each = 300
    for (swarm, talkers) in zip(swarms, talkers) {
      for talker in talkers {
        swarm.say((0..<each).map { "\(talker.port) says \($0)\n" }.joined().utf8, by: talker)
      }
    }
    var heard = [[String]](repeating: [], count: 3)
    try eventually("all to hear all; they heard \(heard.map(\.count)) lines") {
      for (index, swarm) in swarms.enumerated() {
        var passes = 0
        try swarm.run("a pass") { _ in
          passes += 1
          return passes > 1
        } line: { peer, bytes, _ in
          if peer === listeners[index] { heard[index].append(String(decoding: bytes, as: UTF8.self)) }
        }
      }
      return heard.allSatisfy { $0.count >= 12 * each }
    }
    #expect(Set(heard[0]).count == 12 * each)
    #expect(heard[1] == heard[0])
    #expect(heard[2] == heard[0])
    for swarm in swarms { swarm.closeAll() }
  }

  @Test func `The transcripts of two servers hold the same lines`() throws {
    let directory = try TemporaryDirectory()
    let room = try SharedRedis.newRoom()
    let paths = ["one", "two"].map(directory.file)
    let servers = try paths.map { path in
      try RunningServer(.shared) {
        $0.redis = room
        $0.transcript = path
      }
    }
    // What is said before a server is in the room, its members do not hear.
    for server in servers { try server.waitForRoom() }
    let peers = try servers.map { try $0.peer() }
    for server in servers { try server.settle() }
    for number in 0..<20 { for peer in peers { try peer.send("line \(number)\n") } }
    for peer in peers { for _ in 0..<20 { _ = try peer.expectLine() } }
    for (server, peer) in zip(servers, peers) {
      peer.close()
      #expect(server.stop())
    }
    // Each line stands behind its time.
    let said = paths.map { path in
      text(ofFile: path).split(separator: "\n").compactMap { line in
        line.firstRange(of: ": line").map { line[..<$0.lowerBound].suffix(5) + line[$0.lowerBound...] }
      }
    }
    #expect(said[0].count == 40)
    #expect(said[1] == said[0])
  }

  @Test
  func `A server whose member reads nothing takes no more from the others than its log holds, and loses none of it`()
    throws
  {
    let room = try SharedRedis.newRoom()
    let near = try RunningServer(.shared) {
      $0.redis = room
      $0.patience = .seconds(60)
      $0.logBytes = 256 << 10
    }
    let far = try RunningServer(.shared) { $0.redis = room }
    for server in [near, far] { try server.waitForRoom() }
    let listener = try near.peer()
    let stalled = try near.peer(receiveBuffer: 4096)
    try near.settle()
    let pourer = try far.peer()
    try far.settle()
    let count = 6000
    let line = String(repeating: "p", count: 999)
    try pourer.send(String(repeating: line + "\n", count: count))
    try far.wait("all of it to be said there") { $0.said == count }
    let said = near.server.counters.said
    #expect(said < count)
    for _ in 0..<count { for peer in [stalled, listener] { try peer.expect("\(pourer.localPort): \(line)") } }
    #expect(try stalled.peek().isEmpty)
  }

  @Test func `Members of a server that fell too far behind are told exactly how many lines they missed`() throws {
    let redis = try RedisServer(onUnixSocket: true)
    let room = RedisAddress(address: redis.address)
    let near = try RunningServer(.shared) {
      $0.redis = room
      $0.patience = .seconds(60)
      $0.logBytes = 256 << 10
    }
    let far = try RunningServer(.shared) { $0.redis = room }
    for server in [near, far] { try server.waitForRoom() }
    let stalled = try near.peer(receiveBuffer: 4096)
    try near.settle()
    let pourer = try far.peer()
    try far.settle()
    let count = 8000
    try pourer.send((0..<count).map { "\($0) " + String(repeating: "p", count: 990) + "\n" }.joined())
    try far.wait("all of it to be said there") { $0.said == count }
    try redis.command("XTRIM", "{mychat:\(room.room)}:log", "MAXLEN", "=", "1")
    var next = 0
    var missed = 0
    while next < count {
      let line = try stalled.expectLine()
      if line.hasPrefix("* ") {
        missed = try #require(Int(line.dropFirst(2).prefix { $0.isNumber }))
        #expect(line == "* \(missed) lines skipped")
        next += missed
      } else {
        try #require(line.hasPrefix("\(pourer.localPort): \(next) p"), "\(next) is next, and not \(line.prefix(40))")
        next += 1
      }
    }
    #expect(missed > 0)
    try pourer.send("over\n")
    try stalled.expect("\(pourer.localPort): over")
  }

  @Test func `A server that learns later than another that the history was lost misses nothing that was said since`()
    throws
  {
    let redis = try RedisServer(onUnixSocket: true)
    let servers = try (0..<2).map { _ in
      try RunningServer(.shared) { $0.redis = RedisAddress(address: redis.address) }
    }
    for server in servers { try server.waitForRoom() }
    let (a, b) = (try servers[0].peer(), try servers[1].peer())
    for server in servers { try server.settle() }
    for (speaker, listener) in [(a, b), (b, a)] {
      try speaker.send("before\n")
      try listener.expect("\(speaker.localPort): before")
    }
    try redis.command("FLUSHALL")
    // One server learns it with its next turn, at once. The other one says nothing, so it learns it with its next beat.
    let lines = (0..<50).map { "line \($0)" }
    try a.send(lines.map { $0 + "\n" }.joined() + "/nick anna\nover\n")
    try b.expect("* The room's history was lost; it begins anew here.")
    for line in lines { try b.expect("\(a.localPort): \(line)") }
    try b.expect("* \(a.localPort) is now anna")
    try b.expect("anna: over")
    try b.send("/msg anna you are known\n")
    try b.expect("* Sent to anna.")
  }

  @Test func `When Redis loses what it had, everybody is told, and the room goes on`() throws {
    let redis = try RedisServer(onUnixSocket: true)
    let server = try RunningServer(.shared) { $0.redis = RedisAddress(address: redis.address) }
    let (a, b) = (try server.peer(), try server.peer())
    try server.settle()
    try a.send("before\n")
    try b.expect("\(a.localPort): before")
    try redis.command("FLUSHALL")
    for peer in [a, b] { try peer.expect("* The room's history was lost; it begins anew here.") }
    try a.send("after\n")
    try b.expect("\(a.localPort): after")
    try b.send("/last 3\n")
    #expect(try b.expectLine().hasSuffix(" \(a.localPort): before"))
  }
}
