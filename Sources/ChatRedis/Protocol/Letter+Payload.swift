import ChatWire

extension Letter {
  /// As it stands in the field `p` of a box: words, the last of which may hold spaces. No name and no id does.
  package var payload: [UInt8] {
    switch self {
    case .line(let from, let name, let to, let text): Self.made("line", from, name, to) + text
    case .answer(let to, let outcome):
      switch outcome {
      case .delivered(let name): Self.made("delivered", to, name)
      case .deliveredToAway(let name, let text): Self.made("away", to, name) + Array(text.utf8)
      case .ignored(let name): Self.made("ignored", to, name)
      case .tooFarBehind(let name): Self.made("behind", to, name)
      case .gone: Self.made("gone", to)
      case .leftUnread(let name, let lines): Self.made("unread", to, name, lines)
      }
    }
  }

  private static func made(_ words: any CustomStringConvertible...) -> [UInt8] {
    words.reduce(into: []) { $0 += Array($1.description.utf8) + [UInt8(ascii: " ")] }
  }

  /// Nil for anything that no server writes.
  package init?(payload: [UInt8]) {
    guard payload.count <= Entry.maximumLineBytes, !payload.contains(UInt8(ascii: "\n")) else { return nil }
    var rest = payload[...]
    func word() -> String? {
      guard let end = rest.firstIndex(of: UInt8(ascii: " ")) else { return nil }
      defer { rest = rest[(end + 1)...] }
      return String(validating: rest[..<end], as: UTF8.self)
    }
    func member() -> MemberID? { word().flatMap { MemberID(parsing: $0) } }
    func name() -> MemberName? {
      word().flatMap { $0.isEmpty || $0.contains(":") ? nil : MemberName(bytes: Array($0.utf8)) }
    }
    let kind = word()
    guard let first = member() else { return nil }
    if kind == "gone" {
      guard rest.isEmpty else { return nil }
      self = .answer(to: first, .gone)
      return
    }
    guard let name = name() else { return nil }
    switch kind {
    case "line":
      guard let to = member() else { return nil }
      self = .line(from: first, name: name, to: to, text: Array(rest))
      return
    case "away":
      guard let text = String(validating: rest, as: UTF8.self) else { return nil }
      self = .answer(to: first, .deliveredToAway(name, text: text))
      return
    case "delivered": self = .answer(to: first, .delivered(to: name))
    case "ignored": self = .answer(to: first, .ignored(by: name))
    case "behind": self = .answer(to: first, .tooFarBehind(name))
    case "unread":
      guard let lines = word().flatMap({ Int($0) }), lines >= 0 else { return nil }
      self = .answer(to: first, .leftUnread(name, lines: lines))
    default: return nil
    }
    guard rest.isEmpty else { return nil }
  }
}

/// As other servers read it.
extension Letter: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    guard let letter = Letter(payload: try reader.read()) else {
      throw .impossible("a letter is of no kind that is known")
    }
    self = letter
  }

  package func write(to writer: inout StateWriter) { writer.write(payload) }
}
