import ChatRedis
import ChatWire

/// Who is in the room, by name, and what they want of each other. It knows no socket: what a command asks for is a list of
/// effects.
struct People {
  private(set) var names = NameRegistry()
  /// Those of the room whose connection is at another server. Of what is kept here of a member, these have a name, and may be
  /// ignored; the rest is with their server.
  private(set) var others = RemoteMembers()
  private var profiles: [Token: Profile] = [:]
  /// Those that ignore somebody.
  private var ignorers: Set<Token> = []
  /// Members that are muted.
  private var mutedCount = 0
  /// Seconds between two lines of a member; 0 for no such limit.
  private(set) var slowSeconds = 0
  /// When each member last said something, while `slowSeconds` counts.
  private var lastSaid: [Token: Moment] = [:]

  // MARK: Coming and going

  /// A member joins, from a port of a host.
  /// - Returns: its default name, and what that changes for those who ignore somebody of that name.
  mutating func join(_ token: Token, port: UInt16, host: String) -> (MemberName, [Effect]) {
    let name = names.join(token, port: port, host: host)
    return (name, bindIgnored(to: name, token))
  }

  /// A member joins on a Unix socket.
  mutating func join(_ token: Token, as login: Login) -> (MemberName, [Effect]) {
    let name = names.join(token, as: login)
    return (name, bindIgnored(to: name, token))
  }

  /// The login of a user, whose name is kept for that user from now on.
  /// - Parameter login: what the system calls the user; nil if that is not known.
  mutating func login(of userID: UInt32, called login: [UInt8]?) -> Login { names.login(of: userID, called: login) }

  mutating func leave(_ token: Token) {
    names.leave(token)
    if let profile = profiles.removeValue(forKey: token), profile.mute != .none { mutedCount -= 1 }
    ignorers.remove(token)
    lastSaid[token] = nil
    for ignorer in ignorers {
      for index in profiles[ignorer, default: Profile()].ignored.indices
      where profiles[ignorer]?.ignored[index].holder == token {
        profiles[ignorer]?.ignored[index].holder = nil
      }
    }
  }

  func name(of token: Token) -> MemberName { names.name(of: token) ?? MemberName(bytes: []) }

  func away(_ token: Token) -> String? { profiles[token]?.away }
  func isOperator(_ token: Token) -> Bool { profiles[token]?.isOperator ?? false }

  func isMuted(_ token: Token, at now: Moment) -> Bool {
    switch profiles[token]?.mute ?? .none {
    case .none: false
    case .forEver: true
    case .until(let end): now < end
    }
  }

  /// Those that ignore `token`.
  func ignorers(of token: Token) -> [Token] {
    ignorers.filter { profiles[$0]?.ignored.contains { $0.holder == token } ?? false }
  }

  // MARK: Members of other servers

  /// A member of another server has come, or is told of again.
  /// - Returns: its token, and what its name changes for those who ignore somebody of that name.
  mutating func joinElsewhere(_ id: MemberID, _ person: Person) -> (Token, [Effect]) {
    let token = others.join(id, person)
    return (token, assign(person.name, to: token))
  }

  mutating func leaveElsewhere(_ token: Token) {
    leave(token)
    others.leave(token)
  }

  /// The token of one that has sent something from another server, whether or not it is known to be in the room.
  mutating func sender(_ id: MemberID) -> Token { others.sender(id) }

  /// The default names that a member may get that comes from a port of a host, the best first.
  func defaultNames(port: UInt16, host: String) -> DefaultNames { names.defaultNames(port: port, host: host) }

  /// Those that a member may get that comes on a Unix socket.
  mutating func defaultNames(of token: Token, as login: Login) -> DefaultNames {
    names.note(login, of: token)
    return DefaultNames(login)
  }

  // MARK: Names

  /// Gives a member the name that it asks for, or its default name.
  mutating func rename(_ token: Token, to wanted: [UInt8]?) -> [Effect] {
    let old = name(of: token)
    switch judge(token, wanting: wanted) {
    case .failure(let reply): return [.reply(reply)]
    case .success(let new): return [.rename(from: old, to: new)] + assign(new, to: token)
    }
  }

