import ChatRedis
import ChatWire
import TestSupport
import Testing

/// A Redis that is killed, restored or replaced under the room.
@Suite(.timeLimit(.minutes(10))) struct RestartTests {
  /// As the link does after each connect.
  private func run(_ verb: Verb, at redis: RedisServer) throws -> Reply {
    let client = try RedisClient(redis)
    let sha = try #require(try client.call(Verb.load).text)
    return try client.call(verb.words(sha: sha, keys: RoomKeys(room: "lab")))
  }

  private func hello(_ peer: Peer, at redis: RedisServer, last: Position, source: EntrySource?) throws -> HelloReply? {
    HelloReply(
      try run(.hello(peer.id, peer.epoch, acknowledged: peer.sequence, last: last, source: source), at: redis))
  }

  @Test func `A Redis that writes to the disk at once loses nothing when it is killed`() throws {
    let room = try ScriptedRoom(.always)
    let peer = try Peer(room)
    for number in 1...50 { try peer.append(.say("\(number)")) }
    try peer.append(peer.claim(1, "ann"))
    let entries = try room.entries(in: peer.epoch)
    let last = try #require(entries.last)
    try room.redis.kill()
    try room.redis.start()
    let source = EntrySource(epoch: peer.epoch, server: peer.id, sequence: 51)
    guard
      case .ok(fence: 2, sequence: 51, last.position, failed: [:]) = try hello(
        peer, at: room.redis, last: last.position, source: source)
    else {
      Issue.record("something was lost")
      return
    }
    let entered = try #require(EnterReply(try run(.enter(.random(), new: .random(), boxID: .start), at: room.redis)))
    #expect(entered.epoch == peer.epoch && entered.head == last.position && entered.source == source)
    #expect(entered.snapshot.people.count == 1)
  }

  @Test func `A Redis that keeps nothing has lost the history when it is killed`() throws {
    let room = try ScriptedRoom(.none)
    let peer = try Peer(room)
    try peer.append(.say("a"))
    try room.redis.kill()
    try room.redis.start()
    #expect(try hello(peer, at: room.redis, last: .start, source: nil) == .lost)
  }

  @Test func `An older copy that is restored has lost the history, for whoever knows more`() throws {
    let room = try ScriptedRoom(.none)
    let one = try Peer(room)
    let two = try Peer(room)
    try one.append(.say("a"))
    try two.append(.say("b"))
    try room.client.call("SAVE")
    try one.append(.say("c"))
    try room.redis.kill()
    try room.redis.start()
    // Its own turn is missing; the other one has read what is missing; whoever has read no more knows of no loss.
    #expect(try hello(one, at: room.redis, last: Position("4-2"), source: nil) == .lost)
    #expect(try hello(two, at: room.redis, last: Position("6-3"), source: nil) == .lost)
    guard case .ok = try hello(two, at: room.redis, last: Position("4-2"), source: nil) else {
      Issue.record("lost for one that knows no more than the copy")
      return
    }
  }

  @Test func `A replica that lagged when it took over has lost the history, whatever it was told since`() throws {
    let room = try ScriptedRoom(onUnixSocket: false)
    let replica = try RedisServer()
    let one = try Peer(room)
    let two = try Peer(room)
    try one.append(.say("a"))
    try replica.command("REPLICAOF", "127.0.0.1", "\(room.redis.port)")
    try eventually("the replica to have the room") {
      try replica.command("XLEN", room.keys.log) == .integer(1)
    }
    guard case .error(let text) = try run(.beat(one.id, one.epoch, boxID: nil), at: replica) else {
      Issue.record("a replica was written to")
      return
    }
    #expect(text.hasPrefix("READONLY"))
    // Cut off, then promoted.
    try replica.command("REPLICAOF", "NO", "ONE")
    try one.append(.say("lost"))
    let known = EntrySource(epoch: one.epoch, server: one.id, sequence: 2)
    let position = try Position("7-2")
    #expect(try hello(two, at: replica, last: position, source: known) == .lost)
    // Another entry that ends at the same place.
    guard
      case .accepted(position, failed: []) = AppendReply(
        try run(.append(two.id, two.epoch, fence: two.fence, sequence: 1, boxID: nil, [.say("else")]), at: replica))
    else {
      Issue.record("the turn was refused")
      return
    }
    #expect(try hello(two, at: replica, last: position, source: known) == .lost)
    #expect(try hello(one, at: replica, last: .start, source: nil) == .lost)
    #expect(
      try hello(two, at: replica, last: position, source: EntrySource(epoch: two.epoch, server: two.id, sequence: 1))
        != .lost)
  }

  @Test func `A Redis that was stopped goes on where it was`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    room.redis.pause()
    try room.client.send(
      Verb.append(peer.id, peer.epoch, fence: 1, sequence: 1, boxID: nil, [.say("a")]).words(
        sha: room.sha, keys: room.keys))
    room.redis.resume()
    #expect(AppendReply(try room.client.receive()) == .accepted(end: try Position("2-1"), failed: []))
    #expect(room.redis.isRunning)
    try room.redis.end()
    #expect(!room.redis.isRunning)
  }
}
