import ChatWire

/// What is known of a member that uses commands. Others have none.
struct Profile {
  /// Why it is away, safe to show; nil while it is not.
  var away: String?
  /// Whom it ignores, in the order in which it asked for that.
  var ignored: [Ignored] = []
  /// Who sent it the last private line.
  var lastPartner: Token?
  var isOperator = false
  var mute = Mute.none

  enum Mute: Equatable {
    case none
    case forEver
    case until(Moment)
  }

  /// A name that a member ignores. It stands for who has it now, by whatever name that one goes later; once that one has
  /// left, for who takes the name next.
  struct Ignored {
    /// The name as the member gave it, safe to show.
    let name: MemberName
    var holder: Token?
    /// The name as it is compared. Made once, because every name that somebody takes is compared with all of these.
    let folding: String

    init(name: MemberName, holder: Token?) {
      self.name = name
      self.holder = holder
      folding = NameKey(name.description).folding
    }
  }

  /// Names that a member can ignore.
  static let maximumIgnored = 100
}

extension Profile: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (away, ignored, lastPartner) = (try reader.read(), try reader.read(), try reader.read())
    (isOperator, mute) = (try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) { writer.write(away, ignored, lastPartner, isOperator, mute) }
}

extension Profile.Mute: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .none
    case 1: self = .forEver
    case 2: self = .until(try reader.read())
    case let tag: throw reader.unknown(tag, "kind of mute")
    }
  }

  func write(to writer: inout StateWriter) {
    switch self {
    case .none: writer.write(UInt8(0))
    case .forEver: writer.write(UInt8(1))
    case .until(let end): writer.write(UInt8(2), end)
    }
  }
}

extension Profile.Ignored: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (name, holder, folding) = (try reader.read(), try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) { writer.write(name, holder, folding) }
}
