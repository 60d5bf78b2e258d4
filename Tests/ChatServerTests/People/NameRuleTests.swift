import ChatWire
import Testing

@testable import ChatServer

struct NameRuleTests {
  private func name(_ text: String) -> Result<String, NameRefusal> {
    NameRule.name(from: Array(text.utf8)[...]).map(\.description)
  }

  private static let accepted = [
    "alice", "Alice", "a", "A1", "4x", "x_y-z.1", "a--b", "Zoë", "Łukasz", "Straße", "STRAẞE", "ıtır", "Đặng", "Nguyễn",
    "N\u{303}a", "Æsir",  // Latin
    "Ελένη", "Γιώργος", "ΜΑΡΙΑ", "Ἀχιλλεύς",  // Greek
    "Иван", "Ольга", "Ёж", "Україна", "Ђорђе", "алиса2",  // Cyrillic
    "Արամ", "Սևակ",  // Armenian
    "שרה", "דוד", "מֹשֶׁה", "א1",  // Hebrew
    "محمد", "فاطمة", "پروین", "علی۲",  // Arabic
    "राम", "सीता", "क़मर",  // Devanagari
    "রহিম", "হৃদয়",  // Bengali
    "குமார்", "ਸਿੰਘ", "ରାମ", "రాము", "ಕೃಷ್ಣ", "മോഹൻ", "සුනිල්",  // Tamil to Sinhala
    "สมชาย", "น้ำ", "ນ້ຳ", "សុខា", "မောင်", "བོད",  // Thai, Lao, Khmer, Burmese, Tibetan
    "გიორგი", "ᲒᲘᲝᲠᲒᲘ",  // Georgian
    "김철수", "\u{1100}\u{1161}",  // Hangul
    "田中", "さくら", "サクラ", "佐々木さん", "タロー", "王小明", "ㄅㄆ",  // Han, Kana, Bopomofo
    "አበበ", "ᠮᠣᠩᠭᠣᠯ", "ᐃᓄᒃ", "ߒߞߏ", "𞤀𞤣𞤤𞤢𞤥",  // Ethiopic, Mongolian, Inuktitut, N'Ko, Adlam
  ]

  @Test(arguments: accepted) func `A name of one script is taken as it stands, but composed`(text: String) {
    #expect(name(text) == .success(text.composed))
  }

  private static let refused: [(String, NameRefusal)] = [
    ("", .noLetter), ("54321", .noLetter), ("0", .noLetter), ("1-2", .noLetter), ("10.0.0.2", .noLetter),
    ("54321-2", .noLetter), ("٣٤٥", .noLetter), ("१२३", .noLetter),
    ("_alice", .edge), ("alice_", .edge), ("-a", .edge), ("a.", .edge), (".", .edge), ("...", .edge),
    ("a b", .character(" ")), ("alice:", .character(":")), ("*", .character("*")), ("/nick", .character("/")),
    ("a\tb", .character("\t")), ("[private]", .character("[")), ("a]", .character("]")), ("a,b", .character(",")),
    ("54321@10.0.0.2", .character("@")), ("a\rb", .character("\r")), ("a\u{0}", .character("\u{0}")),
    ("a\u{1B}[1m", .character("\u{1B}")), ("a\u{85}", .character("\u{85}")), ("a\u{2028}b", .character("\u{2028}")),
    ("a\u{A0}b", .character("\u{A0}")), ("a\u{3000}b", .character("\u{3000}")),
    ("a\u{202E}b", .character("\u{202E}")), ("a\u{2066}b", .character("\u{2066}")),
    ("a\u{200B}b", .character("\u{200B}")), ("a\u{200D}b", .character("\u{200D}")),
    ("a\u{FEFF}", .character("\u{FEFF}")), ("a\u{AD}b", .character("\u{AD}")), ("a\u{FE0F}", .character("\u{FE0F}")),
    ("a\u{34F}", .character("\u{34F}")), ("\u{3164}", .character("\u{3164}")), ("ㅤx", .character("\u{3164}")),
    ("\u{115F}", .character("\u{115F}")), ("😀", .character("😀")), ("a’s", .character("’")), ("aː", .character("ː")),
    ("a꞉", .character("꞉")), ("ǃa", .character("ǃ")), ("عـلي", .character("\u{640}")), ("ꓐꓳꓐ", .character("ꓐ")),
    ("a\u{20DD}", .character("\u{20DD}")), ("x²", .character("²")), ("a\u{FFFD}", .character("\u{FFFD}")),
    ("𐌀", .character("𐌀")), ("\u{10FFFF}", .character("\u{10FFFF}")), ("\u{E000}", .character("\u{E000}")),
    ("Ａlice", .notPlain("Ａ")), ("ﬁn", .notPlain("ﬁ")), ("x１", .notPlain("１")), ("ſam", .notPlain("ſ")),
    ("𝐚lice", .character("𝐚")), ("xª", .notPlain("ª")), ("ﻋلي", .notPlain("ﻋ")), ("ﾊﾟ", .notPlain("ﾊ")),
    ("ǆ", .notPlain("ǆ")), ("ㄱ", .notPlain("ㄱ")),
    ("\u{301}a", .marks), ("1\u{301}", .marks), ("a-\u{301}b", .marks), ("x\u{323}\u{330}\u{331}", .marks),
    ("\u{93F}क", .marks),
    ("aлиса", .mixedScripts), ("pаypal", .mixedScripts), ("αlpha", .mixedScripts), ("Иvan", .mixedScripts),
    ("さくらx", .mixedScripts), ("김x", .mixedScripts), ("रাम", .mixedScripts), ("שa", .mixedScripts),
    ("alice٣", .mixedScripts), ("aि", .mixedScripts), ("alice\u{35F}", .mixedScripts), ("alice\u{FE20}", .mixedScripts),
    ("server", .reserved), ("Server", .reserved), ("SERVER", .reserved), ("ѕегvег", .mixedScripts),
    ("ѕегѵег", .reserved),
  ]

