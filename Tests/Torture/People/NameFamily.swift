/// Names for tests, in families: those of one family look alike, and no two of different families do.
enum NameFamily {
  /// One of some 8,100 names of 1,354 families, in one script, case or form or another.
  static func name(_ choice: UInt64) -> (name: String, family: String) {
    let style = Int(choice % 8)
    var number = Int(choice >> 8 % 1500)
    guard number % 10 != 0 else {
      let word = number / 10 % words.count
      return (words[word][style / 2], "word\(word)")
    }
    let alphabet = alphabets[style % alphabets.count]
    var (name, family) = ("", "")
    for _ in 0..<5 {
      name.append(alphabet[number % 6])
      family.append(alphabets[0][number % 6])
      number /= 6
    }
    return (name, family)
  }

  /// The same to the eye: Latin, Cyrillic and Greek, small and large.
  private static let alphabets = ["aeopxy", "аеорху", "αεορχγ", "AEOPXY", "АЕОРХУ", "ΑΕΟΡΧΥ"].map { Array($0) }
  /// Words with several spellings of their own: by case folding, and by canonical equivalence.
  private static let words = [
    ["straße", "STRASSE", "Strasse", "STRA\u{1E9E}E"], ["σοφος", "ΣΟΦΟΣ", "Σοφος", "σοφοσ"],
    ["zo\u{EB}", "zoe\u{308}", "ZO\u{CB}", "ZOE\u{308}"], ["\u{C5}sa", "A\u{30A}sa", "\u{E5}sa", "\u{212B}sa"],
  ]

  /// Names that nobody gets.
  static let wrong = [
    "x y", "12345", "аlice", "server", "Sеrvеr", "sеrvеr", "ЅЕRVЕR", "a:b", "*x", "a/b", "[x]", "x,y", "a@127.0.0.1",
    ".", "\u{200B}x", "x\u{202E}y", "\u{FF21}nna", "x\u{301}\u{301}\u{301}", "-", "\u{301}x",
  ]
}
