import ChatWire

/// Under what a name is compared with others: two names may not be in the room together if either part of their keys is equal.
struct NameKey: Hashable {
  /// The name in lower case, by way of upper case: ß is ss, ς is σ, and ı is i. Canonically equal names have the same.
  let folding: String
  /// The same after each letter of another script was replaced by the Latin one that it looks like.
  let look: String

  init(_ name: String) {
    folding = Self.folded(name)
    var look = String.UnicodeScalarView()
    // Upper and lower case look like different letters (Ν like N, ν like v), so this comes before folding.
    for scalar in name.decomposed.unicodeScalars {
      if let spelling = Self.spellings[scalar] {
        look.append(contentsOf: spelling)
      } else {
        look.append(Self.lookAlikes[scalar] ?? scalar)
      }
    }
    self.look = Self.folded(String(look))
  }

  /// Whether the name is the server's, or looks like it.
  var isServer: Bool { look == "server" }

  /// Whether the name stands for a user without a login that could be shown (`uid-1001`), or looks as if it did.
  var isUserID: Bool {
    let digits = look.utf8.dropFirst(Self.userIDBeginning.utf8.count)
    return look.hasPrefix(Self.userIDBeginning) && !digits.isEmpty
      && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }
  private static let userIDBeginning = "uid-"

  /// Decomposed before, because case mapping of a composed letter may differ from that of its parts, and after, because it
  /// may compose.
  private static func folded(_ name: String) -> String {
    name.decomposed.lowercased().uppercased().lowercased().decomposed
  }

  /// Letters that are the same as two others to the eye, and in compatibility decomposition.
  private static let spellings: [Unicode.Scalar: String.UnicodeScalarView] = [
    "\u{0E33}": "\u{0E4D}\u{0E32}".unicodeScalars, "\u{0EB3}": "\u{0ECD}\u{0EB2}".unicodeScalars,
  ]

  /// Letters by which a name in another script looks Latin, and two that IPA adds to Latin. In the manner of Unicode's table
  /// of confusables (Unicode Technical Standard #39), which is too large to be carried along; m beside rn, 0 beside O, and 1
  /// beside l are left out, as telling them apart is what readers are used to.
  private static let lookAlikes: [Unicode.Scalar: Unicode.Scalar] = {
    let pairs = [
      // Cyrillic
      ("АВЕКМНОРСТУХЅІЈҮԚԜҺѴԀӀЬ", "ABEKMHOPCTYXSIJYQWhVdlb"),
      ("авекмнорстухѕіјүԛԝһѵԁӏьгп", "abekmhopctyxsijyqwhvdlbrn"),
      // Greek
      ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧͿ", "ABEZHIKMNOPTYXJ"),
      ("αβγεηικμνορστυχωϳ", "abyenikuvopotuxwj"),
      // Armenian
      ("ՕՍՏԼ", "OUSL"),
      ("օսոհցյզ", "ounhgjq"),
      // Canadian syllabics
      ("ᗩᗅᗷᑕᗪᗞᕮᖴᘜᕼᒍᒪᗰᑎᑭᑫᖇᔕᑌᐯᗯᘔ", "AABCDDEFGHJLMNPqRSUVWZ"),
      // Latin
      ("ɑɡ", "ag"),
    ]
    var table: [Unicode.Scalar: Unicode.Scalar] = [:]
    for (letters, latin) in pairs {
      for (letter, latinLetter) in zip(letters.unicodeScalars, latin.unicodeScalars) { table[letter] = latinLetter }
    }
    return table
  }()
}

extension NameKey: StateCoded {
  init(from reader: inout StateReader) throws(StateError) { (folding, look) = (try reader.read(), try reader.read()) }
  func write(to writer: inout StateWriter) { writer.write(folding, look) }
}
