import ChatRedis
import ChatWire
import TestSupport
import Testing

/// Histories that Redis has lost, in whole or in part, and the one that begins after them.
@Suite(.timeLimit(.minutes(10))) struct HistoryTests {
  @Test func `A room without history begins one, and whoever comes second finds it`() throws {
    let room = try ScriptedRoom()
    let new = Epoch.random()
    let first = try Peer(room, new: new)
    #expect(first.epoch == new)
    #expect(first.entered.head == .start && first.entered.source == nil && first.entered.sequence == 0)
    try first.append(.say("a"))
    let second = try Peer(room)
    #expect(second.epoch == new)
    #expect(second.entered.head == (try Position("2-1")))
    #expect(second.entered.source == EntrySource(epoch: new, server: first.id, sequence: 1))
  }

  /// What can happen to the room's keys while servers are in it.
  enum Loss: CaseIterable {
    case everything, meta, epoch, unreadableEpoch, beginning, endlessBeginning, totals, olderTotals, log, newestEntry,
      foreignEntry
  }

  private func lose(_ loss: Loss, _ room: ScriptedRoom) throws {
    switch loss {
    case .everything: try room.client.call("FLUSHALL")
    case .meta: try room.client.call("DEL", room.keys.meta)
    case .epoch: try room.client.call("HDEL", room.keys.meta, "epoch")
    case .unreadableEpoch: try room.client.call("HSET", room.keys.meta, "epoch", "")
    case .endlessBeginning: try room.client.call("HSET", room.keys.meta, "t", "inf")
    case .beginning: try room.client.call("HDEL", room.keys.meta, "t")
    case .totals: try room.client.call("HDEL", room.keys.meta, "b", "l")
    case .olderTotals: try room.client.call("HSET", room.keys.meta, "b", "2", "l", "1")
    case .log: try room.client.call("DEL", room.keys.log)
    case .newestEntry:
      let newest = try #require(
        try room.client.call("XREVRANGE", room.keys.log, "+", "-").elements?[0].elements?[0].text)
      try room.client.call("XDEL", room.keys.log, newest)
    case .foreignEntry: try room.client.call("XADD", room.keys.log, "*", "from", "a stranger")
    }
    // FLUSHALL takes no scripts with it, but a restart would.
    try room.client.call(Verb.load)
  }

  @Test(arguments: Loss.allCases) func `Every verb finds that the history is lost, and the chat goes on in a new one`(
    loss: Loss
  ) throws {
    // What a turn does not need is not looked at for it.
    let isNeeded = ![.beginning, .endlessBeginning, .log, .newestEntry].contains(loss)
    for verb in ["hello", "beat", "append"] where isNeeded || verb != "append" {
      let room = try ScriptedRoom()
      let one = try Peer(room)
      let two = try Peer(room)
      try one.append(.say("a"), one.claim(1, "ann"))
      try two.append(.say("b"))
      let old = one.epoch
      try lose(loss, room)
      switch verb {
      case "hello": #expect(try one.hello() == .lost)
      case "beat": #expect(try one.beat() == .lost)
      default: #expect(try one.append(.say("c")) == .lost)
      }
      let new = Epoch.random()
      #expect(try room.renew(old, new).epoch == new)
      #expect(try two.append(.say("c")) == .lost)
      #expect(try two.hello() == .lost)
      #expect(try two.beat() == .lost)
      #expect(try two.bye() == .lost)
      #expect(try room.renew(old, .random()).epoch == new, "only one of several begins")
      let again = try Peer(room, id: one.id)
      #expect(again.epoch == new && again.sequence == 0 && again.entered.head == .start)
      #expect(again.entered.snapshot.people.isEmpty)
      guard case .accepted(_, failed: []) = try again.append(.say("c"), again.claim(1, "ann")) else {
        Issue.record("the name was not free")
        return
      }
      #expect(try room.transcript(in: new).first == "c")
    }
  }

  @Test func `To enter a broken history begins another`() throws {
    for loss in Loss.allCases {
      let room = try ScriptedRoom()
      let one = try Peer(room)
      try one.append(.say("a"))
      try one.append(.say("b"))
      try lose(loss, room)
      let two = try Peer(room)
      #expect(two.epoch != one.epoch, "\(loss)")
      #expect(try two.append(.say("c")) == .accepted(end: Position("2-1"), failed: []), "\(loss)")
      #expect(try one.append(.say("c")) == .lost, "\(loss)")
    }
  }

  @Test func `A turn after the log alone was lost is accepted, and the next beat finds nothing wrong`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    try peer.append(.say("a"))
    try room.client.call("DEL", room.keys.log)
    #expect(try peer.append(.say("b")) == .accepted(end: Position("4-2"), failed: []))
    #expect(try peer.beat() == .ok(head: Position("4-2"), reaped: []))
    // A reader at 0-0 sees by the entry's start that a line is missing.
    #expect(try room.entries(in: peer.epoch).first?.start == Position("2-1"))
  }

  @Test func `A history that is older than the one before it ends, and the next one is younger than both`() throws {
    let room = try ScriptedRoom()
    let first = try Peer(room)
    let old = first.entered.begun
    let file = try room.hash(room.keys.meta)
    let second = try room.renew(first.epoch, begun: old, .random()).epoch
    let two = try Peer(room)
    #expect(two.epoch == second && two.entered.begun > old)
    // An old file comes back.
    for (field, value) in file { try room.client.call("HSET", room.keys.meta, field, value) }
    let stranger = try Peer(room)
    #expect(stranger.epoch == first.epoch && stranger.entered.begun == old)
    let third = Epoch.random()
    #expect(try room.renew(second, begun: two.entered.begun, third).epoch == third)
    #expect(try stranger.append(.say("b")) == .lost)
    let again = try Peer(room, id: two.id)
    #expect(again.entered.begun > two.entered.begun)
    // Whoever knew an older one leaves it alone, and so does who knew the same.
    #expect(try room.renew(first.epoch, begun: old, .random()).epoch == third)
    #expect(try room.renew(second, begun: two.entered.begun, .random()).epoch == third)
  }

  @Test func `A history begins after the one before it although the clock of Redis was set back`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let future = one.entered.begun + 3_600_000
    try room.client.call("HSET", room.keys.meta, "t", "\(future)")
    _ = try room.renew(one.epoch, begun: future, .random())
    #expect(try Peer(room).entered.begun == future + 1)
    try room.client.call("FLUSHALL")
    try room.client.call(Verb.load)
    _ = try room.renew(one.epoch, begun: future + 1, .random())
    #expect(try Peer(room).entered.begun == future + 2)
  }

  @Test func `Hello finds that the own sequence is lower than what was acknowledged`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    try peer.append(.say("a"))
    #expect(try peer.hello(acknowledged: 2) == .lost)
    guard case .ok = try peer.hello(acknowledged: 1) else {
      Issue.record("hello was refused")
      return
    }
  }

  @Test func `Hello finds that less was said than was read`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    #expect(try peer.hello(last: Position("2-1")) == .lost, "nothing has been said")
    try peer.append(.say("a"))
    #expect(try peer.hello(last: Position("3-1")) == .lost)
    #expect(try peer.hello(last: Position("2-2")) == .lost)
  }

  @Test func `Hello finds another entry in the place of the one that was read`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    try peer.append(.say("a"))
    try peer.append(.say("b"))
    let source = EntrySource(epoch: peer.epoch, server: peer.id, sequence: 1)
    let other = EntrySource(epoch: peer.epoch, server: .random(), sequence: 1)
    #expect(try peer.hello(last: Position("2-1"), source: other) == .lost)
    // There was an entry that ended there, and now there is none.
    #expect(try peer.hello(last: Position("3-1"), source: source) == .lost)
    for known in [source, nil] {
      guard case .ok = try peer.hello(last: Position("2-1"), source: known) else {
        Issue.record("hello was refused")
        return
      }
    }
  }

  @Test func `Bans, the room's pace and unread letters outlive the history`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    let letter = Letter.answer(to: peer.member(1), .gone)
    try peer.append(.ban(target: "1.2.3.4", line: "1.2.3.4 until"), .slow(seconds: 9), .post(letter, to: peer.id))
    _ = try room.renew(peer.epoch, .random())
    let again = try Peer(room, id: peer.id)
    #expect(again.entered.snapshot.bans == ["1.2.3.4 until"])
    #expect(again.entered.snapshot.slowSeconds == 9)
    #expect(again.entered.hasLetters)
  }

  @Test func `A key of another kind is an error, and nothing is changed`() throws {
    let room = try ScriptedRoom()
    let peer = try Peer(room)
    try room.client.call("SET", room.keys.log, "something else")
    let reply = try room.run(
      .append(peer.id, peer.epoch, fence: 1, sequence: 1, boxID: nil, [.say("a"), peer.claim(1, "ann")]))
    guard case .error(let text) = reply else {
      Issue.record("accepted: \(reply)")
      return
    }
    #expect(text.contains("WRONGTYPE"))
    #expect(try room.hash(room.keys.people).isEmpty)
    #expect(try room.hash(room.keys.meta)["q:\(peer.id)"] == nil)
  }

  @Test(arguments: ["abc", "-1", "9223372036854775807"]) func `A pace that no server has set is none`(pace: String)
    throws
  {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    try room.client.call("HSET", room.keys.meta, "slow", pace)
    #expect(try Peer(room, id: one.id).entered.snapshot.slowSeconds == 0)
  }
}
