import TestSupport

/// What somebody may send to harm whoever reads it on a terminal: by name, so that one that gets through can be told.
struct HostileSequence {
  let name: String
  let bytes: [UInt8]

  init(_ name: String, _ bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }

  init(_ name: String, _ text: String) { self.init(name, Array(text.utf8)) }

  static let named: [HostileSequence] =
    controls + commands + strings + answers + malformed + directions

  /// Every C0 control but LF, which ends a line, and DEL; every C1 control as a byte, as a code point and in its form of two bytes.
  private static let controls: [HostileSequence] =
    (0..<0x20).filter { $0 != 0x0A }.map { HostileSequence("C0 control \($0)", [UInt8($0)]) }
    + [HostileSequence("DEL", [0x7F])]
    + (0x80...0x9F).map { HostileSequence("C1 byte \($0)", [UInt8($0), 0x41]) }
    + (0x80...0x9F).map { HostileSequence("C1 code point \($0)", [0xC2, UInt8($0), 0x41]) }
    + (0x40...0x5F).map { HostileSequence("C1 as ESC \(Unicode.Scalar(UInt8($0)))", [0x1B, UInt8($0)]) }

  /// Every final byte of a control sequence, and the modes that matter.
  private static let commands: [HostileSequence] =
    (0x40...0x7E).map { HostileSequence("CSI 2 \(Unicode.Scalar(UInt8($0)))", [0x1B, 0x5B, 0x32, UInt8($0)]) }
    + (0x30...0x3F).map { HostileSequence("ESC \(Unicode.Scalar(UInt8($0)))", [0x1B, UInt8($0)]) }
    + (0x60...0x7E).map { HostileSequence("ESC \(Unicode.Scalar(UInt8($0)))", [0x1B, UInt8($0)]) }
    + [1, 2, 3, 5, 6, 7, 9, 12, 25, 47, 1000, 1002, 1003, 1004, 1006, 1047, 1049, 2004, 2026].map {
      HostileSequence("private mode \($0)", "\u{1B}[?\($0)h")
    }
    + ["(0", ")0", "*0", "+0", "#8", "#3", "%G", "%@", " F", " G"].map { HostileSequence("ESC \($0)", "\u{1B}\($0)") }

  /// Title, clipboard, colours, links, device control, and all the strings that swallow what follows.
  private static let strings: [HostileSequence] =
    [0, 1, 2, 4, 7, 8, 9, 10, 11, 12, 50, 52, 99, 104, 133, 777, 1337].flatMap { number in
      [
        HostileSequence("OSC \(number), BEL", "\u{1B}]\(number);x;?\u{7}"),
        HostileSequence("OSC \(number), ST", "\u{1B}]\(number);x;?\u{1B}\\"),
        HostileSequence("OSC \(number), without end", "\u{1B}]\(number);x;?"),
      ]
    }
    + ["P$q\"p", "P+q544e", "P1$r", "_Gi=1;", "^private", "Xstart", "k title", "Ptmux;\u{1B}\u{1B}[2J"].map {
      HostileSequence("string \($0.prefix(3))", "\u{1B}\($0)\u{1B}\\")
    }

  /// What a terminal answers as if it was typed.
  private static let answers: [HostileSequence] =
    [
      "[c", "[0c", "[>c", "[=c", "[5n", "[6n", "[?6n", "[?15n", "[?25n", "[18t", "[19t", "[20t", "[21t", "[14t", "Z",
      "[x",
      "[?1$p", "[>q", "[?u", "]10;?\u{7}", "]11;?\u{7}", "]4;1;?\u{7}", "]52;c;?\u{7}", "P$qm\u{1B}\\",
    ].map { HostileSequence("question ESC \($0)", "\u{1B}\($0)") } + [HostileSequence("ENQ", [0x05])]

  private static let malformed: [HostileSequence] = [
    ("overlong ESC, two bytes", [0xC0, 0x9B]), ("overlong ESC, three bytes", [0xE0, 0x80, 0x9B]),
    ("overlong LF", [0xC0, 0x8A]), ("surrogate", [0xED, 0xA0, 0x80]), ("cut short", [0xE2, 0x82]),
    ("cut short before ESC", [0xF0, 0x9F, 0x1B, 0x5B, 0x41]), ("beyond Unicode", [0xF4, 0x90, 0x80, 0x80]),
    ("byte FF", [0xFF]), ("byte FE", [0xFE]), ("lone continuation", [0xBF]),
    ("five bytes", [0xF8, 0x88, 0x80, 0x80, 0x80]),
    ("CSI byte and command", [0x9B, 0x32, 0x4A]),
  ].map { HostileSequence("malformed: \($0.0)", $0.1) }

  private static let directions: [HostileSequence] =
    ([0x061C, 0x200E, 0x200F] + Array(0x2028...0x202E) + Array(0x2066...0x2069) as [UInt32]).compactMap {
      Unicode.Scalar($0).map { HostileSequence("U+\(String($0.value, radix: 16))", "a\($0)b") }
    }

  /// Bytes at random, most of them those that mean something to a terminal or to a decoder; never LF.
  static func generated(_ count: Int, using random: inout SeededRandom) -> [[UInt8]] {
    let delicate: [UInt8] = [
      0x00, 0x07, 0x08, 0x09, 0x0D, 0x0E, 0x18, 0x1B, 0x1B, 0x1B, 0x3B, 0x3F, 0x41, 0x4A, 0x50, 0x5B, 0x5B, 0x5C, 0x5D,
      0x5F,
      0x63, 0x68, 0x6D, 0x7F, 0x80, 0x85, 0x90, 0x9B, 0x9C, 0xC0, 0xC2, 0xE2, 0xED, 0xF0, 0xFF,
    ]
    return (0..<count).map { _ in
      (0..<Int.random(in: 1...12, using: &random)).map { _ in
        var byte = UInt8.random(in: 0...255, using: &random)
        if Bool.random(using: &random) { byte = delicate.randomElement(using: &random) ?? byte }
        return byte == 0x0A ? 0x1B : byte
      }
    }
  }
}
