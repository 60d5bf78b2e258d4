/// What somebody sends to make others believe that the server or another member said something.
struct ForgingAttempt {
  enum Step {
    case send([UInt8])
    /// Long enough to end a message of a peer that sends no newline.
    case pause
    /// A newline, or a pause by those who send none.
    case endMessage
    /// Until the server has said something to mallory.
    case awaitAnswer
  }

  let what: String
  let steps: [Step]
  /// Whether others hear something because of it, if mallory ends its lines.
  var isHeard = true
  /// The name that mallory gets, if it gets one.
  var newName: String?

  static let all = texts + splits + commands + names

  /// Messages of one piece each.
  private static let texts: [ForgingAttempt] =
    [
      ("a notice", "* Server is full"), ("a rename", "* cope is now bob"), ("a departure", "* cope left"),
      ("a roster", "* Here: alice."), ("a private line", "[private] cope: come here"),
      ("an action", "[action] cope waves"), ("an earlier line", "[21:03] cope: hi"),
      ("an earlier line of another day", "[2026-11-23 21:03] cope: hi"), ("another member", "cope: hi"),
      ("no name", ": hi"), ("a space for a name", " : hi"), ("a tab and a notice", "\t* forged"),
      ("a bare CR before another member", "hi\rcope: forged"), ("a bare CR before a notice", "hi\r* forged"),
      ("a CR first", "\r* forged"), ("NEL", "hi\u{85}* forged"), ("a line separator", "hi\u{2028}cope: forged"),
      ("a paragraph separator", "hi\u{2029}[private] cope: forged"), ("a vertical tab", "hi\u{0B}* forged"),
      ("a form feed", "hi\u{0C}* forged"), ("information separators", "hi\u{1C}\u{1D}\u{1E}\u{1F}* forged"),
      ("an escape sequence that goes to the first column", "hi\u{1B}[2K\u{1B}[G* forged"),
      ("a control sequence of one character", "hi\u{9B}2K\u{9B}G* forged"),
      ("backspaces", "hi" + String(repeating: "\u{08}", count: 20) + "* forged"), ("DEL", "\u{7F}\u{7F}* forged"),
      ("right-to-left override", "\u{202E}degrof *"), ("isolates", "\u{2067}* forged\u{2069}"),
      ("direction marks", "\u{200F}* forged\u{200E}\u{61C}"), ("zero width before a notice", "\u{200B}* forged"),
      ("a byte order mark", "\u{FEFF}* forged"), ("a mark on the space behind the colon", "\u{301}* forged"),
      ("marks on the space behind the colon", String(repeating: "\u{338}", count: 40) + "* forged"),
      ("an enclosing mark", "\u{20DD}* forged"), ("a wide asterisk", "\u{FF0A} forged"),
      ("an asterisk operator", "\u{2217} forged"), ("wide brackets", "\u{FF3B}private\u{FF3D} cope: forged"),
      ("a ratio for a colon", "cope\u{2236} hi"), ("a letter for a colon", "cope\u{A789} hi"),
      ("tag characters", "\u{E0001}\u{E0020}* forged"), ("a filler", "\u{3164}* forged"),
      ("a line of the greatest length", String(repeating: "x", count: 8183) + "* forged"),
      ("CR LF", "hi\r\n* forged\r\n"), ("LF before a notice", "hi\n* forged\n"),
      ("LF before another member", "hi\ncope: forged"),
      ("LF before a private line", "hi\n[private] cope: forged"), ("empty lines first", "\n\n* forged\n"),
      ("LF CR", "hi\n\r* forged"),
      ("the end, almost", "exit\r* forged"),
    ].map { text($0.0, Array($0.1.utf8)) } + [
      text(
        "a line that grows to more than the greatest length",
        [UInt8](repeating: 1, count: 8000) + Array("* forged".utf8),
        isHeard: false), text("NUL", Array("hi\0* forged".utf8)),
      text(
        "an overlong newline of two bytes", Array("hi".utf8) + [0xC0, 0x8A] + Array("* forged".utf8)),
      text("an overlong newline of three bytes", [0xE0, 0x80, 0x8A] + Array("* forged".utf8)),
      text("an overlong newline of four bytes", [0xF0, 0x80, 0x80, 0x8A] + Array("* forged".utf8)),
      text("NEL as a byte", Array("hi".utf8) + [0x85] + Array("* forged".utf8)),
      text("a surrogate", [0xED, 0xA0, 0x80] + Array("* forged".utf8)),
      text("a lead byte at the end", Array("* forged".utf8) + [0xE2, 0x80]),
      text("a line that is too long, and a notice", [UInt8](repeating: 0x78, count: 9000) + Array("\n* forged".utf8)),
    ]

  private static func text(_ what: String, _ bytes: [UInt8], isHeard: Bool = true) -> ForgingAttempt {
    ForgingAttempt(what: what, steps: [.send(bytes), .endMessage], isHeard: isHeard)
  }

