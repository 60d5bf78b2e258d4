import ChatWire

/// Who is called what. Each member has a default name, kept for it as long as it is here, and may have chosen another one.
/// No two members have the same name at any moment, nor ones that look the same.
///
/// A member on a Unix socket has its login for a default name, which is kept for it, so that nobody chooses it. Other default
/// names cannot clash with chosen ones, because these have a letter and no `@`. What a plain member costs is a few bytes in two
/// tables of numbers; the rest is for those with other names.
///
/// Where several servers share the room they decide together who has a name, and this takes in what they decided: members of
/// other servers are here as well, and one who chose a name before this server knew it has no default name.
struct NameRegistry {
  fileprivate struct Chosen {
    let name: MemberName
    let key: NameKey
  }

  /// The members whose default name is a port.
  private var holderOfNumber: [UInt16: Token] = [:]
  /// These numbers, by the slots of their members: of this server, and of others.
  private var numberOfSlot: [UInt16?] = []
  private var numberOfRemoteSlot: [UInt16?] = []
  /// All other default names: `54321@10.0.0.2`, `54321-2`, `alice`, `alice/2`.
  private var holderOfLongDefault: [MemberName: Token] = [:]
  private var longDefaults: [Token: MemberName] = [:]
  /// The names that members chose.
  private var chosen: [Token: Chosen] = [:]
  /// The same, by either part of their keys.
  private var holderOfFolding: [String: Token] = [:]
  private var holderOfLook: [String: Token] = [:]
  private(set) var logins = Logins()
  /// For logins, the least count with which their name may be free.
  private var firstFreeCount: [MemberName: Int] = [:]

  // MARK: Default names

  /// Gives a member that joins its default name: the port, with the host if another member has that number, and with a count
  /// if even that is not enough.
  ///
  /// - Parameter host: a numeric address; the colons of IPv6 become `-`.
  mutating func join(_ token: Token, port: UInt16, host: String) -> MemberName {
    var names = defaultNames(port: port, host: host)
    let name = nextFree(of: &names, for: token)
    hold(name, by: token)
    return name
  }

  /// Gives a member that joins on a Unix socket its default name: its login, with the least count that is free if it is here
  /// already.
  mutating func join(_ token: Token, as login: Login) -> MemberName {
    logins.note(login, of: token)
    var names = DefaultNames(login)
    let name = nextFree(of: &names, for: token)
    hold(name, by: token)
    firstFreeCount[login.name] = names.count + 1
    return name
  }

  /// The login of a user, whose name is kept for that user from now on.
  /// - Parameter login: what the system calls the user; nil if that is not known.
  mutating func login(of userID: UInt32, called login: [UInt8]?) -> Login { logins.login(of: userID, called: login) }

  /// Notes the login of a member that is to be given a name later.
  mutating func note(_ login: Login, of token: Token) { logins.note(login, of: token) }

  /// The default names that a member may get that joins from a port of a host.
  func defaultNames(port: UInt16, host: String) -> DefaultNames {
    let number = MemberName(port: port)
    guard let holder = holderOfNumber[port], !holder.isRemote else { return DefaultNames(number) }
    let place = host.utf8.map { $0 == UInt8(ascii: ":") ? UInt8(ascii: "-") : $0 }
    return DefaultNames(MemberName(bytes: number.bytes + [UInt8(ascii: "@")] + place))
  }

  /// The default names that a member may get whose own has become another's.
  func defaultNames(replacing name: MemberName, of token: Token) -> DefaultNames {
    logins[token].map { DefaultNames($0) } ?? DefaultNames(replacing: name)
  }

  /// The next one that nobody else has, as far as is known here.
  func nextFree(of names: inout DefaultNames, for token: Token) -> MemberName {
    if let count = firstFreeCount[names.first] { names.skip(to: count) }
    while true {
      let name = names.next()
      if isFree(asDefault: name, for: token) { return name }
    }
  }

  private func isFree(asDefault name: MemberName, for token: Token) -> Bool {
    guard [nil, token].contains(holder(ofDefault: name)) else { return false }
    // Only a login without a count is a name that others could have.
    return logins[token]?.name != name || isFree(NameKey(name.description), for: token)
  }

