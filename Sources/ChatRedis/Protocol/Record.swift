import ChatWire

/// A change of who is in the room and of its rules, as every server reads it at the same place between what is said.
///
/// In an entry it is a line that begins with NUL, which no line that is said does.
package enum Record: Hashable, Sendable {
  /// A member came, or its server tells of it again because Redis has lost what it knew.
  case joined(MemberID, Person)
  case renamed(MemberID, to: MemberName)
  case left(MemberID)
  /// A server has gone, and all its members with it.
  case serverGone(ServerID)
  /// A ban as it stands in a file of bans.
  case banned(line: String)
  case unbanned(target: String)
  /// The member is to be put out by its server.
  case kicked(MemberID, saying: String)
  /// Nil for as long as it is here; 0 if it may speak again.
  case muted(MemberID, seconds: Int?)
  case slow(seconds: Int)

  static let marker: UInt8 = 0

  /// With its marker and its newline. The text between is safe to show, and so is one line, whatever it was made of.
  package var line: [UInt8] {
    let words: [String]
    switch self {
    case .joined(let id, let person): words = ["join", "\(id)", "\(person.name)", "\(person.joinedAt)", person.place]
    case .renamed(let id, let name): words = ["name", "\(id)", "\(name)"]
    case .left(let id): words = ["left", "\(id)"]
    case .serverGone(let server): words = ["gone", "\(server)"]
    case .banned(let line): words = ["ban", line]
    case .unbanned(let target): words = ["unban", target]
    case .kicked(let id, let text): words = ["kick", "\(id)", text]
    case .muted(let id, let seconds): words = ["mute", "\(id)", seconds.map { "\($0)" } ?? "-"]
    case .slow(let seconds): words = ["slow", "\(seconds)"]
    }
    var line = [Self.marker]
    SafeText.append(Array(words.joined(separator: " ").utf8).span, to: &line)
    line.append(UInt8(ascii: "\n"))
    return line
  }

  /// - Parameter line: with its marker and without its newline; nil for anything that no server writes.
  package init?(parsing line: ArraySlice<UInt8>) {
    guard line.first == Self.marker, let text = String(validating: line.dropFirst(), as: UTF8.self) else { return nil }
    var rest = text[...]
    func word() -> Substring {
      let word = rest.prefix { $0 != " " }
      rest = rest[word.endIndex...].dropFirst()
      return word
    }
    let kind = word()
    switch kind {
    case "join":
      guard let id = MemberID(parsing: word()), let name = Self.name(word()), let minute = Int32(word()) else {
        return nil
      }
      self = .joined(id, Person(name: name, place: String(rest), joinedAt: minute))
    case "name":
      guard let id = MemberID(parsing: word()), let name = Self.name(word()), rest.isEmpty else { return nil }
      self = .renamed(id, to: name)
    case "left":
      guard let id = MemberID(parsing: rest) else { return nil }
      self = .left(id)
    case "gone":
      guard let server = ServerID(parsing: rest) else { return nil }
      self = .serverGone(server)
    case "ban": self = .banned(line: String(rest))
    case "unban": self = .unbanned(target: String(rest))
    case "kick":
      guard let id = MemberID(parsing: word()) else { return nil }
      self = .kicked(id, saying: String(rest))
    case "mute":
      guard let id = MemberID(parsing: word()) else { return nil }
      if rest == "-" {
        self = .muted(id, seconds: nil)
      } else if let seconds = Int(rest).flatMap(Self.seconds) {
        self = .muted(id, seconds: seconds)
      } else {
        return nil
      }
    case "slow":
      guard let seconds = Int(rest).flatMap(Self.seconds) else { return nil }
      self = .slow(seconds: seconds)
    default: return nil
    }
  }

  /// What a mute or a pace may last; nil for what nobody can ask for, and no clock can be set to.
  static func seconds(_ number: Int) -> Int? { (0...Term.maximumSeconds).contains(number) ? number : nil }

  private static func name(_ word: Substring) -> MemberName? {
    word.isEmpty || word.contains(":") ? nil : MemberName(bytes: Array(word.utf8))
  }
}

/// As other servers read it.
extension Record: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    guard let record = Record(parsing: try reader.read([UInt8].self)[...]) else {
      throw .impossible("a record of the room is unknown")
    }
    self = record
  }

  package func write(to writer: inout StateWriter) { writer.write(line.dropLast()) }
}
