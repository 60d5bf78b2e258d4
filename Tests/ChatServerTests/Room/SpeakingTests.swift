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

  @Test func `What comes back from other servers is for all but its speaker, and for all if that one is not here`() {
    var room = Room(logBytes: 1024)
    let (a, b) = (room.joined("a"), room.joined("b"))
    room.commit(Array("a: mine\n".utf8)[...], by: a)
    room.commit(Array("x: from elsewhere\n".utf8)[...], by: nil)
    room.commit(Array("a: mine again\n".utf8)[...], by: a)
    #expect(a.stream(in: room) == "x: from elsewhere\n")
    #expect(b.stream(in: room) == "a: mine\nx: from elsewhere\na: mine again\n")
  }

  @Test func `A line is made for other servers as it would be said here`() {
    let room = Room(logBytes: 1024, maximumLineBytes: 20)
    #expect(room.line(Array("red \u{1B}[1m".utf8).span, behind: Array("a: ".utf8)) == Array("a: red ^[[1m\n".utf8))
    // Eight bytes each once they are safe.
    let long = Array(String(repeating: "\u{85}", count: 3).utf8)
    #expect(room.line(long.span, behind: Array("a: ".utf8)) == nil)
    #expect(room.line(long.span.extracting(first: 4), behind: []) == Array("<U+0085><U+0085>\n".utf8))
  }
}
