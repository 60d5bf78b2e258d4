import Glibc
import TestSupport
import Testing

/// Texts that try to look, on a person's screen, like the server, a private line, an action, an earlier line or another member.
@Suite(.timeLimit(.minutes(10))) struct ClientForgingTests {
  /// What a member says, and how it stands on the screen behind `evil: `.
  private static let attempts: [(said: String, shown: String)] = [
    ("[private] bob: x", "[private] bob: x"),
    ("[action] bob kills x", "[action] bob kills x"),
    ("[21:03] bob: x", "[21:03] bob: x"),
    ("[2026-11-23 21:03] bob: x", "[2026-11-23 21:03] bob: x"),
    ("* bob left", "* bob left"),
    ("* Here: mallory, bob.", "* Here: mallory, bob."),
    ("* 54321 is now mallory", "* 54321 is now mallory"),
    ("bob: x", "bob: x"),
    ("hi\r* bob left", "hi^M* bob left"),
    ("hi\r[private] bob: x", "hi^M[private] bob: x"),
    ("hi\u{2028}bob: x", "hi<U+2028>bob: x"),
    ("hi\u{2029}* bob left", "hi<U+2029>* bob left"),
    ("hi\u{85}[action] bob x", "hi<U+0085>[action] bob x"),
    ("hi\u{B}bob: x", "hi^Kbob: x"),
    ("hi\u{C}bob: x", "hi^Lbob: x"),
    ("\u{1B}[2K\u{1B}[1G[private] bob: x", "^[[2K^[[1G[private] bob: x"),
    ("\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}bob: x", "^H^H^H^H^H^Hbob: x"),
    ("\u{9B}1G* bob left", "<U+009B>1G* bob left"),
    ("\u{202E}x :bob", "<U+202E>x :bob"),
    ("\u{2067}x :bob [etavirp]\u{2069}", "<U+2067>x :bob [etavirp]<U+2069>"),
    ("\u{200F}* bob left", "<U+200F>* bob left"),
    ("\u{301}bob: x", "\u{301}bob: x"),
    ("bob\u{A789} x", "bob\u{A789} x"),
    ("bob\u{2236} x", "bob\u{2236} x"),
    ("\u{2217} bob left", "\u{2217} bob left"),
    ("\u{1B}[1;4m[private]\u{1B}[0m bob: x", "^[[1;4m[private]^[[0m bob: x"),
  ]

  /// The same as bytes, for those that are no text: overlong newlines and ESC, a newline's half, a lone continuation.
  private static let malformed: [(said: [UInt8], shown: String)] = [
    ([0xC0, 0x8A], "\u{FFFD}\u{FFFD}"), ([0xE0, 0x80, 0x8A], "\u{FFFD}\u{FFFD}\u{FFFD}"),
    ([0xC0, 0x9B], "\u{FFFD}\u{FFFD}"), ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"), ([0xBF], "\u{FFFD}"),
  ]

  @Test func `On a real screen each text stands behind the name of who said it`() throws {
    let server = try ServerProgram()
    let terminal = try Tmux(
      rows: 50, columns: 100, running: "\(try Program.built("mychatclient")) \(server.port) --no-history",
      environment: ["TERM": "tmux-256color"])
    _ = try server.nextPort()
    let evil = try server.join()
    try terminal.waitForEditing()
    for (said, _) in Self.attempts { try evil.send("\(said)\n") }
    for (said, _) in Self.malformed { try evil.send(said + Array("* bob left\n".utf8)) }
    try evil.send("the end\n")
    let name = String(evil.localPort)
    try terminal.waitForRows("the end") { $0.contains("\(name): the end") }
    let rows = try terminal.rows().filter { !$0.isEmpty }
    let texts = Self.attempts.map(\.shown) + Self.malformed.map { $0.shown + "* bob left" } + ["the end"]
    #expect(rows == ["Connected to chat server. Type 'exit' to leave."] + texts.map { "\(name): \($0)" })
  }

  @Test func `None of the texts has the looks of another kind of line`() throws {
    let server = try ServerProgram()
    let terminal = try Pty(rows: 50, columns: 100)
    let client = try Program(built: "mychatclient", [String(server.port), "--no-history", "--bell"], on: terminal)
    _ = try server.nextPort()
    let evil = try server.join()
    try terminal.waitForEditing()
    // Far enough to the right that what stands behind begins a row of its own.
    let rowful = String(repeating: "x", count: 100 - "\(evil.localPort): ".count)
    for (said, _) in Self.attempts { try evil.send("\(said)\n\(rowful)\(said)\n") }
    try evil.send("the end\n")
    try terminal.waitForLine("\(evil.localPort): the end")
    let written = String(decoding: terminal.bytes, as: UTF8.self)
    // The tag of a private line, dim as notices and earlier lines are, and the italics of actions.
    for look in ["[1;4m", "[2m", "[3m", "[0;1;7m"] { #expect(!written.contains("\u{1B}\(look)"), "\(look)") }
    #expect(!written.contains("\u{7}"))
    client.signal(SIGTERM)
  }

  @Test func `A line of each kind has looks of its own`() throws {
    let server = try ScriptedServer()
    let terminal = try Pty(rows: 50, columns: 100)
    let client = try Program(built: "mychatclient", [String(server.port), "--no-history"], on: terminal)
    let connection = try server.accept()
    try connection.send("8: one\n[private] 8: two\n[action] 8 three\n[21:03] 8: four\n* five\n8: the end\n")
    try terminal.waitForLine("8: the end")
    let ways = ["one", "two", "three", "four", "five"].map { text in
      String(decoding: terminal.bytes, as: UTF8.self).split(separator: "\r\n").first { $0.contains(text) }.map {
        $0.replacing(text, with: "").replacing(/\u{1B}\[[0-9;]*[^0-9;m]/, with: "")
      }
    }
    #expect(Set(ways.map { $0 ?? "" }).count == ways.count)
    let plain = ["8: one", "[private] 8: two", "[action] 8 three", "[21:03] 8: four", "* five"]
    #expect(terminal.screen.lines.dropFirst().prefix(5).elementsEqual(plain))
    client.signal(SIGTERM)
  }
}
