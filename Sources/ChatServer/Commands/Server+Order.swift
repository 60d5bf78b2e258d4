import ChatWire

/// What operators do to keep order. Each act is in the server's log.
extension Server {
  func becomeOperator(_ connection: Connection, _ token: [UInt8]) -> [Effect] {
    guard let secret = moderation.operatorToken else {
      return [.reply(configuration.operators.isEmpty ? .noOperators : .operatorsByLogin)]
    }
    guard secret.matches(token.span) else {
      let record = "\(connection.name) at \(connection.label.place) gave a wrong operator token"
      return [.record(record), .reply(.wrongToken)]
    }
    people.makeOperator(connection.token)
    return [.record("\(connection.name) is an operator now"), .reply(.isOperator)]
  }

  func keepOrder(_ command: Command, by connection: Connection) -> [Effect] {
    if let cluster { return keepSharedOrder(command, by: connection, through: cluster) }
    switch command {
    case .kick(let name, let why): return withMember(name) { [.kick($0, why: why)] }
    case .ban(let target, let term, let why): return ban(target, for: term, why: why, by: connection)
    case .unban(let target): return lift(target, by: connection)
    case .bans: return [.answer(.bans)]
    case .mute(let name, let term): return withMember(name) { mute($0, for: term, by: connection) }
    case .unmute(let name): return withMember(name) { unmute($0, by: connection) }
    case .slow(let seconds): return slow(seconds, by: connection)
    default: return []
    }
  }

  func withMember(_ name: [UInt8], _ body: (Token) -> [Effect]) -> [Effect] {
    people.names.holder(of: name[...]).map(body) ?? [.reply(.nobodyHere(People.shown(name)))]
  }

  /// Puts a member out; it gets what was said until now, and is told why.
  func kick(_ token: Token, why: [UInt8]?, by operator: Connection) {
    guard let connection = connections[token], case .member = connection.lifecycle else { return }
    let reason = Self.reason(why)
    putOut(connection, saying: "You were kicked by \(`operator`.name)\(reason)")
    announce("\(connection.name) was kicked by \(`operator`.name)\(reason)")
    console.moderated("\(`operator`.name) kicked \(connection.name)\(reason)")
  }

  func putOut(_ connection: Connection, saying text: String) {
    connection.cursor.tell(ServerLine.notice(text))
    leave(connection, because: .putOut)
  }

  private static let maximumReasonBytes = 300

  static func shown(_ text: [UInt8]) -> String {
    String(decoding: SafeText.made(from: Array(text.prefix(maximumReasonBytes))), as: UTF8.self)
  }

  /// How a sentence goes on that says what an operator did.
  static func reason(_ why: [UInt8]?) -> String { why.map { ": \(shown($0))" } ?? "." }

  // MARK: Bans

  private func ban(_ text: [UInt8], for term: Term?, why: [UInt8]?, by operator: Connection) -> [Effect] {
    switch judgeBan(of: text, for: term, why: why, by: `operator`) {
    case .failure(let refusal): return refusal.effects
    case .success(let (ban, hit)):
      guard moderation.add(ban) else { return [.reply(.tooManyBans(maximum: BanList.capacity))] }
      for connection in hit {
        putOut(connection, saying: ban.notice.text)
        if room.makeSpace(for: 1 << 10) { announce(ban.announcement(of: connection.name)) }
      }
      return [
        .record("\(`operator`.name) banned: \(ban.line)"), .reply(.banned("\(ban.target)", count: hit.count)),
      ]
    }
  }

  /// The ban that an operator asks for, and the members of this server that it hits.
  func judgeBan(
    of text: [UInt8], for term: Term?, why: [UInt8]?, by operator: Connection
  ) -> Result<(ban: Ban, hit: [Connection]), Refusal> {
    target(text).flatMap { target in
      let now = WallTime.now
      let ban = Ban(
        target, until: term.map { WallTime(seconds: now.seconds + $0.seconds) }, by: "\(`operator`.name)", at: now,
        why: why.map(Self.shown) ?? "")
      let hit = members(hitBy: ban)
      return hit.contains { $0 === `operator` }
        ? .failure(Refusal(effects: [.reply(.wouldBanYou)])) : .success((ban, hit))
    }
  }

