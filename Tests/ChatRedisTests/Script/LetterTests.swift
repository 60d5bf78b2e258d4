import ChatRedis
import ChatWire
import TestSupport
import Testing

/// What goes from one server to another through its box.
@Suite(.timeLimit(.minutes(10))) struct LetterTests {
  static let letters: [Letter] = {
    let one = MemberID(server: .random(), number: .max)
    let two = MemberID(server: .random(), number: 0)
    let name = MemberName(bytes: Array("Zoë".utf8))
    return [
      .line(from: one, name: name, to: two, text: Array("  two spaces, é and \u{1B}[31m as it was sent ".utf8)),
      .line(from: one, name: name, to: two, text: []),
      .line(from: one, name: name, to: two, text: [0xFF, 0x00, 0x0D]),
      .answer(to: one, .delivered(to: name)), .answer(to: one, .deliveredToAway(name, text: "back at 5: lunch")),
      .answer(to: one, .deliveredToAway(name, text: "")), .answer(to: one, .ignored(by: name)),
      .answer(to: one, .tooFarBehind(name)), .answer(to: one, .gone), .answer(to: one, .leftUnread(name, lines: 3)),
    ]
  }()

  @Test(arguments: letters) func `A letter is read as it was written`(letter: Letter) {
    #expect(Letter(payload: letter.payload) == letter)
  }

  @Test(arguments: letters) func `A letter that was cut off or goes on is none, or another`(letter: Letter) {
    for count in 0..<letter.payload.count { #expect(Letter(payload: Array(letter.payload.prefix(count))) != letter) }
    #expect(Letter(payload: letter.payload + [UInt8(ascii: "\n")]) == nil)
    #expect(Letter(payload: letter.payload + Array("x".utf8)) != letter)
    #expect(Letter(payload: letter.payload + [UInt8](repeating: 0x78, count: 20_000)) == nil)
  }

  @Test(arguments: [
    "", "gone", "gone  ", "gone x ", "letter aaaaaaaa.1 name ", "delivered aaaaaaaa.1 ", "delivered aaaaaaaa.1  ",
    "delivered aaaaaaaa.1 a:b ", "unread aaaaaaaa.1 name -1 ", "unread aaaaaaaa.1 name x ",
    "line aaaaaaaa.1 name x text",
    "delivered aaaaaaaa.1 name more",
  ])
  func `What no server writes is no letter`(payload: String) {
    #expect(Letter(payload: Array(payload.utf8)) == nil)
  }

  @Test func `Letters reach the server that they are for, and go when it has read them`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let two = try Peer(room)
    func read(after boxID: StreamID) throws -> ReadReply {
      let words = ReadReply.words(keys: room.keys, from: .start, server: two.id, boxID: boxID, milliseconds: 1)
      return try #require(ReadReply(try room.client.call(words), keys: room.keys, server: two.id, epoch: two.epoch))
    }
    let letters: [Letter] = [
      .line(from: one.member(1), name: MemberName(port: 1), to: two.member(2), text: Array("a line: with é".utf8)),
      .answer(to: two.member(2), .delivered(to: MemberName(port: 1))),
    ]
    #expect(
      try one.append(.post(letters[0], to: two.id), .post(letters[1], to: two.id)) == .accepted(end: nil, failed: []))
    let reply = try read(after: .start)
    #expect(reply.letters == letters)
    #expect(reply.entries.isEmpty)
    let boxID = try #require(reply.boxID)
    try two.append(.say("a"), boxID: boxID)
    #expect(try room.client.call("XLEN", room.keys.box(of: two.id)) == .integer(0))
    try one.append(.post(letters[0], to: two.id))
    let next = try read(after: boxID)
    #expect(next.letters == [letters[0]])
    #expect(next.entries.map(\.lineCount) == [1])
    _ = try two.beat(boxID: next.boxID)
    #expect(try room.client.call("XLEN", room.keys.box(of: two.id)) == .integer(0))
  }

  @Test func `Whoever enters again finds the letters that it has not read`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let letter = Letter.answer(to: one.member(1), .gone)
    #expect(!one.entered.hasLetters)
    try one.append(.post(letter, to: one.id))
    #expect(try Peer(room, id: one.id).entered.hasLetters)
    let words = ReadReply.words(keys: room.keys, from: .start, server: one.id, boxID: .start, milliseconds: 1)
    let reply = try #require(ReadReply(try room.client.call(words), keys: room.keys, server: one.id, epoch: one.epoch))
    let boxID = try #require(reply.boxID)
    #expect(try Peer(room, id: one.id, boxID: boxID).entered.hasLetters == false)
  }

  @Test func `No letter is left for a server that is not here, or reads none`() throws {
    let room = try ScriptedRoom()
    let one = try Peer(room)
    let two = try Peer(room)
    let letter = Letter.answer(to: two.member(1), .gone)
    #expect(try one.append(.say("a"), .post(letter, to: .random())) == .accepted(end: Position("2-1"), failed: [1]))
    for _ in 0..<19 {
      #expect(
        try one.send([Operation](repeating: .post(letter, to: two.id), count: 100), as: one.sequence + 1)
          == .accepted(end: nil, failed: []))
      one.sequence += 1
    }
    // The box takes 2,000, those of this turn counted.
    let turn = [Operation](repeating: .post(letter, to: two.id), count: 102)
    #expect(try one.send(turn, as: one.sequence + 1) == .accepted(end: nil, failed: [100, 101]))
    #expect(try room.client.call("XLEN", room.keys.box(of: two.id)) == .integer(2000))
  }
}
