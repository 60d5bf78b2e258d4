import ChatWire
import Testing

@testable import ChatServer

@Suite struct RosterAnswerTests {
  private static func entry(_ name: String) -> RosterAnswer.Entry {
    RosterAnswer.Entry(name: MemberName(bytes: Array(name.utf8)), details: "here")
  }

  /// All lines of an answer, made in small pieces; `between` is called before each.
  private static func lines(
    _ answer: RosterAnswer, _ changes: inout RosterChanges, _ room: inout [RosterAnswer.Entry?],
    between: (inout RosterChanges, inout [RosterAnswer.Entry?]) -> Void = { _, _ in }
  ) -> [String] {
    var answer = answer
    var bytes: [UInt8] = []
    while let piece = answer.nextPiece(30, after: changes, now: { [room] in room[$0] }) {
      bytes += piece
      between(&changes, &room)
    }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  @Test func `The room is shown as it was at the question`() {
    var room = (0..<50).map { Optional(Self.entry("p\($0)")) }
    var changes = RosterChanges()
    changes.beginAnswer()
    let answer = RosterAnswer(.lines, of: (0..<50).map(UInt32.init), after: changes)
    var step = 0
    let lines = Self.lines(answer, &changes, &room) { changes, room in
      // One swaps names with another, one leaves, and another one comes into its place.
      let last = 49 - step
      if last > 30, let old = room[last] {
        changes.record(old, in: last)
        room[last] = step % 2 == 0 ? nil : Self.entry("new\(step)")
      }
      step += 1
    }
    #expect(lines == ["* 50 people are here:"] + (0..<50).map { "* p\($0), here" })
    changes.endAnswer()
    #expect(!changes.isWatched)
  }

  @Test func `A room that changes faster than its list is read ends the list`() {
    var room = (0..<50).map { Optional(Self.entry("p\($0)")) }
    var changes = RosterChanges()
    changes.beginAnswer()
    let answer = RosterAnswer(.lines, of: (0..<50).map(UInt32.init), after: changes)
    let lines = Self.lines(answer, &changes, &room) { changes, _ in
      for _ in 0..<200 { changes.record(Self.entry("other"), in: 60) }
    }
    #expect(lines.last == "* The room changes faster than you read. Ask again.")
    #expect(lines.count < 50)
  }

  @Test func `A list for a client ends with a full stop although the room changes faster than it is read`() {
    var room = (0..<300).map { Optional(Self.entry("person\($0)")) }
    var changes = RosterChanges()
    changes.beginAnswer()
    let answer = RosterAnswer(
      .names(asker: MemberName(bytes: Array("me".utf8))), of: (0..<300).map(UInt32.init), after: changes)
    let lines = Self.lines(answer, &changes, &room) { changes, _ in
      for _ in 0..<300 { changes.record(Self.entry("other"), in: 400) }
    }
    #expect(lines.count == 2 && lines.last == "* Here: me.")
  }

  @Test func `Names alone come in lines of bounded length, the asker's first`() {
    var room = (0..<300).map { Optional(Self.entry("person\($0)")) }
    var changes = RosterChanges()
    changes.beginAnswer()
    let asker = MemberName(bytes: Array("me".utf8))
    let lines = Self.lines(
      RosterAnswer(.names(asker: asker), of: (0..<300).map(UInt32.init), after: changes), &changes, &room)
    var names: [String] = []
    for (index, line) in lines.enumerated() {
      #expect(line.utf8.count < 1000)
      guard case .here(let some, let isLast)? = Notice(parsing: Array(line.utf8.dropFirst(2))[...]) else {
        Issue.record("no names: \(line)")
        return
      }
      #expect(isLast == (index == lines.count - 1))
      names += some.map(\.description)
    }
    #expect(names == ["me"] + (0..<300).map { "person\($0)" })
  }

  @Test func `Whoever is alone is told so, and by name`() {
    var room: [RosterAnswer.Entry?] = []
    var changes = RosterChanges()
    changes.beginAnswer()
    let asker = MemberName(bytes: Array("me".utf8))
    #expect(Self.lines(RosterAnswer(.names(asker: asker), of: [], after: changes), &changes, &room) == ["* Here: me."])
  }
}
