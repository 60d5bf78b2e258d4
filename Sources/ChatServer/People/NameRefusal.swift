import ChatWire

/// Why a member does not get the name it asked for.
enum NameRefusal: Error, Equatable {
  case notText
  case tooManyCharacters
  case tooManyBytes
  /// The first character that no name has.
  case character(Unicode.Scalar)
  /// A character that compatibility folding changes: full width, a ligature, a presentation form.
  case notPlain(Unicode.Scalar)
  /// A mark (an accent, a vowel sign) without a letter before it, or one too many behind it.
  case marks
  /// One of `_ - .` is first or last.
  case edge
  case mixedScripts
  case noLetter
  /// The server's own name.
  case reserved
  /// That of a user whose login is not shown.
  case userID
  /// It is a login of this machine, or looks like one.
  case login
  /// The system did not say in time whether it is a login.
  case unchecked
  /// Another member has it, or one that looks the same.
  case taken(suggestion: MemberName)

  /// One sentence or two for the member that asked: what is wrong, and what to do.
  var text: String {
    switch self {
    case .notText: "A name is text in UTF-8."
    case .tooManyCharacters: "A name has at most \(NameRule.maximumScalars) characters."
    case .tooManyBytes: "A name has at most \(NameRule.maximumBytes) bytes. Choose a shorter one."
    case .character(let scalar):
      "A name cannot contain \(Self.shown(scalar)). It has letters and digits, and _ - . between them."
    case .notPlain(let scalar): "A name cannot contain \(Self.shown(scalar)). Use the plain form of that character."
    case .marks: "An accent in a name follows a letter, and no letter has more than \(NameRule.maximumMarks)."
    case .edge: "A name begins and ends with a letter or a digit."
    case .mixedScripts: "A name has letters of one script only, all Latin or all Greek for example."
    case .noLetter: "A name has at least one letter."
    case .reserved: "That name is kept for the server. Choose another one."
    case .userID: "Names such as uid-1000 are kept for logins. Choose another one."
    case .login: "That name belongs to a login of this machine."
    case .unchecked: "That name could not be checked; try again later."
    case .taken(let suggestion): "That name is taken, or looks like one that is. \(suggestion) is free."
    }
  }

  /// Beyond ASCII by its number, because it may be invisible, or look like a character that is allowed.
  private static func shown(_ scalar: Unicode.Scalar) -> String {
    switch scalar.value {
    case 0x20: return "a space"
    case 0x21...0x7E: return String(scalar)
    default:
      let digits = String(scalar.value, radix: 16, uppercase: true)
      return "U+" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    }
  }
}
