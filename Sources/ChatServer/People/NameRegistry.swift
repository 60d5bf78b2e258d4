import ChatWire

/// Who is called what. Each member has a default name, kept for it as long as it is here, and may have chosen another one.
/// No two members have the same name at any moment, nor ones that look the same.
///
/// Default names cannot clash with chosen ones, because these have a letter and no `@`. What a plain member costs is a few
/// bytes in `ports` and `numbers`; the rest is for those with other names.
struct NameRegistry {
  private struct Chosen {
    let name: MemberName
    let key: NameKey
  }

  /// The members whose default name is a port, or the number of a connection that could be one.
  private var holderOfNumber: [UInt16: Token] = [:]
  /// These numbers, by the slots of their members.
  private var numberOfSlot: [UInt16?] = []
  /// All other default names: `54321@10.0.0.2`, and the numbers of connections beyond 65535.
  private var holderOfLongDefault: [MemberName: Token] = [:]
  private var longDefaults: [Token: MemberName] = [:]
  /// The names that members chose.
  private var chosen: [Token: Chosen] = [:]
  /// The same, by either part of their keys.
  private var holderOfFolding: [String: Token] = [:]
  private var holderOfLook: [String: Token] = [:]
  /// The number that the next connection on a Unix socket gets, if no member has it.
  private var nextConnectionNumber = 1

  /// Gives a member that joins its default name: the port, with the host if another member has that number, and with a count
  /// if even that is not enough.
  ///
  /// - Parameter host: a numeric address; the colons of IPv6 become `-`.
  mutating func join(_ token: Token, port: UInt16, host: String) -> MemberName {
    let number = MemberName(port: port)
    if holderOfNumber[port] == nil {
      hold(port, by: token)
      return number
    }
    let base = number.bytes + [UInt8(ascii: "@")] + host.utf8.map { $0 == UInt8(ascii: ":") ? UInt8(ascii: "-") : $0 }
    var name = MemberName(bytes: base)
    var count = 2
    while holderOfLongDefault[name] != nil {
      name = MemberName(bytes: base + "-\(count)".utf8)
      count += 1
    }
    hold(name, by: token)
    return name
  }

  /// Gives a member that joins on a Unix socket its default name: the next number that no member has.
  mutating func joinOnUnixSocket(_ token: Token) -> MemberName {
    while let port = UInt16(exactly: nextConnectionNumber), holderOfNumber[port] != nil { nextConnectionNumber += 1 }
    let name = MemberName(connectionNumber: nextConnectionNumber)
    if let number = UInt16(exactly: nextConnectionNumber) {
      hold(number, by: token)
    } else {
      hold(name, by: token)
    }
    nextConnectionNumber += 1
    return name
  }

  /// Frees all names of a member.
  mutating func leave(_ token: Token) {
    release(token)
    if let name = longDefaults.removeValue(forKey: token) {
      holderOfLongDefault[name] = nil
    } else if let number = number(of: token) {
      holderOfNumber[number] = nil
      numberOfSlot[Int(token.slot)] = nil
    }
  }

  /// Gives a member the name that it asks for, in place of the one that it chose before. Its default name takes it back to
  /// that. A refusal changes nothing.
  ///
  /// - Returns: what the member is called now.
  mutating func claim(_ bytes: ArraySlice<UInt8>, for token: Token) -> Result<MemberName, NameRefusal> {
    if let own = defaultName(of: token), own.bytes[...] == bytes {
      release(token)
      return .success(own)
    }
    return NameRule.name(from: bytes).flatMap { name in
      let key = NameKey(name.description)
      guard isFree(key, for: token) else { return .failure(.taken(suggestion: suggestion(like: name, for: token))) }
      release(token)
      chosen[token] = Chosen(name: name, key: key)
      holderOfFolding[key.folding] = token
      holderOfLook[key.look] = token
      return .success(name)
    }
  }

  /// Takes a member back to its default name.
  ///
  /// - Returns: that name; nil if the member goes by it already.
  mutating func giveBack(_ token: Token) -> MemberName? { release(token) ? defaultName(of: token) : nil }

  /// Who has a name, chosen or default. Case does not matter; a name that only looks the same is nobody's.
  func holder(of bytes: ArraySlice<UInt8>) -> Token? {
    let name = MemberName(bytes: Array(bytes))
    if let port = UInt16(name.description), MemberName(port: port) == name { return holderOfNumber[port] }
    if let token = holderOfLongDefault[name] { return token }
    guard case .success(let name) = NameRule.name(from: bytes) else { return nil }
    return holderOfFolding[NameKey(name.description).folding]
  }

  /// The name that a member chose; nil while it goes by its default name.
  func chosenName(of token: Token) -> MemberName? { chosen[token]?.name }

  /// What a member is called; nil if it is not here.
  func name(of token: Token) -> MemberName? { chosen[token]?.name ?? defaultName(of: token) }

  private func number(of token: Token) -> UInt16? {
    let slot = Int(token.slot)
    guard slot < numberOfSlot.count, let number = numberOfSlot[slot], holderOfNumber[number] == token else {
      return nil
    }
    return number
  }

  private func defaultName(of token: Token) -> MemberName? {
    longDefaults[token] ?? number(of: token).map { MemberName(port: $0) }
  }

  private mutating func hold(_ number: UInt16, by token: Token) {
    let slot = Int(token.slot)
    while numberOfSlot.count <= slot { numberOfSlot.append(nil) }
    numberOfSlot[slot] = number
    holderOfNumber[number] = token
  }

  private mutating func hold(_ name: MemberName, by token: Token) {
    holderOfLongDefault[name] = token
    longDefaults[token] = name
  }

  /// Frees the name that a member chose, if any.
  @discardableResult
  private mutating func release(_ token: Token) -> Bool {
    guard let old = chosen.removeValue(forKey: token) else { return false }
    holderOfFolding[old.key.folding] = nil
    holderOfLook[old.key.look] = nil
    return true
  }

  /// Whether nobody but this member has a name with either part of the key.
  private func isFree(_ key: NameKey, for token: Token) -> Bool {
    [holderOfFolding[key.folding], holderOfLook[key.look]].allSatisfy { $0 == nil || $0 == token }
  }

  /// A free name made of this one and a number. After a few small ones the number is the member's own, and goes on from
  /// there, so that somebody who has taken a long row of them hardly makes this take long.
  private func suggestion(like name: MemberName, for token: Token) -> MemberName {
    var number = 2
    while true {
      let candidate = Self.numbered(name.description, number)
      if isFree(NameKey(candidate.description), for: token) { return candidate }
      number = number == 9 ? 10 + Int(token.slot) : number + 1
    }
  }

  /// The name with a number behind it, shortened if need be. Of a name whose only letter stood at its end nothing is left.
  private static func numbered(_ name: String, _ number: Int) -> MemberName {
    let ending = String(number)
    var stem = name
    while stem.unicodeScalars.count + ending.utf8.count > NameRule.maximumScalars
      || stem.utf8.count + ending.utf8.count > NameRule.maximumBytes
    {
      stem.unicodeScalars.removeLast()
    }
    if case .success(let numbered) = NameRule.name(from: Array((stem + ending).utf8)[...]) { return numbered }
    return MemberName(bytes: Array("guest\(ending)".utf8))
  }
}
