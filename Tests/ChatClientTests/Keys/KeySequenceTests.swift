import ChatClient
import TestSupport
import Testing

/// What the bytes behind an ESC are, and which of them are read next as if they had not been.
private func read(_ text: String) -> (sequence: KeySequence, rest: String) { read(Array(text.utf8)) }

private func read(_ bytes: [UInt8]) -> (sequence: KeySequence, rest: String) {
  var reader = KeySequenceReader()
  for (index, byte) in bytes.enumerated() {
    if case .whole(let sequence, let back) = reader.take(byte) {
      return (sequence, String(decoding: back + bytes[(index + 1)...], as: UTF8.self))
    }
  }
  guard case .whole(let sequence, let back) = reader.end() else { return (.nothing, "(more)") }
  return (sequence, String(decoding: back, as: UTF8.self))
}

@Suite(.timeLimit(.minutes(10))) struct KeySequenceTests {
  /// Behind ESC: xterm, xterm in application mode, VT220 and tmux and screen, rxvt, the Linux console, older xterms.
  @Test(arguments: [
    (SpecialKey(.up), ["[A", "OA"]), (SpecialKey(.down), ["[B", "OB"]), (SpecialKey(.right), ["[C", "OC"]),
    (SpecialKey(.left), ["[D", "OD"]), (SpecialKey(.home), ["[H", "OH", "[1~", "[7~"]),
    (SpecialKey(.end), ["[F", "OF", "[4~", "[8~"]), (SpecialKey(.insert), ["[2~"]), (SpecialKey(.delete), ["[3~"]),
    (SpecialKey(.pageUp), ["[5~"]), (SpecialKey(.pageDown), ["[6~"]), (SpecialKey(.middle), ["[E", "OE"]),
    (SpecialKey(.backTab), ["[Z"]), (SpecialKey(.left, .control), ["[1;5D", "[5D", "O5D", "Od"]),
    (SpecialKey(.right, .control), ["[1;5C", "[5C", "O5C", "Oc"]),
    (SpecialKey(.left, .alt), ["[1;3D", "\u{1B}[D", "\u{1B}OD"]),
    (SpecialKey(.right, .alt), ["[1;3C", "\u{1B}[C", "\u{1B}OC"]), (SpecialKey(.up, .shift), ["[1;2A", "[a"]),
    (SpecialKey(.home, .shift), ["[1;2H", "[7$"]), (SpecialKey(.home, .control), ["[1;5H", "[7^"]),
    (SpecialKey(.delete, .control), ["[3;5~", "[3^"]), (SpecialKey(.delete, [.shift, .control]), ["[3;6~", "[3@"]),
    (SpecialKey(.delete, .alt), ["[3;3~", "\u{1B}[3~"]), (SpecialKey(.function(1)), ["OP", "[11~", "[[A"]),
    (SpecialKey(.function(5)), ["[15~", "[[E"]), (SpecialKey(.function(12)), ["[24~"]),
    (SpecialKey(.function(4), .shift), ["[1;2S", "O2S", "[14;2~"]), (SpecialKey(.function(20)), ["[34~"]),
  ])
  func `A key is the same in every form that terminals write`(key: SpecialKey, forms: [String]) {
    for form in forms + [key.sequence] { #expect(read(form + "x") == (.special(key), "x"), "\(form.debugDescription)") }
  }

  @Test func `Every key with everything that can be held down is read back from its own form`() {
    for name in SpecialKey.names {
      for modifiers in SpecialKey.Modifiers.all {
        let key = SpecialKey(name, modifiers)
        #expect(read(key.sequence) == (.special(key), ""))
      }
    }
  }

  @Test(arguments: [
    // Mice: SGR, urxvt, X10. Positions and answers: CPR, DA, DECRPM, DECRQSS, OSC 11, XTGETTCAP. Focus. A key of modifyOtherKeys and
    // one of kitty.
    "[<0;10;20M", "[<0;10;20m", "[32;10;20M", "[M !!", "[24;80R", "[?1;2c", "[>41;354;0c", "[?2026;2$y", "[4;2$y",
    "P1$r0m\u{1B}\\",
    "]11;rgb:ffff/ffff/ffff\u{7}", "]11;rgb:ffff/ffff/ffff\u{1B}\\", "P1+r544e\u{1B}\\", "_Gi=1;OK\u{1B}\\", "[I", "[O",
    "[27;5;9~", "[97;5u", "[201~", "[99~", "[1;99A", "[[Z", "[38;5~", "O!",
  ])
  func `What a terminal reports is no key`(text: String) { #expect(read(text + "x") == (.nothing, "x")) }

  @Test(arguments: [
    ("", KeySequence.escape, ""), ("\u{1B}", .escape, "\u{1B}"), ("\u{1B}x", .escape, "\u{1B}x"),
    ("b", .alt(UInt8(ascii: "b")), ""),
    ("f rest", .alt(UInt8(ascii: "f")), " rest"), ("\u{8}", .escape, "\u{8}"), ("\r", .escape, "\r"),
    ("é", .escape, "é"),
    // These begin what a terminal answers, and are keys where no answer follows.
    ("P", .alt(UInt8(ascii: "P")), ""), ("]typed\r", .alt(UInt8(ascii: "]")), "typed\r"),
    ("_\u{1B}[A", .alt(UInt8(ascii: "_")), "\u{1B}[A"), ("]0;text", .alt(UInt8(ascii: "]")), "0;text"),
    ("]cd\u{7}", .alt(UInt8(ascii: "]")), "cd\u{7}"), ("Phello\r", .alt(UInt8(ascii: "P")), "hello\r"),
    ("^", .alt(UInt8(ascii: "^")), ""),
    ("[200~text", .pasteBeginning, "text"), ("OM", .character(UInt8(ascii: "\r")), ""),
    ("Oj", .character(UInt8(ascii: "*")), ""),
    ("Ow5", .character(UInt8(ascii: "7")), "5"), ("[", .nothing, "(more)"), ("O", .nothing, "(more)"),
    ("[1;", .nothing, "(more)"),
    ("[1\r", .nothing, "\r"), ("[M!\u{3}", .nothing, "\u{3}"), ("[[\r", .nothing, "\r"),
    ("[\u{1B}[A", .nothing, "\u{1B}[A"),
  ])
  func `All else is ESC, Alt with a character, or nothing`(text: String, sequence: KeySequence, rest: String) {
    #expect(read(text) == (sequence, rest))
  }

  @Test func `What goes on without end is given up`() {
    #expect(read("[" + String(repeating: "1", count: 1000)).sequence == .nothing)
    let answer = "1" + String(repeating: "a", count: 5000)
    #expect(read("]" + answer) == (.alt(UInt8(ascii: "]")), answer))
  }

  @Test func `No byte is lost or doubled but those of a key`() {
    var random = SeededRandom.printed(for: "KeySequence")
    let alphabet = Array("[O]P\u{1B}\\;15~AM$x\u{7}\r".utf8)
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...8, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
      let (sequence, rest) = read(bytes)
      if rest == "(more)" { continue }
      #expect(bytes.suffix(rest.utf8.count).elementsEqual(rest.utf8))
      let used = bytes.count - rest.utf8.count
      switch sequence {
      case .escape: #expect(used == 0)
      case .alt: #expect(used == 1)
      default: #expect(used > 0)
      }
    }
  }
}
