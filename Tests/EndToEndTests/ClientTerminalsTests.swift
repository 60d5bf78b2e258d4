import ChatWire
import Glibc
import TestSupport
import Testing

/// Keys in the forms of every kind of terminal, whatever TERM says.
@Suite(.timeLimit(.minutes(10))) struct ClientTerminalsTests {
  private let server: ServerProgram
  private let member: Dialogue

  init() throws {
    server = try ServerProgram()
    member = try server.join()
  }

  private static let kinds = [
    "xterm", "xterm-256color", "screen", "tmux-256color", "rxvt", "linux", "vt100", "vt220", "dumb",
  ]

  /// What is typed behind `one two three`, and what is said then.
  private static let keys: [(forms: [String], line: String)] = [
    (["\u{1B}[H", "\u{1B}OH", "\u{1B}[1~", "\u{1B}[7~"], "|one two three"),
    (["\u{1B}[H\u{1B}[F", "\u{1B}OH\u{1B}OF", "\u{1B}[1~\u{1B}[4~", "\u{1B}[7~\u{1B}[8~"], "one two three|"),
    (["\u{1B}[D", "\u{1B}OD"], "one two thre|e"),
    (["\u{1B}[D\u{1B}[D\u{1B}[C", "\u{1B}OD\u{1B}OD\u{1B}OC"], "one two thre|e"),
    (["\u{1B}[H\u{1B}[3~", "\u{1B}[1~\u{1B}[3~"], "|ne two three"),
    (
      ["\u{1B}[1;5D", "\u{1B}[5D", "\u{1B}O5D", "\u{1B}Od", "\u{1B}[1;3D", "\u{1B}\u{1B}[D", "\u{1B}\u{1B}OD"],
      "one two |three"
    ),
    (
      [
        "\u{1B}[H\u{1B}[1;5C", "\u{1B}[H\u{1B}O5C", "\u{1B}[H\u{1B}Oc", "\u{1B}[H\u{1B}[1;3C", "\u{1B}[H\u{1B}\u{1B}[C",
      ], "one| two three"
    ),
    // Insert, Page Up and Down, F keys, with Shift and the like; mice, positions, colours and focus.
    (
      [
        "\u{1B}[2~\u{1B}[5~\u{1B}[6~\u{1B}[5;5~",
        "\u{1B}OP\u{1B}[11~\u{1B}[[A\u{1B}[15~\u{1B}[24~\u{1B}[34~\u{1B}[24;2~\u{1B}[23$",
        "\u{1B}[1;2D\u{1B}[1;6C\u{1B}[a\u{1B}[7$\u{1B}[8^",
        "\u{1B}[<0;10;20M\u{1B}[<0;10;20m\u{1B}[M !!\u{1B}[32;10;20M",
        "\u{1B}[24;80R\u{1B}[?1;2c\u{1B}[?2026;2$y\u{1B}]11;rgb:ffff/ffff/ffff\u{1B}\\\u{1B}P1$r0m\u{1B}\\",
        "\u{1B}[I\u{1B}[O",
      ], "one two three|"
    ),
    (["\u{1B}Oq\u{1B}Om\u{1B}Oy"], "one two three1-9|"),
  ]

  @Test(arguments: kinds) func `Every key acts, and what is no key leaves nothing in the line`(kind: String) throws {
    let terminal = try Pty()
    let client = try Program(
      built: "mychatclient", [String(server.port), "--no-history"], environment: ["TERM": kind], on: terminal)
    let port = try server.nextPort()
    for (forms, line) in Self.keys {
      for form in forms {
        try terminal.type("one two three\(form)|\r")
        try member.expect("\(port): \(line)")
      }
    }
    try terminal.type("\u{1B}[A\u{1B}[A\u{1B}[B!\u{1B}OM")
    try member.expect("\(port): one two three1-9|!")
    client.signal(SIGTERM)
  }

  @Test(arguments: [[], ["--plain"]]) func `A key may come in pieces, however late they are`(options: [String]) throws {
    let terminal = try Pty()
    let client = try Program(built: "mychatclient", [String(server.port)] + options, on: terminal)
    let port = try server.nextPort()
    for pieces in [["\u{1B}[", "D"], ["\u{1B}[1;5", "D"], ["\u{1B}O", "D"], ["\u{1B}[3", "~"]] {
      try terminal.type("abc")
      try terminal.waitForScreen("what is typed") { $0.lines.last == "abc" }
      for piece in pieces {
        try terminal.type(piece)
        // Longer than what follows an ESC at once is waited for.
        _ = poll(nil, 0, 120)
      }
      try terminal.type("X\r")
      try member.expect(
        "\(port): " + (!options.isEmpty || pieces[1] == "~" ? "abcX" : pieces[0].hasSuffix("5") ? "Xabc" : "abXc"))
    }
    client.signal(SIGTERM)
  }

  @Test func `What is no key disturbs neither a search nor a question`() throws {
    let terminal = try Pty()
    let client = try Program(built: "mychatclient", [String(server.port)], on: terminal)
    let port = try server.nextPort()
    try terminal.type("a needle\rhay\r")
    for text in ["a needle", "hay"] { try member.expect("\(port): \(text)") }
    let noKeys = "\u{1B}[I\u{1B}[<0;10;20M\u{1B}[24;80R\u{1B}]11;rgb:0/0/0\u{7}"
    try terminal.type("\u{12}nee\(noKeys)dle")
    try terminal.waitForScreen("the line that was found") { $0.lines.suffix(2) == ["a needle", "bck:needle"] }
    try terminal.type("\u{5}!\r")
    try member.expect("\(port): a needle!")
    try terminal.type("\u{1B}[200~\((1...9).map { "\($0)\r" }.joined())\u{1B}[201~")
    try terminal.waitForLine("Send 9 lines? [y/N]")
    try terminal.type(noKeys + "y")
    for number in 1...9 { try member.expect("\(port): \(number)") }
    client.signal(SIGTERM)
  }

  /// A letter with a mark, a flag, a family, and a letter of Hangul in parts.
  @Test(arguments: ["e\u{301}", "🇨🇭", "👨‍👩‍👧", "\u{1112}\u{1161}\u{11AB}"])
  func `Backspace, Delete and the arrows take what is seen as one character for one`(character: String) throws {
    let terminal = try Pty()
    let client = try Program(built: "mychatclient", [String(server.port), "--no-history"], on: terminal)
    let port = try server.nextPort()
    for (keys, line) in [
      ("a\(character)\u{7F}b", "ab"), ("a\(character)\u{1B}[D>", "a>\(character)"),
      ("\(character)b\u{1B}[D\u{1B}[D>", ">\(character)b"),
      ("a\(character)\u{1B}[H\u{1B}[C\u{1B}[3~b", "ab"), ("a\(character)c\u{1}\u{6}\u{6}\u{4}", "a\(character)"),
      ("\(character)c\u{2}\u{2}\u{1B}[C<", "\(character)<c"),
    ] {
      try terminal.type(keys + "\r")
      try member.expect("\(port): \(line)")
    }
    client.signal(SIGTERM)
  }
}
