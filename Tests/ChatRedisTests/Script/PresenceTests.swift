import ChatRedis
import ChatWire
import TestSupport
import Testing

/// Names, beats and letters: who is here, on which server, and who is not any more.
@Suite(.timeLimit(.minutes(10))) struct PresenceTests {
  @Test func `Whoever enters learns who is here, the bans and the pace`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    try one.append(
      one.claim(1, "ann"), .ban(target: "a", line: "a 1"), .ban(target: "b", line: "b 1"), .slow(seconds: 5))
    try one.append(one.claim(2, "bob"), .ban(target: "a", line: "a 2"), .unban(target: "b"))
    let snapshot = try Peer(room).entered.snapshot
    #expect(
      snapshot.people.mapValues { "\($0.name) \($0.place) \($0.joinedAt)" } == [
        one.member(1): "ann 127.0.0.1:1 29000000", one.member(2): "bob 127.0.0.1:2 29000000",
      ])
    #expect(snapshot.bans == ["a 2"])
    #expect(snapshot.slowSeconds == 5)
  }

  @Test func `What strangers put among the people is passed over`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    try one.append(one.claim(1, "ann"))
    try room.client.call("HSET", room.keys.people, "nobody", "x", "\(one.id).2", "no minute", "\(one.id).zz", "a 1 b")
    try room.client.call("ZADD", room.keys.beats, "1", "nobody", "+inf", "nothing")
    #expect(try Peer(room).entered.snapshot.people.keys.map(\.number) == [1])
    _ = try one.beat()
    guard case .ok(_, reaped: []) = try one.beat() else {
      Issue.record("a server that never was has gone")
      return
    }
    #expect(try room.transcript(in: one.epoch).count == 2)
  }

  @Test func `A name that another has is refused, in the same turn and over turns`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let two = try Peer(room)
    guard case .accepted(_, failed: [1]) = try one.append(one.claim(1, "ann"), one.claim(2, "ann"), .say("a")) else {
      Issue.record("two in one turn have one name")
      return
    }
    guard case .accepted(_, failed: [2]) = try two.append(.say("b"), .say("c"), two.claim(1, "ann")) else {
      Issue.record("two have one name")
      return
    }
    // One key is enough.
    guard case .accepted(nil, failed: [0]) = try two.append(two.claim(1, "Ann", keys: ["f:other", "l:ann"])) else {
      Issue.record("two have one key")
      return
    }
    #expect(try room.hash(room.keys.names) == ["f:ann": "\(one.member(1))", "l:ann": "\(one.member(1))"])
    #expect(try room.hash(room.keys.people).count == 1)
    #expect(
      try room.transcript(in: one.epoch) == [
        "<join \(one.member(1)) ann 29000000 127.0.0.1:1>", "* ann joined", "a", "b", "c",
      ])
  }

  @Test func `To claim what one has already changes nothing`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    try one.append(one.claim(1, "ann"))
    guard case .accepted(_, failed: []) = try one.append(one.claim(1, "ann")) else {
      Issue.record("one's own name was refused")
      return
    }
    #expect(try room.hash(room.keys.names).count == 2)
  }

  @Test func `Who takes another name gives up the first, to whoever asks next in the same turn`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let two = try Peer(room)
    try one.append(one.claim(1, "ann"))
    let keys = ["f:ann", "l:ann"]
    guard
      case .accepted(_, failed: [2]) = try one.append(
        one.claim(1, "eve", givingUp: keys), one.claim(2, "ann"), one.claim(3, "eve"))
    else {
      Issue.record("the name was not free, or was twice")
      return
    }
    // What somebody else has meanwhile is not given up.
    try one.append(one.claim(1, "eva", givingUp: keys + ["f:eve", "l:eve"]))
    #expect(
      try room.hash(room.keys.names) == [
        "f:ann": "\(one.member(2))", "l:ann": "\(one.member(2))", "f:eva": "\(one.member(1))",
        "l:eva": "\(one.member(1))",
      ])
    // A claim that fails gives up nothing.
    try two.append(two.claim(1, "joe"))
    guard case .accepted(nil, failed: [0]) = try two.append(two.claim(1, "ann", givingUp: ["f:joe", "l:joe"])) else {
      Issue.record("two have one name")
      return
    }
    #expect(try room.hash(room.keys.names)["f:joe"] == "\(two.member(1))")
  }

  @Test func `Who leaves frees its own names only`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    try one.append(one.claim(1, "ann"), one.claim(2, "bob"))
    guard
      case .accepted(_, failed: []) = try one.append(
        .release(one.member(1), keys: ["f:ann", "l:ann", "f:bob", "f:nobody"]), one.claim(3, "ann"), .say("* ann left"))
    else {
      Issue.record("a name was not free")
      return
    }
    #expect(Set(try room.hash(room.keys.people).keys) == ["\(one.member(2))", "\(one.member(3))"])
    #expect(try room.hash(room.keys.names)["f:bob"] == "\(one.member(2))")
    #expect(try room.transcript(in: one.epoch).suffix(4).first == "<left \(one.member(1))>")
  }

  @Test func `Of twenty claims of one name at once one succeeds`() throws {
    let room = try ScriptedRoom()
    let peers = try (0..<20).map { _ in try Peer(room) }
    let clients = try peers.map { _ in try RedisClient(room.redis) }
    for (peer, client) in zip(peers, clients) {
      try client.send(
        Verb.append(peer.id, peer.epoch, fence: 1, sequence: 1, boxID: nil, [peer.claim(1, "ann")])
          .words(sha: room.sha, keys: room.keys))
    }
    let failed = try clients.map { client -> Int in
      guard case .accepted(_, let failed) = AppendReply(try client.receive()) else { return -1 }
      return failed.count
    }
    #expect(failed.sorted() == [0] + [Int](repeating: 1, count: 19))
    #expect(try room.hash(room.keys.people).count == 1)
  }

  @Test func `Hello tells what failed in turns whose replies were lost`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let two = try Peer(room)
    try two.append(two.claim(1, "ann"))
    let nowhere = Operation.post(.answer(to: one.member(1), .gone), to: .random())
    try one.append(.say("a"), one.claim(1, "ann"), nowhere)
    try one.append(.say("b"))
    try one.append(nowhere)
    guard case .ok(fence: 2, sequence: 3, _, failed: [1: [1, 2], 3: [0]]) = try one.hello() else {
      Issue.record("what failed is not told")
      return
    }
    #expect(try Peer(room, id: one.id).entered.failed == [1: [1, 2], 3: [0]])
    one.fence = 3
    for text in ["c", "d", "e", "f"] { try one.append(.say(text)) }
    guard case .ok(_, 7, _, failed: [:]) = try one.hello() else {
      Issue.record("what failed is never forgotten")
      return
    }
    #expect(try room.hash(room.keys.meta)["r:\(one.id)"] == nil)
  }

  @Test func `A server that was not heard for six seconds is taken off with its members, names and letters`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let two = try Peer(room)
    try two.append(two.claim(1, "ann"), two.claim(2, "bob"))
    try one.append(one.claim(1, "joe"), .post(.answer(to: two.member(1), .gone), to: two.id))
    try room.age(two.id, seconds: 3)
    guard case .ok(_, reaped: []) = try one.beat() else {
      Issue.record("taken off too early")
      return
    }
    try room.age(two.id, seconds: 7)
    guard case .ok(let head, reaped: [two.id]) = try one.beat() else {
      Issue.record("not taken off")
      return
    }
    let last = try #require(try room.entries(in: one.epoch).last)
    #expect(last.position == head && last.server == .script && last.sequence == 1 && last.lineCount == 0)
    #expect(try room.transcript(in: one.epoch).last == "<gone \(two.id)>")
    #expect(Array(try room.hash(room.keys.people).keys) == ["\(one.member(1))"])
    #expect(Set(try room.hash(room.keys.names).keys) == ["f:joe", "l:joe"])
    #expect(try room.client.call("EXISTS", room.keys.box(of: two.id)) == .integer(0))
    guard case .ok(head, reaped: []) = try one.beat() else {
      Issue.record("taken off twice")
      return
    }
  }

  @Test func `A server that comes back knows which of its turns were accepted, and can go on`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let two = try Peer(room)
    try two.append(.say("accepted"))
    try room.age(two.id, seconds: 7)
    _ = try one.beat()
    #expect(try two.append(.say("late")) == .fenced)
    #expect(try two.hello(acknowledged: 1, last: Position("9-1")) == .gone)
    #expect(try two.beat() == .gone)
    #expect(try two.bye() == .gone)
    let again = try Peer(room, id: two.id)
    #expect(again.sequence == 1 && again.fence == 3)
    #expect(try two.append(.say("late")) == .fenced)
    try again.append(.say("late"), again.claim(1, "ann"))
    let entries = try room.entries(in: one.epoch)
    #expect(entries.map(\.server) == [two.id, .script, two.id])
    #expect(entries.map(\.sequence) == [1, 1, 2])
  }

  @Test func `When Redis was away nobody is taken off`() throws {
    for verb in ["beat", "hello", "enter"] {
      let room = try ScriptedRoom()
      let peers = try (0..<3).map { _ in try Peer(room) }
      for (index, peer) in peers.enumerated() { try room.age(peer.id, seconds: 12 + index) }
      switch verb {
      case "beat": #expect(try peers[1].beat() == .ok(head: .start, reaped: []))
      case "hello": _ = try peers[1].hello()
      default: _ = try Peer(room)
      }
      #expect(try peers[0].beat() == .ok(head: .start, reaped: []), "\(verb)")
      // From then on each is judged by itself.
      try room.age(peers[2].id, seconds: 7)
      guard case .ok(_, reaped: [peers[2].id]) = try peers[0].beat() else {
        Issue.record("nobody is taken off any more after \(verb)")
        return
      }
    }
  }

  @Test func `A server that was itself silent too long takes nobody off that was silent as long`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let two = try Peer(room)
    let three = try Peer(room)
    try room.age(one.id, seconds: 8)
    try room.age(two.id, seconds: 7)
    guard case .ok(_, reaped: [two.id]) = try one.beat() else {
      Issue.record("not taken off, though the third was heard")
      return
    }
    #expect(try three.beat() != .gone)
    #expect(try one.beat() != .gone)
  }

  @Test func `A clock that was set back lets no server stay for ever`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let two = try Peer(room)
    for peer in [one, two] { try room.age(peer.id, seconds: -3600) }
    #expect(try one.beat() == .ok(head: .start, reaped: []))
    let now = try #require(try room.client.call("TIME").elements?.first?.number) * 1000
    for peer in [one, two] {
      let heard = try #require(try room.client.call("ZSCORE", room.keys.beats, "\(peer.id)").number)
      #expect(heard <= now + 1000, "\(peer.id) counts as heard in the future")
    }
  }

  @Test func `An hour after a server has gone nothing is kept of it`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let two = try Peer(room)
    try two.append(.say("a"), .post(.answer(to: one.member(1), .gone), to: .random()))
    try room.age(two.id, seconds: 7)
    _ = try one.beat()
    let now = try #require(try room.client.call("TIME").elements?.first?.number) * 1000
    try room.client.call("ZADD", room.keys.gone, "\(now - 3_590_000)", "\(two.id)")
    _ = try one.beat()
    #expect(try room.hash(room.keys.meta)["q:\(two.id)"] == "1")
    try room.client.call("ZADD", room.keys.gone, "\(now - 3_601_000)", "\(two.id)")
    _ = try one.beat()
    #expect(try room.hash(room.keys.meta).keys.allSatisfy { !$0.contains("\(two.id)") })
    #expect(try room.client.call("ZCARD", room.keys.gone) == .integer(0))
    #expect(try room.hash(room.keys.meta)["q:\(one.id)"] == nil)
    #expect(try room.hash(room.keys.meta)["f:\(one.id)"] == "1")
  }

  @Test func `A server that leaves takes its members along and says so`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let two = try Peer(room)
    try two.append(two.claim(1, "ann"), two.claim(2, "bob"))
    #expect(try two.hello() != .gone)
    #expect(try two.bye(saying: "* ann left\n", "* bob left\n") == .fence)
    two.fence = 2
    #expect(try two.bye(saying: "* ann left\n", "* bob left\n") == .ok)
    #expect(try two.bye() == .gone)
    #expect(try two.append(.say("late")) == .fenced)
    #expect(try room.transcript(in: one.epoch).suffix(3) == ["<gone \(two.id)>", "* ann left", "* bob left"])
    #expect(try room.hash(room.keys.people).isEmpty)
    #expect(try room.hash(room.keys.names).isEmpty)
    guard case .ok(_, reaped: []) = try one.beat() else {
      Issue.record("one that left was taken off")
      return
    }
  }

  @Test func `Members of servers that Redis has forgotten are taken off by whoever enters`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    try one.append(one.claim(1, "ann"))
    try room.client.call("DEL", room.keys.beats)
    #expect(try one.beat() == .gone)
    let two = try Peer(room)
    #expect(two.entered.snapshot.people.isEmpty)
    #expect(two.entered.head == (try room.entries(in: one.epoch).last?.position))
    #expect(two.entered.source?.server == .script)
    #expect(try room.transcript(in: one.epoch).last == "<gone \(one.id)>")
    let again = try Peer(room, id: one.id)
    #expect(again.sequence == 1)
    guard case .accepted(_, failed: []) = try again.append(again.claim(1, "ann")) else {
      Issue.record("the name was not free")
      return
    }
  }

  @Test func `Ten thousand members are known, and taken off, at once`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let two = try Peer(room)
    for first in stride(from: UInt64(1), through: 10_000, by: 100) {
      guard
        case .accepted(_, failed: []) = try two.send(
          (first..<first + 100).map { two.claim($0, "n\($0)") }, as: two.sequence + 1)
      else {
        Issue.record("a claim was refused")
        return
      }
      two.sequence += 1
    }
    #expect(try Peer(room).entered.snapshot.people.count == 10_000)
    try room.age(two.id, seconds: 7)
    guard case .ok(_, reaped: [two.id]) = try one.beat() else {
      Issue.record("not taken off")
      return
    }
    #expect(try Peer(room).entered.snapshot.people.isEmpty)
    #expect(try room.client.call("HLEN", room.keys.names) == .integer(0))
  }
}