  /// The default name of a member; nil where this server does not know it.
  func defaultName(of token: Token) -> MemberName? {
    longDefaults[token] ?? number(of: token).map { MemberName(port: $0) }
  }

  // MARK: Coming, going, and other names

  /// Frees all names of a member.
  mutating func leave(_ token: Token) {
    release(token)
    releaseDefault(of: token)
    logins.leave(token)
  }

  /// Has a member go by a name that was decided to be its own. It is taken from who has it, because this server may not have
  /// heard yet that that one has given it up.
  mutating func assign(_ name: MemberName, to token: Token) {
    release(token)
    if name.isChosen, !isOwnLogin(name, of: token) {
      choose(name, NameKey(name.description), for: token)
    } else if defaultName(of: token) != name {
      releaseDefault(of: token)
      hold(name, by: token)
    }
  }

  /// Whether a name is the login that a member is called by default.
  private func isOwnLogin(_ name: MemberName, of token: Token) -> Bool {
    logins[token]?.name == name && [nil, name].contains(defaultName(of: token))
  }

  /// Members that chose a name before its login came, or one that looks the same.
  func usurpers(of login: Login) -> [Token] {
    let key = NameKey(login.name.description)
    let holders = Set([holderOfFolding[key.folding], holderOfLook[key.look]].compactMap(\.self))
    return holders.filter { logins[$0]?.userID != login.userID }.sorted { $0.bits < $1.bits }
  }

  /// Whether a name that a member may have is its login's.
  func isProven(_ name: MemberName, for token: Token) -> Bool {
    name == defaultName(of: token) || !logins.owners(of: NameKey(name.description)).isEmpty
  }

  /// Whether a member has its name alone, as far as is known here, and none that looks the same is another's.
  func isUndisputed(_ token: Token) -> Bool {
    if let chosen = chosen[token] { return isFree(chosen.key, for: token) }
    return defaultName(of: token).map { holder(ofDefault: $0) == token && isFree(asDefault: $0, for: token) } ?? false
  }

  /// What a member would be called if it asked for a name, as far as is known here.
  func judge(_ bytes: ArraySlice<UInt8>, for token: Token) -> Result<MemberName, NameRefusal> {
    if let own = defaultName(of: token), own.bytes[...] == bytes { return .success(own) }
    return NameRule.name(from: bytes).flatMap { name in
      let key = NameKey(name.description)
      if isKept(key, from: token) { return .failure(.login) }
      return isFree(key, for: token) ? .success(name) : .failure(taken(name, for: token))
    }
  }

  /// That another member has a name, and which one this member could have in its place.
  func taken(_ name: MemberName, for token: Token) -> NameRefusal {
    .taken(suggestion: suggestion(like: name, for: token))
  }

  // MARK: Who is called what

  /// Who has a name, chosen or default. Case does not matter but before a count; a name that only looks the same is nobody's.
  func holder(of bytes: ArraySlice<UInt8>) -> Token? {
    if let token = holder(ofDefault: MemberName(bytes: Array(bytes))) { return token }
    guard case .success(let name) = NameRule.name(from: bytes) else { return nil }
    let folding = NameKey(name.description).folding
    return holderOfFolding[folding] ?? logins.owner(ofFolding: folding).flatMap { holderOfLongDefault[$0.name] }
  }

  /// The keys that a member has of the room that several servers share, by which nobody else gets its names.
  func keys(of token: Token) -> [String] { [defaultName(of: token), chosenName(of: token)].flatMap { $0?.keys ?? [] } }

  /// The name that a member chose; nil while it goes by its default name.
  func chosenName(of token: Token) -> MemberName? { chosen[token]?.name }

  /// What a member is called; nil if it is not here.
  func name(of token: Token) -> MemberName? { chosen[token]?.name ?? defaultName(of: token) }

  private func holder(ofDefault name: MemberName) -> Token? {
    if let number = Self.number(name) { return holderOfNumber[number] }
    return holderOfLongDefault[name]
  }

  /// The number that a default name is, if it could be a port.
  private static func number(_ name: MemberName) -> UInt16? {
    guard let number = UInt16(name.description), MemberName(port: number) == name else { return nil }
    return number
  }

  private func number(of token: Token) -> UInt16? {
    let numbers = token.isRemote ? numberOfRemoteSlot : numberOfSlot
    let index = token.slotIndex
    guard index < numbers.count, let number = numbers[index], holderOfNumber[number] == token else { return nil }
    return number
  }