  /// What a member would be called that asks for a name, or for its default name, as far as is known here; or why it keeps the
  /// one that it has.
  func judge(_ token: Token, wanting wanted: [UInt8]?) -> Result<MemberName, Reply> {
    let old = name(of: token)
    let new: MemberName
    if let wanted {
      switch names.judge(wanted[...], for: token) {
      case .failure(let refusal): return .failure(.nameRefused(refusal))
      case .success(let name): new = name
      }
    } else {
      new = names.defaultName(of: token) ?? old
    }
    return new == old ? .failure(.alreadyCalled(new)) : .success(new)
  }

  /// A name was decided to be the member's own.
  /// - Returns: what that changes for those who ignore somebody of that name.
  mutating func assign(_ name: MemberName, to token: Token) -> [Effect] {
    if token.isRemote { others.rename(token, to: name) }
    names.assign(name, to: token)
    return bindIgnored(to: name, token)
  }

  /// Lets those who ignore this name ignore who has it now.
  private mutating func bindIgnored(to name: MemberName, _ token: Token) -> [Effect] {
    if ignorers.isEmpty { return [] }
    let folding = NameKey(name.description).folding
    var effects: [Effect] = []
    for ignorer in ignorers where ignorer != token {
      guard
        let index = profiles[ignorer]?.ignored.firstIndex(where: { $0.holder == nil && $0.folding == folding })
      else { continue }
      profiles[ignorer]?.ignored[index].holder = token
      effects.append(.hide(token, from: ignorer))
    }
    return effects
  }

  /// What is shown of a name that somebody typed.
  static func shown(_ name: [UInt8]) -> String {
    String(decoding: SafeText.made(from: Array(name.prefix(64))), as: UTF8.self)
  }

  // MARK: Private lines

  /// Says `text` to one member alone.
  mutating func whisper(_ text: [UInt8], to name: [UInt8], by asker: Token) -> [Effect] {
    guard let reader = names.holder(of: name[...]) else { return [.reply(.nobodyCalled(Self.shown(name)))] }
    return whisper(text, to: reader, by: asker)
  }

  mutating func reply(_ text: [UInt8], by asker: Token) -> [Effect] {
    guard let partner = profiles[asker]?.lastPartner else { return [.reply(.nobodyToReplyTo)] }
    guard names.name(of: partner) != nil else { return [.reply(.partnerLeft)] }
    return whisper(text, to: partner, by: asker)
  }

  private mutating func whisper(_ text: [UInt8], to reader: Token, by asker: Token) -> [Effect] {
    ignores(asker, viewer: reader)
      ? [.reply(.ignoresYou(name(of: reader)))] : [.deliver(to: reader, text: text)]
  }

  func ignores(_ other: Token, viewer: Token) -> Bool {
    profiles[viewer]?.ignored.contains { $0.holder == other } ?? false
  }

  /// A private line has been put into its reader's stream.
  mutating func noteDelivered(from sender: Token, to reader: Token) {
    profiles[reader, default: Profile()].lastPartner = sender
  }

  // MARK: What a member wants to see, and what is seen of it

  mutating func ignore(_ wanted: [UInt8], by asker: Token) -> [Effect] {
    guard let other = names.holder(of: wanted[...]) else { return ignoreAbsent(wanted, by: asker) }
    if other == asker { return [.reply(.yourself)] }
    let name = name(of: other)
    var profile = profiles[asker, default: Profile()]
    if !profile.ignored.contains(where: { $0.holder == other }) {
      guard profile.ignored.count < Profile.maximumIgnored else {
        return [.reply(.tooManyIgnored(maximum: Profile.maximumIgnored))]
      }
      let new = Profile.Ignored(name: name, holder: other)
      profile.ignored.removeAll { $0.holder == nil && $0.folding == new.folding }
      profile.ignored.append(new)
      profiles[asker] = profile
      ignorers.insert(asker)
    }
    return [.hide(other, from: asker), .reply(.ignoring(name))]
  }

  /// A name that nobody has is ignored from when somebody takes it; a number is another member's the next time.
  private mutating func ignoreAbsent(_ wanted: [UInt8], by asker: Token) -> [Effect] {
    guard case .success(let name) = NameRule.name(from: wanted[...]) else {
      return [.reply(.nobodyHere(Self.shown(wanted)))]
    }
    var profile = profiles[asker, default: Profile()]
    let new = Profile.Ignored(name: name, holder: nil)
    if !profile.ignored.contains(where: { $0.holder == nil && $0.folding == new.folding }) {
      guard profile.ignored.count < Profile.maximumIgnored else {
        return [.reply(.tooManyIgnored(maximum: Profile.maximumIgnored))]
      }
      profile.ignored.append(new)
      profiles[asker] = profile
      ignorers.insert(asker)
    }
    return [.reply(.ignoringAbsent(name))]
  }

