import Testing

@testable import ChatServer
@testable import ChatWire

struct SpeakingTests {
  @Test func `Who has another name says what follows under it, and what was said before keeps the old one`() {
    var room = Room(logBytes: 1024)
    let speaker = room.joined("54321")
    let listener = room.joined("b")
    room.hear("hello", by: speaker)
    speaker.rename(to: MemberName(bytes: Array("alice".utf8)))
    room.hear("it is me", by: speaker)
    #expect(speaker.name.description == "alice")
    #expect(listener.stream(in: room) == "54321: hello\nalice: it is me\n")
    #expect(speaker.stream(in: room) == "")
  }

  @Test func `What a member does is seen by all others, made safe, and bounded like a message`() {
    var room = Room(logBytes: 1024, maximumLineBytes: 20)
    let speaker = room.joined("a")
    let listener = room.joined("b")
    var outcomes = [room.act(Array("waves \u{1B}[1m".utf8).span, by: speaker)]
    outcomes.append(room.act([UInt8](repeating: UInt8(ascii: "x"), count: 21).span, by: speaker))
    #expect(outcomes == [.said, .tooLong])
    let seen = listener.stream(in: room)
    #expect(seen.hasPrefix("[action] a waves ") && seen.hasSuffix("[1m\n") && !seen.contains("\u{1B}"), "\(seen)")
    #expect(speaker.stream(in: room) == "")
  }

  @Test func `A line of the server reaches everybody in the log's order, whoever it is about`() {
    var room = Room(logBytes: 1024)
    let members = [room.joined("a"), room.joined("b")]
    room.hear("one", by: members[0])
    let isSaid = room.announce(Array("* a is now c\n".utf8))
    #expect(isSaid)
    room.hear("two", by: members[0])
    #expect(members[0].stream(in: room) == "* a is now c\n")
    #expect(members[1].stream(in: room) == "a: one\n* a is now c\na: two\n")
  }

  @Test func `A line of the server finds a full log full rather than overwrite what somebody is waited for`() {
    var room = Room(logBytes: 1024)
    let listener = room.joined("a")
    let line = [UInt8](repeating: UInt8(ascii: "x"), count: 99) + [UInt8(ascii: "\n")]
    var said = 0
    while room.announce(line) { said += 1 }
    #expect(said == 10)
    let isFull = room.isLogFull
    #expect(isFull)
    #expect(listener.stream(in: room).utf8.count == 1000)
    room.measureLag()
    let isSaid = room.announce(line)
    #expect(isSaid)
  }
}