  /// Members of this server that a ban puts out.
  func members(hitBy ban: Ban) -> [Connection] {
    connections.all.filter { connection in
      guard case .member = connection.lifecycle else { return false }
      return ban.applies(to: connection)
        || people.names.logins[connection.token].map { ban.applies(to: $0.name, host: nil) } ?? false
    }
  }

  struct Refusal: Error { let effects: [Effect] }

  /// A name has to be one that somebody could have: a port is another one the next time, and so is the count of a login.
  private func target(_ text: [UInt8]) -> Result<Ban.Target, Refusal> {
    let shown = People.shown(text)
    if text.contains(MemberName.countMark),
      let login = people.names.holder(of: text[...]).flatMap({ people.names.logins[$0] })
    {
      return .failure(Refusal(effects: [.reply(.onlyAConnection(shown, of: login.name))]))
    }
    do throws(AddressRangeError) {
      let target = try Ban.Target(parsing: shown)
      guard case .name = target else { return .success(target) }
      if case .failure(let refusal) = NameRule.name(from: text[...]), refusal != .userID {
        if let holder = people.names.holder(of: text[...]) {
          let host = connections[holder]?.peerAddress?.host ?? people.others[holder]?.person?.host
          return .failure(Refusal(effects: [.reply(.onlyAPort(shown, address: host ?? "ADDRESS"))]))
        }
        return .failure(Refusal(effects: [.reply(.nameRefused(refusal))]))
      }
      return .success(target)
    } catch { return .failure(Refusal(effects: [.reply(.badTarget("\(error)"))])) }
  }

  private func lift(_ text: [UInt8], by operator: Connection) -> [Effect] {
    let shown = People.shown(text)
    let target: Ban.Target
    do throws(AddressRangeError) { target = try Ban.Target(parsing: shown) } catch {
      return [.reply(.badTarget("\(error)"))]
    }
    guard moderation.remove(target) != nil else { return [.reply(.notBanned(shown))] }
    return [.record("\(`operator`.name) lifted the ban of \(target)"), .reply(.unbanned("\(target)"))]
  }

  // MARK: Who may speak

  private func mute(_ token: Token, for term: Term?, by operator: Connection) -> [Effect] {
    people.mute(token, term.map { .until(now + .seconds($0.seconds)) } ?? .forEver)
    let name = people.name(of: token)
    let time = Self.time(ofMute: term)
    return [.announce("\(name) is muted \(time)."), .record("\(`operator`.name) muted \(name) \(time)")]
  }

  static func time(ofMute term: Term?) -> String { term.map { "for \($0)" } ?? "until they leave" }

  private func unmute(_ token: Token, by operator: Connection) -> [Effect] {
    let name = people.name(of: token)
    guard people.isMuted(token, at: now) else { return [.reply(.notMuted("\(name)"))] }
    people.mute(token, .none)
    return [.announce("\(name) can speak again."), .record("\(`operator`.name) unmuted \(name)")]
  }

  private func slow(_ seconds: Int, by operator: Connection) -> [Effect] {
    people.setSlow(seconds: seconds)
    return [.announce(Self.announcement(ofSlow: seconds)), .record("\(`operator`.name) set slow to \(seconds) s")]
  }

  static func announcement(ofSlow seconds: Int) -> String {
    seconds == 0
      ? "Everybody can speak as fast as they like again."
      : "Everybody can say one line every \(Term(seconds: seconds))."
  }
}

extension Ban {
  /// What one is told to whom it applies.
  var notice: Notice { .banned(until: until.map { "\($0)" }, why: why) }

  /// What everybody is told of one whom it has put out.
  func announcement(of name: MemberName) -> String {
    "\(name) was banned by \(by)" + (why.isEmpty ? "." : ": \(why)")
  }

  func applies(to connection: Connection) -> Bool {
    switch target {
    case .name(let name): name.matches(NameKey(connection.name.description))
    case .address(let range): connection.peerAddress.map { range.contains($0) } ?? false
    }
  }
}
