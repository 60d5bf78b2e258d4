import Testing

@testable import ChatServer

struct NameKeyTests {
  /// Names that fold to the same.
  private static let equal = [
    ("alice", "ALICE"), ("Straße", "STRASSE"), ("straße", "STRAẞE"), ("ΟΔΟΣ", "οδος"), ("οδοσ", "οδος"),
    ("ıtır", "ITIR"),
    ("Иван", "ИВАН"), ("Սևան", "ՍԵՒԱՆ"), ("გიორგი", "ᲒᲘᲝᲠᲒᲘ"), ("é", "E\u{301}"), ("Ё", "е\u{308}"), ("Đặng", "đặng"),
    ("김", "\u{1100}\u{1175}\u{11B7}"), ("क़", "क\u{93C}"), ("ΐ", "Ι\u{308}\u{301}"), ("İ", "i\u{307}"),
  ]

  @Test(arguments: equal) func `Names that differ in case or composition have one key`(one: String, other: String) {
    #expect(NameKey(one).folding == NameKey(other).folding)
    #expect(NameKey(one).folding.hashValue == NameKey(other).folding.hashValue)
  }

  private static let alike = [
    ("alice", "аӏісе"), ("Bob", "ВОВ"), ("paypal", "раураӏ"), ("NINA", "ΝΙΝΑ"), ("HOPE", "НОРЕ"), ("van", "ναη"),
    ("jaco", "јасо"), ("scope", "ѕсоре"), ("TOM", "ΤΟΜ"), ("Ya", "Υα"),
    ("goat", "ɡoɑt"), ("BUD", "ᗷᑌᗪ"), ("uno", "սոօ"), ("ëe", "ёе"),
    ("хор", "xop"), ("น้ำ", "น้\u{E4D}\u{E32}"),
  ]

  @Test(arguments: alike) func `Names that look the same have one key for their look`(one: String, other: String) {
    #expect(NameKey(one).look == NameKey(other).look)
  }

  @Test(arguments: [
    ("alice", "alicia"), ("m", "rn"), ("O", "0"), ("l", "1"), ("nina", "νινα"), ("Иван", "Ivan"), ("e", "é"),
  ])
  func `Names that readers tell apart have two keys`(one: String, other: String) {
    #expect(NameKey(one).look != NameKey(other).look)
    #expect(NameKey(one).folding != NameKey(other).folding)
  }

  @Test func `Every letter has the same key, composed or not, and under each change of case`() throws {
    var letters = 0
    // All but the many of Han and Hangul, of which some.
    for value in Array(0..<0x3400) + Array(stride(from: 0x3400, through: 0x2FFFF, by: 41)) as [UInt32] {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let text = String(scalar)
      guard case .success = NameRule.name(from: Array(text.utf8)[...]) else { continue }
      letters += 1
      let key = NameKey(text)
      for form in [text.composed, text.decomposed] {
        try #require(NameKey(form) == key, "U+\(String(value, radix: 16))")
      }
      for form in [text.lowercased(), text.uppercased()] {
        try #require(NameKey(form).folding == key.folding, "U+\(String(value, radix: 16))")
      }
    }
    #expect(letters > 6_000)
  }
}
