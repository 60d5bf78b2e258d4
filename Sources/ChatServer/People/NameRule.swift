import ChatWire

/// What a name that a member chooses may be: letters, digits and marks of one script, with `_ - .` between them.
///
/// No such name looks like anything of the server's: it has no delimiter of a line, no `@`, and at least one letter, which no
/// port, connection number or IPv4 address has.
enum NameRule {
  /// In Unicode scalars of the composed name.
  static let maximumScalars = 32
  /// In UTF-8, of the composed name.
  static let maximumBytes = 64
  /// How many marks may follow a letter, beyond those that are composed with it.
  static let maximumMarks = 2

  /// The name that `bytes` ask for: its composed form, so that canonically equal names are the same bytes to everybody.
  static func name(from bytes: ArraySlice<UInt8>) -> Result<MemberName, NameRefusal> {
    // Composing shortens no text to less than a third, so this is known without looking at a long line.
    guard bytes.count <= 3 * maximumBytes else { return .failure(.tooManyBytes) }
    guard let text = String(validating: bytes, as: UTF8.self) else { return .failure(.notText) }
    let name = text.composed
    if let refusal = refusal(of: name) { return .failure(refusal) }
    return .success(MemberName(bytes: Array(name.utf8)))
  }

  private static func refusal(of name: String) -> NameRefusal? {
    let scalars = name.unicodeScalars
    if scalars.count > maximumScalars { return .tooManyCharacters }
    if name.utf8.count > maximumBytes { return .tooManyBytes }

    var script: Script?
    var hasLetter = false
    /// How many marks may stand next.
    var marksLeft = 0
    for scalar in scalars {
      guard let kind = Kind(of: scalar) else { return .character(scalar) }
      guard isPlain(scalar) else {
        return scalar.properties.isDefaultIgnorableCodePoint ? .character(scalar) : .notPlain(scalar)
      }
      switch kind {
      case .letter: (hasLetter, marksLeft) = (true, maximumMarks)
      case .digit, .punctuation: marksLeft = 0
      case .mark:
        guard marksLeft > 0 else { return .marks }
        marksLeft -= 1
      }
      if kind != .punctuation, let own = Script(of: scalar) {
        guard script == nil || script == own else { return .mixedScripts }
        script = own
      }
    }
    for case let end? in [scalars.first, scalars.last] where Kind(of: end) == .punctuation { return .edge }
    guard hasLetter else { return .noLetter }
    let key = NameKey(name)
    return key.isServer ? .reserved : key.isUserID ? .userID : nil
  }

  /// What a character is in a name; others have no place in it.
  private enum Kind {
    case letter, digit, mark, punctuation

    init?(of scalar: Unicode.Scalar) {
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
        guard !NameRule.isUnsuited(scalar) else { return nil }
        self = .letter
      case .decimalNumber: self = .digit
      case .nonspacingMark, .spacingMark: self = .mark
      case _ where scalar == "_" || scalar == "-" || scalar == ".": self = .punctuation
      default: return nil
      }
    }
  }

  /// Whether a letter is nearly always something else to the eye: it looks like a colon, a quotation mark, a line, or, with
  /// its whole script, like Latin capitals. Beyond the first plane only Han, Chakma and Adlam are written today.
  private static func isUnsuited(_ letter: Unicode.Scalar) -> Bool {
    switch letter.value {
    case 0x01C0...0x01C3, 0x02B0...0x02FF, 0x0640, 0x07FA: true
    case 0x2C80...0x2CFF, 0xA4D0...0xA4FF, 0xA700...0xA71F, 0xA788...0xA78F: true
    case 0x11100...0x1114F, 0x1E900...0x1E95F: false
    case 0x10000...0x1FFFF: true
    default: false
    }
  }

  /// Whether compatibility folding leaves the character as it is, apart from its case. The exceptions are letters of every
  /// day: `NameKey` folds those of German, Greek and Armenian, and spells out those of Thai and Lao.
  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.lowercaseMapping.unicodeScalars.allSatisfy {
      switch $0 {
      case "ß", "ς", "և", "\u{0E33}", "\u{0EB3}": true
      default: !$0.properties.changesWhenNFKCCaseFolded
      }
    }
  }
}