  private mutating func setNumber(_ number: UInt16?, of token: Token) {
    func set(in numbers: inout [UInt16?]) {
      while numbers.count <= token.slotIndex { numbers.append(nil) }
      numbers[token.slotIndex] = number
    }
    if token.isRemote { set(in: &numberOfRemoteSlot) } else { set(in: &numberOfSlot) }
  }

  private mutating func hold(_ name: MemberName, by token: Token) {
    if let number = Self.number(name) {
      if let other = holderOfNumber[number], other != token {
        // It is called so until it has another name.
        setNumber(nil, of: other)
        longDefaults[other] = name
      }
      setNumber(number, of: token)
      holderOfNumber[number] = token
    } else {
      holderOfLongDefault[name] = token
      longDefaults[token] = name
    }
  }

  private mutating func releaseDefault(of token: Token) {
    if let name = longDefaults.removeValue(forKey: token) {
      if holderOfLongDefault[name] == token { holderOfLongDefault[name] = nil }
      let (login, count) = DefaultNames.parts(of: name)
      if let first = firstFreeCount[login] { firstFreeCount[login] = min(first, count) }
    } else if let number = number(of: token) {
      holderOfNumber[number] = nil
      setNumber(nil, of: token)
    }
  }

  private mutating func choose(_ name: MemberName, _ key: NameKey, for token: Token) {
    chosen[token] = Chosen(name: name, key: key)
    holderOfFolding[key.folding] = token
    holderOfLook[key.look] = token
  }

  /// Frees the name that a member chose, if any.
  private mutating func release(_ token: Token) {
    guard let old = chosen.removeValue(forKey: token) else { return }
    if holderOfFolding[old.key.folding] == token { holderOfFolding[old.key.folding] = nil }
    if holderOfLook[old.key.look] == token { holderOfLook[old.key.look] = nil }
    for login in logins.owners(of: old.key) { firstFreeCount[login.name] = nil }
  }

  /// Whether nobody but this member has a name with either part of the key, and none is kept from it.
  private func isFree(_ key: NameKey, for token: Token) -> Bool {
    let holders =
      [holderOfFolding[key.folding], holderOfLook[key.look]]
      + logins.owners(of: key).map { holderOfLongDefault[$0.name] }
    return holders.allSatisfy { $0 == nil || $0 == token } && !isKept(key, from: token)
  }

  /// Whether a name is another one's login, or looks like it.
  private func isKept(_ key: NameKey, from token: Token) -> Bool {
    logins.owners(of: key).contains { $0.userID != logins[token]?.userID }
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

extension MemberName {
  /// Whether a member may choose it. No default name but a login is such.
  var isChosen: Bool { if case .success = NameRule.name(from: bytes[...]) { true } else { false } }

  /// What nobody else may have in a room that several servers share. The letters keep names of different kinds apart.
  var keys: [String] {
    guard isChosen else { return ["d:\(self)"] }
    let key = NameKey(description)
    return ["f:\(key.folding)", "l:\(key.look)"]
  }
}

extension NameRegistry: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (holderOfNumber, numberOfSlot) = (try reader.read(), try reader.read())
    (numberOfRemoteSlot, holderOfLongDefault) = (try reader.read(), try reader.read())
    (longDefaults, chosen) = (try reader.read(), try reader.read())
    (holderOfFolding, holderOfLook) = (try reader.read(), try reader.read())
    (logins, firstFreeCount) = (try reader.read(), try reader.read())
    guard firstFreeCount.values.allSatisfy({ (1..<Int.max / 2).contains($0) }) else {
      throw .impossible("no connection of a login has such a number")
    }
  }

  func write(to writer: inout StateWriter) {
    writer.write(holderOfNumber, numberOfSlot, numberOfRemoteSlot, holderOfLongDefault, longDefaults, chosen)
    writer.write(holderOfFolding, holderOfLook, logins, firstFreeCount)
  }
}

extension NameRegistry.Chosen: StateCoded {
  init(from reader: inout StateReader) throws(StateError) { (name, key) = (try reader.read(), try reader.read()) }
  func write(to writer: inout StateWriter) { writer.write(name, key) }
}
