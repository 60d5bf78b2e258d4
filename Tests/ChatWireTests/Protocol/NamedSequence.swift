import Testing

/// A sequence that text can hold, by its name, and what has to be shown for it.
struct NamedSequence: CustomTestStringConvertible, Sendable {
  let name: String
  let bytes: [UInt8]
  let shown: String

  init(_ name: String, _ bytes: [UInt8], _ shown: String) {
    self.name = name
    self.bytes = bytes
    self.shown = shown
  }

  init(_ name: String, _ text: String, _ shown: String) { self.init(name, Array(text.utf8), shown) }

  init(_ name: String, unchanged bytes: [UInt8]) { self.init(name, bytes, String(decoding: bytes, as: UTF8.self)) }

  var testDescription: String { name }

  static let all =
    malformed + controls + terminalSequences + directions + noncharacters + unchanged.map { NamedSequence($0, $1, $1) }

  /// Malformed UTF-8: one U+FFFD for each maximal subpart (The Unicode Standard, 3.9).
  static let malformed: [NamedSequence] = [
    NamedSequence("overlong NUL, two bytes", [0xC0, 0x80], "\u{FFFD}\u{FFFD}"),
    NamedSequence("overlong '/', two bytes", [0xC0, 0xAF], "\u{FFFD}\u{FFFD}"),
    NamedSequence("overlong DEL, two bytes", [0xC1, 0xBF], "\u{FFFD}\u{FFFD}"),
    NamedSequence("overlong '/', three bytes", [0xE0, 0x80, 0xAF], "\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence("overlong U+07FF, three bytes", [0xE0, 0x9F, 0xBF], "\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence("overlong ESC, three bytes", [0xE0, 0x80, 0x9B], "\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence("overlong '/', four bytes", [0xF0, 0x80, 0x80, 0xAF], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence("overlong U+FFFF, four bytes", [0xF0, 0x8F, 0xBF, 0xBF], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence("surrogate U+D800", [0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence("surrogate U+DBFF", [0xED, 0xAF, 0xBF], "\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence("surrogate U+DC00", [0xED, 0xB0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence("surrogate U+DFFF", [0xED, 0xBF, 0xBF], "\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence(
      "surrogate pair of U+1F44D (CESU-8)", [0xED, 0xA0, 0xBD, 0xED, 0xB1, 0x8D],
      "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence("beyond the end: U+110000", [0xF4, 0x90, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence("beyond the end: U+13FFFF", [0xF4, 0xBF, 0xBF, 0xBF], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence("beyond the end: lead F5", [0xF5, 0x80, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence(
      "five bytes, as once planned", [0xF8, 0x88, 0x80, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence(
      "six bytes, as once planned", [0xFC, 0x84, 0x80, 0x80, 0x80, 0x80],
      "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    NamedSequence("byte FE", [0xFE], "\u{FFFD}"),
    NamedSequence("byte FF", [0xFF], "\u{FFFD}"),
    NamedSequence("UTF-16 byte order mark", [0xFF, 0xFE], "\u{FFFD}\u{FFFD}"),
    NamedSequence("lone continuation byte 80", [0x80], "\u{FFFD}"),
    NamedSequence("lone continuation byte BF", [0xBF], "\u{FFFD}"),
    NamedSequence("lone CSI of ISO 8859-1", [0x9B], "\u{FFFD}"),
    NamedSequence("lone NEL of ISO 8859-1", [0x85], "\u{FFFD}"),
    NamedSequence("truncated, one of two", [0xC3], "\u{FFFD}"),
    NamedSequence("truncated, one of three", [0xE2], "\u{FFFD}"),
    NamedSequence("truncated, two of three", [0xE2, 0x82], "\u{FFFD}"),
    NamedSequence("truncated, one of four", [0xF0], "\u{FFFD}"),
    NamedSequence("truncated, two of four", [0xF0, 0x9F], "\u{FFFD}"),
    NamedSequence("truncated, three of four", [0xF0, 0x9F, 0x91], "\u{FFFD}"),
    NamedSequence("two truncated in a row", [0xE2, 0x82, 0xE2, 0x82], "\u{FFFD}\u{FFFD}"),
    NamedSequence("truncated at E0's second byte", [0xE0, 0xA0], "\u{FFFD}"),
    NamedSequence("truncated at F4's second byte", [0xF4, 0x8F, 0xBF], "\u{FFFD}"),
    NamedSequence("truncated, then plain text", [0xE2, 0x82, 0x61], "\u{FFFD}a"),
    NamedSequence("truncated, then a newline's escape", [0xF0, 0x9F, 0x1B], "\u{FFFD}^["),
    NamedSequence("ISO 8859-1 text", [0x63, 0x61, 0x66, 0xE9], "caf\u{FFFD}"),
    NamedSequence(
      "Unicode's own example of maximal subparts",
      [0x61, 0xF1, 0x80, 0x80, 0xE1, 0x80, 0xC2, 0x62, 0x80, 0x63, 0x80, 0xBF, 0x64],
      "a\u{FFFD}\u{FFFD}\u{FFFD}b\u{FFFD}c\u{FFFD}\u{FFFD}d"),
    NamedSequence("an overlong within text", [0x78, 0xC0, 0xAF, 0x79], "x\u{FFFD}\u{FFFD}y"),
  ]

  /// Single controls.
  static let controls: [NamedSequence] = [
    NamedSequence("C0 NUL", [0x00], "^@"),
    NamedSequence("C0 SOH", [0x01], "^A"),
    NamedSequence("C0 STX", [0x02], "^B"),
    NamedSequence("C0 ETX", [0x03], "^C"),
    NamedSequence("C0 EOT", [0x04], "^D"),
    NamedSequence("C0 ENQ", [0x05], "^E"),
    NamedSequence("C0 ACK", [0x06], "^F"),
    NamedSequence("C0 BEL", [0x07], "^G"),
    NamedSequence("C0 BS", [0x08], "^H"),
    NamedSequence("C0 LF", [0x0A], "^J"),
    NamedSequence("C0 VT", [0x0B], "^K"),
    NamedSequence("C0 FF", [0x0C], "^L"),
    NamedSequence("C0 CR", [0x0D], "^M"),
    NamedSequence("C0 SO", [0x0E], "^N"),
    NamedSequence("C0 SI", [0x0F], "^O"),
    NamedSequence("C0 DLE", [0x10], "^P"),
    NamedSequence("C0 DC1", [0x11], "^Q"),
    NamedSequence("C0 DC2", [0x12], "^R"),
    NamedSequence("C0 DC3", [0x13], "^S"),
    NamedSequence("C0 DC4", [0x14], "^T"),
    NamedSequence("C0 NAK", [0x15], "^U"),
    NamedSequence("C0 SYN", [0x16], "^V"),
    NamedSequence("C0 ETB", [0x17], "^W"),
    NamedSequence("C0 CAN", [0x18], "^X"),
    NamedSequence("C0 EM", [0x19], "^Y"),
    NamedSequence("C0 SUB", [0x1A], "^Z"),
    NamedSequence("C0 ESC", [0x1B], "^["),
    NamedSequence("C0 FS", [0x1C], "^\\"),
    NamedSequence("C0 GS", [0x1D], "^]"),
    NamedSequence("C0 RS", [0x1E], "^^"),
    NamedSequence("C0 US", [0x1F], "^_"),
    NamedSequence("TAB", [0x09], "\t"),
    NamedSequence("DEL", [0x7F], "^?"),
    NamedSequence("C1 PAD", "\u{80}", "<U+0080>"),
    NamedSequence("C1 IND", "\u{84}", "<U+0084>"),
    NamedSequence("C1 NEL", "\u{85}", "<U+0085>"),
    NamedSequence("C1 RI", "\u{8D}", "<U+008D>"),
    NamedSequence("C1 DCS", "\u{90}", "<U+0090>"),
    NamedSequence("C1 CSI", "\u{9B}", "<U+009B>"),
    NamedSequence("C1 ST", "\u{9C}", "<U+009C>"),
    NamedSequence("C1 OSC", "\u{9D}", "<U+009D>"),
    NamedSequence("C1 PM", "\u{9E}", "<U+009E>"),
    NamedSequence("C1 APC", "\u{9F}", "<U+009F>"),
  ]

  /// What terminals obey, and what could forge a line.
  static let terminalSequences: [NamedSequence] = [
    NamedSequence("CSI: clear the screen", "\u{1B}[2J", "^[[2J"),
    NamedSequence("CSI: red", "\u{1B}[31mred\u{1B}[0m", "^[[31mred^[[0m"),
    NamedSequence("CSI as a C1 control: cursor home", "\u{9B}H", "<U+009B>H"),
    NamedSequence("OSC: window title", "\u{1B}]0;title\u{07}", "^[]0;title^G"),
    NamedSequence("OSC 52: clipboard", "\u{1B}]52;c;aGk=\u{1B}\\", "^[]52;c;aGk=^[\\"),
    NamedSequence("OSC 8: link", "\u{1B}]8;;http://x\u{1B}\\y", "^[]8;;http://x^[\\y"),
    NamedSequence("DCS: ask the terminal", "\u{1B}P$q\"p\u{1B}\\", "^[P$q\"p^[\\"),
    NamedSequence("full reset", "\u{1B}c", "^[c"),
    NamedSequence("forged line", "hi\r\n* Server is full", "hi^M^J* Server is full"),
  ]

  /// What turns the reading direction or ends a line where LF does not.
  static let directions: [NamedSequence] = [
    NamedSequence("bidi LRE", "a\u{202A}b", "a<U+202A>b"),
    NamedSequence("bidi RLE", "a\u{202B}b", "a<U+202B>b"),
    NamedSequence("bidi PDF", "a\u{202C}b", "a<U+202C>b"),
    NamedSequence("bidi LRO", "a\u{202D}b", "a<U+202D>b"),
    NamedSequence("bidi RLO", "a\u{202E}b", "a<U+202E>b"),
    NamedSequence("bidi LRI", "a\u{2066}b", "a<U+2066>b"),
    NamedSequence("bidi RLI", "a\u{2067}b", "a<U+2067>b"),
    NamedSequence("bidi FSI", "a\u{2068}b", "a<U+2068>b"),
    NamedSequence("bidi PDI", "a\u{2069}b", "a<U+2069>b"),
    NamedSequence("left-to-right mark", "a\u{200E}b", "a<U+200E>b"),
    NamedSequence("right-to-left mark", "a\u{200F}b", "a<U+200F>b"),
    NamedSequence("Arabic letter mark", "a\u{61C}b", "a<U+061C>b"),
    NamedSequence("line separator", "a\u{2028}b", "a<U+2028>b"),
    NamedSequence("paragraph separator", "a\u{2029}b", "a<U+2029>b"),
  ]

  /// Code points that are no characters pass too, as Unicode wants it (corrigendum 9). Swift's literals cannot hold them.
  static let noncharacters: [NamedSequence] = [
    NamedSequence("noncharacter U+FDD0", unchanged: [0xEF, 0xB7, 0x90]),
    NamedSequence("noncharacter U+FFFE", unchanged: [0xEF, 0xBF, 0xBE]),
    NamedSequence("noncharacter U+FFFF", unchanged: [0xEF, 0xBF, 0xBF]),
    NamedSequence("noncharacter U+1FFFE", unchanged: [0xF0, 0x9F, 0xBF, 0xBE]),
    NamedSequence("the last code point: U+10FFFF", unchanged: [0xF4, 0x8F, 0xBF, 0xBF]),
  ]

  /// What has to pass as it is.
  static let unchanged: [(name: String, text: String)] = [
    ("empty text", ""),
    ("plain ASCII", "Hi everyone!"),
    (
      "all of printable ASCII",
      " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
    ),
    ("spaces at both ends", "  x  "),
    ("text that looks like a shown control", "^[ and <U+202E>"),
    ("a replacement character already", "\u{FFFD}"),
    ("first of two bytes: U+00A0", "\u{A0}"),
    ("last of two bytes: U+07FF", "\u{7FF}"),
    ("first of three bytes: U+0800", "\u{800}"),
    ("before the surrogates: U+D7FF", "\u{D7FF}"),
    ("after the surrogates: U+E000", "\u{E000}"),
    ("first of four bytes: U+10000", "\u{10000}"),
    ("private use: U+E000 and U+F8FF", "\u{E000}\u{F8FF}"),
    ("byte order mark in front: U+FEFF", "\u{FEFF}x"),
    ("zero width no-break space within: U+FEFF", "x\u{FEFF}y"),
    ("soft hyphen", "a\u{AD}b"),
    ("zero width space", "a\u{200B}b"),
    ("zero width non-joiner, Persian", "می\u{200C}خواهم"),
    ("before the bidi marks: U+200D within text", "a\u{200D}b"),
    ("around the Arabic letter mark: U+061B and U+061D", "\u{61B}\u{61D}"),
    ("after the bidi marks: U+2010", "\u{2010}"),
    ("word joiner", "a\u{2060}b"),
    ("before the bidi embeddings: U+2027", "\u{2027}"),
    ("after the bidi overrides: U+202F", "\u{202F}"),
    ("before the isolates: U+2065", "\u{2065}"),
    ("after the isolates: U+206A", "\u{206A}"),
    ("Hebrew", "שלום"),
    ("Arabic", "مرحبا"),
    ("Devanagari conjunct", "क्ष"),
    ("Thai with marks", "ที่นี่"),
    ("Hangul syllables", "한국어"),
    ("Hangul jamo", "\u{1112}\u{1161}\u{11AB}"),
    ("Chinese and Japanese", "日本語のテキスト"),
    ("Han beyond the first plane", "𠮷"),
    ("one combining mark", "e\u{301}"),
    ("a stack of combining marks", "z\u{334}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}"),
    ("a combining mark in front", "\u{301}a"),
    ("enclosing circle", "a\u{20DD}"),
    ("emoji", "👍"),
    ("emoji with a skin tone", "👍\u{1F3FD}"),
    ("ZWJ family", "👨\u{200D}👩\u{200D}👧\u{200D}👦"),
    ("ZWJ couple with skin tones", "👩\u{1F3FB}\u{200D}🤝\u{200D}👨\u{1F3FF}"),
    ("ZWJ rainbow flag", "🏳\u{FE0F}\u{200D}🌈"),
    ("ZWJ profession", "👩\u{200D}🚀"),
    ("flag of two letters", "🇩🇪"),
    ("half a flag", "🇩"),
    ("flag of tags: Scotland", "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}"),
    ("keycap", "1\u{FE0F}\u{20E3}"),
    ("keycap without selector", "#\u{20E3}"),
    ("variation selector 15, as text", "❤\u{FE0E}"),
    ("variation selector 16, as emoji", "❤\u{FE0F}"),
    ("Han with an ideographic selector", "葛\u{E0100}"),
    ("lone zero width joiner", "\u{200D}"),
    ("interlinear annotation", "\u{FFF9}a\u{FFFA}b\u{FFFB}"),
    ("object replacement", "\u{FFFC}"),
    ("Egyptian hieroglyph", "𓀀"),
    ("musical symbol with a joined stem", "𝅘𝅥"),
  ]
}