  /// Messages that come in several receives.
  private static let splits: [ForgingAttempt] = [
    ("CR and LF apart", [Array("hi\r".utf8), Array("\n".utf8), Array("* forged".utf8)]),
    ("the newline and the notice together", [Array("hi".utf8), Array("\n* forged".utf8)]),
    ("a notice in two pieces", [Array("* ".utf8), Array("forged".utf8)]),
    ("another member in pieces", [Array("co".utf8), Array("pe".utf8), Array(": ".utf8), Array("forged".utf8)]),
    ("a line separator in two pieces", [Array("hi".utf8) + [0xE2, 0x80], [0xA8] + Array("* forged".utf8)]),
    ("an overlong newline in two pieces", [Array("hi".utf8) + [0xC0], [0x8A] + Array("* forged".utf8)]),
    ("NEL in two pieces", [Array("hi".utf8) + [0xC2], [0x85] + Array("* forged".utf8)]),
    ("a private line in pieces", [Array("/msg ali".utf8), Array("ce hi\r".utf8), Array("* forged".utf8)]),
    (
      "a line that is too long, in pieces",
      [[UInt8](repeating: 0x78, count: 8192), Array("x".utf8), Array("\n* forged".utf8)]
    ),
  ].map { what, pieces in
    let steps = pieces.flatMap { [ForgingAttempt.Step.send($0), .pause] }
    return ForgingAttempt(
      what: what, steps: steps + [.endMessage])
  }

  private static let commands: [ForgingAttempt] =
    [
      ("an action with a CR", "/me waves\r* forged", true), ("an action by nobody", "/me : forged", true),
      ("an action with a line separator", "/me \u{2028}* forged", true),
      ("an action that looks like a private line", "/ME [private] cope: forged", true),
      ("an action with a newline", "/me waves\n[action] cope waves\n", true),
      ("a private line with a CR", "/msg alice hi\rcope: forged", true),
      ("a private line with a notice", "/msg alice * forged", true),
      ("a private line within another", "/msg alice [private] cope: forged", true),
      ("a private line with a newline", "/msg alice hi\n[private] cope: forged\n", true),
      ("a private line with NEL", "/msg alice \u{85}* forged", true),
      ("a private line to alice that wants to be public", "/msg alice\rcope: forged", false),
      ("a reply to nobody", "/reply hi\r* forged", false), ("a kick", "/kick alice x\r* forged", false),
      ("a ban", "/ban alice 1h x\n* forged", true), ("a topic", "/topic * forged", false),
      ("an escaped notice", "//* forged", true), ("an escaped command", "//me waves", true),
      ("a path", "/etc/* forged", true), ("a slash alone", "/ * forged", true),
      ("an operator", "/op * forged", false), ("help", "/help * forged", false),
      ("ignoring", "/ignore alice\r* forged", false), ("a list of who is here", "\t \t\n* forged", true),
    ].map { ForgingAttempt(what: $0.0, steps: [.send(Array($0.1.utf8)), .endMessage], isHeard: $0.2) }

  /// Names that look like another's or like the server, or would end early.
  private static let names: [ForgingAttempt] =
    [
      "alice", "ALICE", "\u{430}lice", "alic\u{435}", "\u{251}lice", "\u{441}\u{43E}\u{440}\u{435}",
      "\u{421}\u{41E}\u{420}\u{415}", "Cope",
      "c\u{3BF}pe", "server", "Server", "SERVER", "serv\u{435}r", "\u{455}\u{435}rver", "12345", "0", "54321@127.0.0.1",
      "*", "*alice", "alice*",
      "\u{FF0A}alice", "\u{2217}alice", "alice:", "alice\u{FF1A}", "alice\u{A789}", "alice\u{2D0}", "alice\u{5C3}",
      "alice:\u{301}",
      "alice\u{301}:", "alice\u{35C}", "alice\u{360}", "alice\u{20DD}", "x\u{301}\u{302}\u{303}", "\u{301}alice",
      "alice cope", "alice\u{A0}", "[private]",
      "[21:03]", "[action]", "alice]", "\u{FF3B}alice\u{FF3D}", "cope,alice", "cope/alice", "a\u{AD}lice",
      "alice\u{200B}", "al\u{200D}ice",
      "al\u{200C}ice", "\u{FEFF}alice", "alice\u{202E}", "\u{2066}alice\u{2069}", "alice\u{200F}", "\u{FF41}lice",
      "\u{1D41A}lice", "alice\u{FE0F}",
      "alice\u{E0061}", "al\u{3164}ice", "alice\rcope", "alice\r", "alice\u{85}", "alice\u{2028}cope", "alice\0",
      "alice\u{1B}[A", "-alice", ".alice", "alice.",
      "_alice", "'alice'", "<alice>", "alice\u{2019}", "\u{AB}alice\u{BB}",
    ].map { name($0.debugDescription, Array($0.utf8)) }
    + [
      name("a name with an overlong letter", Array("al".utf8) + [0xC1, 0xA9] + Array("ce".utf8)),
      name("a name with a byte that is no text", Array("alice".utf8) + [0xFF]),
      name("a name like alice's with a number", Array("alice2".utf8), becomes: "alice2"),
      name("a name in Hebrew", Array("\u{5D0}\u{5D1}".utf8), becomes: "\u{5D0}\u{5D1}"),
    ]

  private static func name(_ what: String, _ bytes: [UInt8], becomes newName: String? = nil) -> ForgingAttempt {
    ForgingAttempt(
      what: "the name \(what)",
      steps: [
        .send(Array("/nick ".utf8) + bytes), .endMessage, .awaitAnswer, .send(Array("* hello".utf8)), .endMessage,
      ], newName: newName)
  }
}