  @Test(arguments: refused) func `A name is refused by its first fault`(text: String, reason: NameRefusal) {
    #expect(name(text) == .failure(reason))
  }

  @Test func `A name has at most 32 characters and 64 bytes, counted when composed`() {
    #expect(name(String(repeating: "a", count: 32)) == .success(String(repeating: "a", count: 32)))
    #expect(name(String(repeating: "a", count: 33)) == .failure(.tooManyCharacters))
    #expect(name(String(repeating: "e\u{301}", count: 32)) == .success(String(repeating: "é", count: 32)))
    #expect(name(String(repeating: "中", count: 21)) == .success(String(repeating: "中", count: 21)))
    #expect(name(String(repeating: "中", count: 22)) == .failure(.tooManyBytes))
    #expect(name(String(repeating: "a", count: 10_000)) == .failure(.tooManyBytes))
    #expect(name(String(repeating: "ι\u{308}\u{301}", count: 32)) == .success(String(repeating: "ΐ", count: 32)))
  }

  @Test(arguments: [[0xC0, 0xAF], [0x61, 0xFF], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]])
  func `What is not UTF-8 is no name`(bytes: [UInt8]) {
    #expect(NameRule.name(from: bytes[...]) == .failure(.notText))
  }

  @Test func `No accepted name can be taken for what the server makes`() {
    for text in Self.accepted {
      for byte in text.utf8 { #expect(!"[]:*/,@ \t".utf8.contains(byte)) }
      #expect(text.contains { $0.isLetter })
    }
  }

  @Test func `A refusal says what to do, and shows only harmless characters`() {
    #expect(
      NameRefusal.character("/").text == "A name cannot contain /. It has letters and digits, and _ - . between them.")
    #expect(NameRefusal.character(" ").text.hasPrefix("A name cannot contain a space. "))
    #expect(NameRefusal.character("\u{202E}").text.hasPrefix("A name cannot contain U+202E. "))
    #expect(NameRefusal.character("\u{7}").text.hasPrefix("A name cannot contain U+0007. "))
    #expect(
      NameRefusal.taken(suggestion: MemberName(bytes: Array("alice2".utf8))).text
        == "That name is taken, or looks like one that is. alice2 is free.")
    for (_, reason) in Self.refused { #expect(reason.text.utf8.allSatisfy { (0x20...0x7E).contains($0) }) }
  }
}
