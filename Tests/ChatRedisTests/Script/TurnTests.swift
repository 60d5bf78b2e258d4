import ChatRedis
import ChatWire
import TestSupport
import Testing

/// Turns: each accepted once, in order, whatever happens to the connections.
@Suite(.timeLimit(.minutes(10))) struct TurnTests {
  @Test func `What two servers say is in one order, and each id tells what was said before`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let two = try Peer(room)
    #expect(one.epoch == two.epoch)
    #expect(try one.append(.say("a"), .say("bc")) == .accepted(end: Position(bytes: 5, lines: 2), failed: []))
    #expect(try two.append(.say("d"), .record(.slow(seconds: 7))) == .accepted(end: Position("15-3"), failed: []))
    #expect(try one.append(.say("e")) == .accepted(end: Position("17-4"), failed: []))
    #expect(try room.transcript(in: one.epoch) == ["a", "bc", "d", "<slow 7>", "e"])
    let entries = try room.entries(in: one.epoch)
    #expect(entries.map(\.server) == [one.id, two.id, one.id])
    #expect(entries.map(\.sequence) == [1, 1, 2])
  }

  @Test func `A turn that comes again is refused`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    try peer.append(.say("once"))
    #expect(try peer.send([.say("once")], as: 1) == .repeated(accepted: 1))
    try peer.append(.say("twice"))
    #expect(try peer.send([.say("once")], as: 1) == .repeated(accepted: 2))
    #expect(try room.transcript(in: peer.epoch) == ["once", "twice"])
  }

  @Test func `A turn whose predecessor is missing is refused`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    #expect(try peer.send([.say("second")], as: 2) == .missing(accepted: 0))
    try peer.append(.say("first"))
    #expect(try peer.send([.say("third")], as: 3) == .missing(accepted: 1))
    #expect(try room.transcript(in: peer.epoch) == ["first"])
  }

  @Test func `What a dead connection still delivers is refused, so hello tells for good what was accepted`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    try peer.append(.say("accepted, and the reply is lost"))
    let old = peer.fence
    #expect(try peer.hello() == .ok(fence: old + 1, sequence: 1, head: Position("32-1"), failed: [:]))
    #expect(try peer.send([.say("late")], as: 2, fence: old) == .fenced)
    peer.fence = old + 1
    #expect(try peer.append(.say("late"), .say("and more in the same turn")) != .fenced)
    #expect(try peer.send([.say("late")], as: 2, fence: old) == .fenced)
    #expect(try peer.send([.say("later")], as: 3, fence: old + 2) == .fenced)
    #expect(
      try room.transcript(in: peer.epoch) == ["accepted, and the reply is lost", "late", "and more in the same turn"])
  }

  @Test func `To enter again is a new connection too`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    try peer.append(.say("a"))
    let again = try Peer(room, id: peer.id)
    #expect(again.sequence == 1)
    #expect(try peer.append(.say("b")) == .fenced)
    #expect(try again.append(.say("b")) == .accepted(end: Position("4-2"), failed: []))
  }

  @Test func `A turn that says nothing makes no entry, and counts`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    let letter = Letter.answer(to: peer.member(1), .gone)
    #expect(try peer.append(.post(letter, to: peer.id)) == .accepted(end: nil, failed: []))
    #expect(try peer.append() == .accepted(end: nil, failed: []))
    #expect(try peer.hello() == .ok(fence: 2, sequence: 2, head: .start, failed: [:]))
    #expect(try room.entries(in: peer.epoch).isEmpty)
  }

  @Test func `Totals above 1e15 are written in full`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    let head = try Position("4503599627370495-1000000000000000")
    try room.client.call(
      "HSET", room.keys.meta, "b", "\(head.bytes)", "l", "\(head.lines)", "q:\(peer.id)", "999999999999999")
    try room.client.call("XADD", room.keys.log, "\(head)", "s", "\(peer.epoch):\(peer.id):999999999999999", "b", "x\n")
    peer.sequence = 999_999_999_999_999
    let end = Position(bytes: head.bytes + 6, lines: head.lines + 1)
    #expect(try peer.append(.say("large")) == .accepted(end: end, failed: []))
    #expect(
      try peer.hello(acknowledged: peer.sequence)
        == .ok(fence: 2, sequence: 1_000_000_000_000_000, head: end, failed: [:]))
    peer.fence = 2
    #expect(
      try peer.append(.say("large")) == .accepted(end: Position(bytes: end.bytes + 6, lines: end.lines + 1), failed: [])
    )
    #expect(try peer.beat() == .ok(head: Position(bytes: end.bytes + 6, lines: end.lines + 1), reaped: []))
    #expect(try room.entries(after: head, in: peer.epoch).map(\.position.lines) == [end.lines, end.lines + 1])
    #expect(try Peer(room).entered.head.bytes == end.bytes + 6)
  }

  @Test func `The log keeps the newest 64 MiB, and a little more`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    let line = Operation.say(String(repeating: "x", count: 8191))
    for _ in 0..<4400 { try peer.append(line, line) }
    let first = try #require(
      room.client.call("XRANGE", room.keys.log, "-", "+", "COUNT", "1").elements?.first?.elements?[0].text)
    let oldest = try Position(first)
    let total = 4400 * 16384
    let kept = total - oldest.bytes + 16384
    #expect((64 << 20)...(66 << 20) ~= kept, "\(kept) bytes are kept")
    // Who has read up to somewhere before it learns exactly what is missing.
    let entries = try room.entries(after: Position(bytes: 16384, lines: 2), in: peer.epoch)
    #expect(entries.first?.start == Position(bytes: oldest.bytes - 16384, lines: oldest.lines - 2))
    #expect(entries.last?.position == Position(bytes: total, lines: 8800))
    // What was trimmed is no history that was lost.
    let source = EntrySource(epoch: peer.epoch, server: peer.id, sequence: 1)
    guard case .ok = try peer.hello(acknowledged: 4400, last: Position(bytes: 16384, lines: 2), source: source) else {
      Issue.record("hello was refused")
      return
    }
  }

  @Test func `Where Redis has no memory a turn is refused as a whole, and accepted later`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    try peer.append(.say("before"))
    try room.client.call("CONFIG", "SET", "maxmemory", "1")
    let turn: [Operation] = [.say("during"), peer.claim(1, "ann"), .ban(target: "t", line: "l"), .slow(seconds: 3)]
    let reply = try room.run(.append(peer.id, peer.epoch, fence: 1, sequence: 2, boxID: .start, turn))
    guard case .error(let text) = reply else {
      Issue.record("accepted: \(reply)")
      return
    }
    #expect(text.hasPrefix("OOM "))
    #expect(AppendReply(reply) == nil)
    #expect(try room.hash(room.keys.people).isEmpty)
    #expect(try room.transcript(in: peer.epoch) == ["before"])
    try room.client.call("CONFIG", "SET", "maxmemory", "0")
    guard case .accepted(_, failed: []) = try peer.send(turn, as: 2) else {
      Issue.record("the turn is refused for good")
      return
    }
    #expect(try room.hash(room.keys.people).count == 1)
  }

  @Test func `All verbs run for a user that may call these commands on these keys, and no others`() throws {
    let room = try ScriptedRoom()
    let rules = ["~{mychat:lab}:*", "+evalsha", "+script|load", "+xread"] + RoomScript.commands.map { "+\($0)" }
    try room.client.call(
      ["ACL", "SETUSER", "chat", "on", ">S3cret"].map { Array($0.utf8) } + rules.map { Array($0.utf8) })
    try room.client.call("AUTH", "chat", "S3cret")
    guard case .error(let text) = try room.client.call("GET", "x"), text.hasPrefix("NOPERM") else {
      Issue.record("the user may do more")
      return
    }
    let one = try Peer(room)
    let two = try Peer(room)
    let letter = Letter.answer(to: two.member(1), .gone)
    let operations: [Operation] = [
      .say("a"), one.claim(1, "ann"), one.claim(2, "bob"), two.claim(3, "bob"),
      .release(one.member(1), keys: ["f:ann"]),
      .ban(target: "t", line: "l"), .unban(target: "t"), .slow(seconds: 1), .post(letter, to: two.id),
    ]
    guard case .accepted(_, failed: [3]) = try one.send(operations, as: 1, boxID: .start) else {
      Issue.record("the turn was refused")
      return
    }
    guard case .ok = try one.hello(), case .ok = try two.beat(boxID: .start) else {
      Issue.record("a verb was refused")
      return
    }
    try room.redis.command("ZADD", room.keys.beats, "1", "\(one.id)")
    try room.redis.command("ZADD", room.keys.gone, "1", "11111111")
    guard case .ok(_, reaped: [one.id]) = try two.beat() else {
      Issue.record("nobody was taken off")
      return
    }
    #expect(try two.bye(saying: "* bye\n") == .ok)
    try room.redis.command("HSET", room.keys.people, "22222222.1", "eve 1 here")
    #expect(try Peer(room).entered.snapshot.people.isEmpty)
    #expect(try room.renew(one.epoch, one.epoch).epoch == one.epoch)
    #expect(try room.transcript(in: one.epoch).isEmpty)
  }
}
