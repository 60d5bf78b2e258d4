import ChatRedis
import ChatWire

/// A name that a member of this server asks of all servers that share its room.
///
/// Nobody goes by it before all of them have read in the room's stream that it was granted. So one holds it at any place of the
/// stream, and everybody agrees who.
struct NameClaim {
  enum Purpose: Equatable {
    /// The member has come, and gets a default name: each in turn, until one is nobody's.
    case join
    /// It wants another name. If that is somebody's, it keeps the one it has.
    case rename
    /// The servers have lost sight of each other, and it is in the room no more as far as the others know. It comes back under
    /// its name; if somebody took that meanwhile, under a default name.
    case comeBack
  }

  let token: Token
  let purpose: Purpose
  /// What the servers are asked for now.
  private(set) var operation: Operation.Claim
  /// Whether the other servers had it gone, so that it is told that it has come back.
  var wasGone = false
  /// Default names that it may still ask for.
  private var names: DefaultNames

  static func join(_ token: Token, as id: MemberID, _ newcomer: Newcomer, in registry: NameRegistry) -> NameClaim {
    var names = newcomer.names
    let name = registry.nextFree(of: &names, for: token)
    let person = Person(name: name, place: newcomer.place, joinedAt: newcomer.joinedAt)
    return NameClaim(
      token: token, purpose: .join,
      operation: Operation.Claim(member: id, person: person, keys: name.keys, record: .joined(id, person)),
      names: names)
  }

  /// Who has come: what it may be called, from where and in which minute it came.
  struct Newcomer {
    let names: DefaultNames
    let place: String
    let joinedAt: Int32
  }

  /// - Parameters:
  ///   - person: as it is to be known. Everybody is told.
  ///   - old: what it is called.
  static func rename(
    _ token: Token, as id: MemberID, _ person: Person, from old: MemberName, in registry: NameRegistry
  ) -> NameClaim {
    let keys = person.name.keys
    let givenUp = (registry.chosenName(of: token)?.keys ?? []).filter { !keys.contains($0) }
    return NameClaim(
      token: token, purpose: .rename,
      operation: Operation.Claim(
        member: id, person: person, keys: keys, givenUp: givenUp, record: .renamed(id, to: person.name),
        announcement: Notice.renamed(old, to: person.name).line),
      names: registry.defaultNames(replacing: person.name, of: token))
  }

  /// - Parameter person: as it was known.
  static func comeBack(_ token: Token, as id: MemberID, _ person: Person, in registry: NameRegistry) -> NameClaim {
    var names = registry.defaultNames(replacing: registry.defaultName(of: token) ?? person.name, of: token)
    // Asked for now, or with the name that it chose.
    if !person.name.isChosen { _ = names.next() }
    return NameClaim(
      token: token, purpose: .comeBack,
      operation: Operation.Claim(
        member: id, person: person, keys: registry.keys(of: token), record: .joined(id, person)),
      names: names)
  }

  /// Somebody else has the name, or one of several.
  /// - Returns: whether the member is to have another one: then the servers are asked for what is in `operation` now.
  mutating func refused(in registry: NameRegistry) -> Bool {
    let name = operation.person.name
    switch purpose {
    case .rename where name.isChosen: return false
    case .comeBack where name.isChosen && operation.keys != name.keys && registry.isUndisputed(token):
      // It may be its port that is another's.
      operation.keys = name.keys
      return true
    case .join, .rename, .comeBack: break
    }
    operation.person.name = registry.nextFree(of: &names, for: token)
    let new = operation.person.name
    operation.keys = new.keys
    let old = registry.name(of: token)
    if purpose == .rename {
      operation.record = .renamed(operation.member, to: new)
      operation.announcement = old.map { Notice.renamed($0, to: new).line }
    } else {
      operation.record = .joined(operation.member, operation.person)
      // Not as `renamed` would say it, because somebody else is called that.
      operation.announcement = old.flatMap {
        $0 == new ? nil : ServerLine.notice("\($0), who was cut off, is \(new) now.")
      }
    }
    return true
  }
}

extension NameClaim: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (token, purpose, operation) = (try reader.read(), try reader.read(), try reader.read())
    (wasGone, names) = (try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) { writer.write(token, purpose, operation, wasGone, names) }
}

extension NameClaim.Purpose: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .join
    case 1: self = .rename
    case 2: self = .comeBack
    case let tag: throw reader.unknown(tag, "purpose of a claim")
    }
  }

  func write(to writer: inout StateWriter) {
    switch self {
    case .join: writer.write(UInt8(0))
    case .rename: writer.write(UInt8(1))
    case .comeBack: writer.write(UInt8(2))
    }
  }
}
