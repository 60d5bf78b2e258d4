import ChatWire
import Testing

@Suite struct ServerLineTests {
  /// A line's kind, name, text and time of saying, as text.
  private static func parts(_ line: String) -> [String] {
    let line = ServerLine(Array(line.utf8)[...])
    let text = { (bytes: ArraySlice<UInt8>?) in bytes.map { String(decoding: $0, as: UTF8.self) } ?? "-" }
    return [line.kind.rawValue, text(line.name), text(line.text), text(line.said)]
  }

  @Test(arguments: [
    ("alice: hi", ["message", "alice", "hi", "-"]), ("54321: a: b", ["message", "54321", "a: b", "-"]),
    ("* alice is now bob", ["notice", "-", "alice is now bob", "-"]),
    ("[private] alice: hi", ["private", "alice", "hi", "-"]),
    ("[action] alice waves: at you", ["action", "alice", "waves: at you", "-"]),
    ("[21:03] alice: hi", ["earlier", "alice", "hi", "21:03"]),
    ("[2026-11-23 21:03] alice: hi", ["earlier", "alice", "hi", "2026-11-23 21:03"]),
    ("[21:03] * alice joined", ["earlier", "-", "alice joined", "21:03"]),
    ("[21:03] [action] alice waves", ["earlier", "alice", "waves", "21:03"]),
    ("Добро: да", ["message", "Добро", "да", "-"]), ("alice/2: hi", ["message", "alice/2", "hi", "-"]),
    ("[private] alice/12: hi", ["private", "alice/12", "hi", "-"]),
    ("[action] uid-7/2 waves", ["action", "uid-7/2", "waves", "-"]),
  ])
  func `Each kind of line is taken apart`(line: String, expected: [String]) {
    #expect(Self.parts(line) == expected)
  }

  @Test(arguments: [
    "", "*", "*no", "[private]", "[private] alice", "[private] * hi", "[action]", "[action] alice", "[action]  waves",
    "[21:03]", "[21:3] alice: hi", "alice : hi", " alice: hi", "[", "[x] alice: hi", "alice/: hi", "alice/2a: hi",
    "/2: hi", "alice/2/3: hi", "[action] alice/2x waves", "/usr/bin: hi",
  ])
  func `A line of no kind is a message that nobody sent`(line: String) {
    #expect(Self.parts(line) == ["message", "-", line, "-"])
  }

  @Test func `An earlier line holds the line that it repeats`() {
    let line = ServerLine(Array("[21:03] [action] alice waves".utf8)[...])
    #expect(line.repeated == ServerLine(Array("[21:03] [action] alice waves".utf8)[8...]))
    #expect(line.repeated?.kind == .action)
  }

  private static func name(_ text: String) -> MemberName { MemberName(bytes: Array(text.utf8)) }

  @Test(
    arguments: [
      .renamed(name("54321"), to: name("alice")), .joined([name("alice")], others: 0),
      .joined([name("alice"), name("bob")], others: 98), .left([name("54321@10.0.0.2")], others: 0),
      .left([name("alice"), name("bob")], others: 1), .renamed(name("alice/2"), to: name("bob")),
      .here([name("alice"), name("alice/2")], isLast: true),
      .here([name("54321")], isLast: true), .here([name("a.b"), name("Ünal")], isLast: false),
    ] as [Notice])
  func `A client understands who is here, and how that changes`(notice: Notice) {
    #expect(Notice(parsing: Array(notice.text.utf8)[...]) == notice)
  }

  @Test func `One who is only counted is another, and more are others`() {
    #expect(Notice.joined([Self.name("alice")], others: 1).text == "alice and 1 other joined")
    #expect(Notice.joined([Self.name("alice")], others: 2).text == "alice and 2 others joined")
  }

  @Test(arguments: [
    "alice is now", "is now bob", "alice is now bob now", "the alice is now bob", "Topic: who joined", "alice, joined",
    "alice, bob and many others joined", "Here:", "Here: alice, ", "12 lines skipped", "a b left",
  ])
  func `Any other notice is only shown`(text: String) {
    #expect(Notice(parsing: Array(text.utf8)[...]) == nil)
  }
}
