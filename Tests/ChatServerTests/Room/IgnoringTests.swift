import Testing

@testable import ChatServer
@testable import ChatWire

struct IgnoringTests {
  private let token = Token(slot: 1, generation: 1)
  private let otherToken = Token(slot: 2, generation: 1)

  @Test
  func
    `Lines and actions of an ignored member are left out, and those of others come whole, whatever is taken at once`()
  {
    for most in [1, 3, 7, 1000] {
      var room = Room(logBytes: 4096)
      let (bob, bobby, reader) = (room.joined("bob"), room.joined("bobby"), room.joined("r"))
      room.hear("before", by: bob)
      reader.ignore(bob, token, in: room)
      room.hear("one", by: bob)
      _ = room.act(Array("waves".utf8).span, by: bob)
      room.hear("two", by: bobby)
      room.hear("mine", by: reader)
      room.hear("three", by: bob)
      _ = room.act(Array("nods".utf8).span, by: bobby)
      room.hear("four", by: bob)
      var got = ""
      for _ in 0..<200 { got += reader.take(most, in: room) }
      #expect(got == "bob: before\nbobby: two\n[action] bobby nods\n")
      let isCaughtUp = reader.cursor.isCaughtUp(with: room.log)
      #expect(isCaughtUp)
      #expect(
        bobby.stream(in: room) == "bob: before\nbob: one\n[action] bob waves\nr: mine\nbob: three\nbob: four\n")
    }
  }

  @Test func `A line that was begun before its speaker was ignored is finished`() {
    var room = Room(logBytes: 4096)
    let (bob, reader) = (room.joined("bob"), room.joined("r"))
    room.hear("half of it", by: bob)
    let begun = reader.take(6, in: room)
    reader.ignore(bob, token, in: room)
    room.hear("no more", by: bob)
    #expect(begun + reader.stream(in: room) == "bob: half of it\n")
  }

  @Test func `An ignored member stays ignored under another name, and who takes its old name is not`() {
    var room = Room(logBytes: 4096)
    let (bob, carol, reader) = (room.joined("bob"), room.joined("carol"), room.joined("r"))
    reader.ignore(bob, token, in: room)
    room.hear("as bob", by: bob)
    bob.rename(to: MemberName(bytes: Array("dave".utf8)))
    reader.ignore(bob, token, in: room)
    carol.rename(to: MemberName(bytes: Array("bob".utf8)))
    room.hear("as dave", by: bob)
    room.hear("as the new bob", by: carol)
    #expect(reader.stream(in: room) == "bob: as the new bob\n")
    room.hear("still", by: bob)
    #expect(reader.stream(in: room) == "")
  }

  @Test func `Who is ignored no longer is heard from then on, and its lines of before appear in what was said earlier`()
  {
    var room = Room(logBytes: 4096)
    let (bob, carol, reader) = (room.joined("bob"), room.joined("carol"), room.joined("r"))
    reader.ignore(bob, token, in: room)
    reader.ignore(carol, otherToken, in: room)
    let start = room.log.head
    room.hear("hidden", by: bob)
    room.hear("hidden, too", by: carol)
    var ignored = [reader.cursor.ignores(lineAt: start, in: room.log)]
    reader.cursor.unignore(token, at: room.log.head)
    ignored.append(reader.cursor.ignores(lineAt: start, in: room.log))
    room.hear("heard", by: bob)
    #expect(ignored == [true, false])
    #expect(reader.stream(in: room) == "bob: heard\n")
    reader.cursor.unignore(otherToken, at: room.log.head)
    room.hear("heard again", by: carol)
    #expect(reader.stream(in: room) == "carol: heard again\n")
  }

  @Test func `However often ignored members rename, what is remembered of them is bounded, and they stay ignored`() {
    var room = Room(logBytes: 1 << 20)
    let (bob, carol, reader) = (room.joined("bob"), room.joined("carol"), room.joined("r"))
    reader.ignore(carol, otherToken, in: room)
    for number in 0..<1000 {
      bob.rename(to: MemberName(bytes: Array("bob\(number)".utf8)))
      reader.ignore(bob, token, in: room)
      room.hear("\(number)", by: bob)
      room.hear("\(number)", by: carol)
    }
    let last = room.log.start(ofLast: 2)
    let isIgnored = reader.cursor.ignores(lineAt: last, in: room.log)
    #expect(isIgnored)
    room.hear("still here", by: bob)
    room.hear("so am I", by: carol)
    let got = reader.stream(in: room).split(separator: "\n")
    #expect(got.allSatisfy { $0.hasPrefix("bob") } && got.count <= 1000 - IgnoredLines.maximumCount / 2 + 1)
    #expect(!got.contains("bob999: 999") && !got.contains("bob999: still here"))
  }
}

extension Member {
  func ignore(_ other: Member, _ token: Token, in room: borrowing Room) {
    cursor.ignore(
      prefixes: [other.prefix, ServerLine.actionPrefix(of: other.name)], of: token, from: room.log)
  }
}