  mutating func stopIgnoring(_ wanted: [UInt8], by asker: Token) -> [Effect] {
    let holder = names.holder(of: wanted[...])
    // Folding a long text takes long, and nobody has a name of that length.
    let folding =
      wanted.count <= 3 * NameRule.maximumBytes ? NameKey(String(decoding: wanted, as: UTF8.self)).folding : nil
    guard
      let index = profiles[asker]?.ignored.firstIndex(where: {
        holder != nil && $0.holder == holder || $0.folding == folding
      }), let entry = profiles[asker]?.ignored.remove(at: index)
    else { return [.reply(.notIgnoring(Self.shown(wanted)))] }
    if profiles[asker]?.ignored.isEmpty ?? true { ignorers.remove(asker) }
    return (entry.holder.map { [.show($0, to: asker)] } ?? []) + [.reply(.listensAgain("\(entry.name)"))]
  }

  func ignoredNames(of asker: Token) -> [String] {
    (profiles[asker]?.ignored ?? []).map { entry in
      guard let holder = entry.holder, name(of: holder) != entry.name else { return "\(entry.name)" }
      return "\(entry.name) (now \(name(of: holder)))"
    }
  }

  /// - Parameter text: as it was sent; nil if the member is back.
  mutating func setAway(_ text: [UInt8]?, by asker: Token) -> [Effect] {
    profiles[asker, default: Profile()].away = text.map {
      String(decoding: SafeText.made(from: Array($0.prefix(Self.maximumAwayBytes))), as: UTF8.self)
    }
    return [.reply(text == nil ? .back : .away)]
  }
  private static let maximumAwayBytes = 200

  // MARK: Order

  mutating func makeOperator(_ token: Token) { profiles[token, default: Profile()].isOperator = true }

  mutating func mute(_ token: Token, _ mute: Profile.Mute) {
    let before = profiles[token]?.mute ?? .none
    profiles[token, default: Profile()].mute = mute
    mutedCount += (mute == .none ? 0 : 1) - (before == .none ? 0 : 1)
  }

  mutating func setSlow(seconds: Int) {
    slowSeconds = seconds
    lastSaid = [:]
  }

  /// Whether `refusalToSpeak` has to be asked at all.
  var restrictsSpeech: Bool { mutedCount > 0 || slowSeconds > 0 }

  /// Why a member may not speak now; nil if it may.
  mutating func refusalToSpeak(_ token: Token, at now: Moment) -> Reply? {
    switch profiles[token]?.mute ?? .none {
    case .none: break
    case .forEver: return .muted(seconds: nil)
    case .until(let end):
      if now < end { return .muted(seconds: Self.seconds(from: now, to: end)) }
      mute(token, .none)
    }
    guard slowSeconds > 0, !isOperator(token), let last = lastSaid[token], now < last + .seconds(slowSeconds) else {
      return nil
    }
    return .slow(secondsLeft: Self.seconds(from: now, to: last + .seconds(slowSeconds)))
  }

  /// A member has said something: its next wait begins.
  mutating func noteSaid(_ token: Token, at now: Moment) {
    if slowSeconds > 0, !isOperator(token) { lastSaid[token] = now }
  }

  private static func seconds(from now: Moment, to end: Moment) -> Int {
    Int((end.nanoseconds - now.nanoseconds + 999_999_999) / 1_000_000_000)
  }
}

extension People: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (names, others, profiles) = (try reader.read(), try reader.read(), try reader.read())
    (slowSeconds, lastSaid) = (try reader.read(), try reader.read())
    for (token, profile) in profiles {
      if !profile.ignored.isEmpty { ignorers.insert(token) }
      if profile.mute != .none { mutedCount += 1 }
    }
    guard (0...Term.maximumSeconds).contains(slowSeconds) else { throw .impossible("nobody is that slow") }
  }

  func write(to writer: inout StateWriter) { writer.write(names, others, profiles, slowSeconds, lastSaid) }
}
