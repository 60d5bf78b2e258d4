import ChatRedis
import ChatWire

/// Who is here on whichever server, and by which name. What changes that is submitted, and happens on every server when it is
/// read back, at the same place between what is said.
extension Server {
  /// Whether something that the member asked for is still to be decided by all servers: its name, or what became of a private
  /// line. Until then what it sends waits, but for `exit`; `releaseFromJournal` lets it go on.
  func isUndecided(_ connection: Connection) -> Bool { presence.awaits(connection.token) }

  func id(of token: Token, in cluster: Cluster) -> MemberID {
    MemberID(server: cluster.id, number: token.bits)
  }

  /// What all servers call a member of the room.
  func id(of token: Token) -> MemberID? {
    token.isRemote ? people.others[token]?.id : cluster.map { id(of: token, in: $0) }
  }

  /// By which token a member of the room is known here; nil if it is not.
  func token(of id: MemberID) -> Token? {
    guard id.server == cluster?.id else { return people.others.token(of: id) }
    let token = Token(bits: id.number)
    return people.names.name(of: token) == nil ? nil : token
  }

  func person(_ connection: Connection, as name: MemberName) -> Person {
    Person(name: name, place: place(of: connection), joinedAt: connection.joinedAt)
  }

  /// Where a member comes from, or which login it has, for other servers.
  private func place(of connection: Connection) -> String {
    people.names.logins[connection.token].map { "login \($0.name)" } ?? connection.label.place
  }

  // MARK: Members of this server

  /// A member has come. Until it has a name nothing that it sends is said.
  func claimDefaultName(of connection: Connection, from names: DefaultNames, through cluster: Cluster) {
    let newcomer = NameClaim.Newcomer(names: names, place: place(of: connection), joinedAt: connection.joinedAt)
    submit(.join(connection.token, as: id(of: connection.token, in: cluster), newcomer, in: people.names), to: cluster)
  }

  /// A member wants a name that is free as far as is known here.
  func claim(_ name: MemberName, for connection: Connection) {
    guard let cluster else { return }
    let id = id(of: connection.token, in: cluster)
    let claim = NameClaim.rename(
      connection.token, as: id, person(connection, as: name), from: connection.name, in: people.names)
    submit(claim, to: cluster)
  }

  private func submit(_ claim: NameClaim, to cluster: Cluster) {
    presence.claims[claim.token] = claim
    cluster.submit(.claim(claim.operation))
    if cluster.isDown, let connection = connections[claim.token] { tellOfLink(connection) }
  }

  /// A member leaves. What it was called, and what it may still be granted, is free when everybody has read that.
  func shareDeparture(of connection: Connection, through cluster: Cluster) {
    let id = id(of: connection.token, in: cluster)
    let keys = people.names.keys(of: connection.token) + presence.leave(connection.token)
    noteDeparture(of: id, connection.token)
    // A server that stops takes leave for all.
    if !keys.isEmpty, stage == .running { cluster.submit(.release(id, keys: keys)) }
  }

  /// A member is gone; those who ignore it do so until all servers have read that it left.
  private func noteDeparture(of id: MemberID, _ token: Token) {
    let viewers = people.ignorers(of: token)
    if !viewers.isEmpty { presence.departures[id] = Presence.Departure(token: token, viewers: viewers) }
  }

  /// A member has come, or has come back; it goes by the name that was granted.
  func joined(_ token: Token, _ name: MemberName) {
    guard let connection = connections[token], connection.lifecycle.isHeard else { return }
    let old = people.names.name(of: token)
    let effects = people.assign(name, to: token)
    if old == nil {
      presence.claims[token] = nil
      rosterOrder = nil
      connection.rename(to: name)
      noteArrival(of: token)
    } else {
      let comeback = presence.comebacks.removeValue(forKey: token)
      if let old, old != name {
        rename(connection, to: name)
        if old.isChosen { answer(.nameLost(old), to: connection) }
        // For its client, as nobody else's name has changed so.
        tell(connection, .renamed(old, to: name))
      }
      if comeback?.wasGone == true { noteArrival(of: token) }
    }
    carryOut(effects)
    releaseIfDecided(token)
  }

  func renamed(_ token: Token, to name: MemberName) {
    guard let connection = connections[token], connection.lifecycle.isHeard else { return }
    // What it came back by was granted before.
    presence.comebacks[token] = nil
    presence.claims[token] = nil
    let effects = people.assign(name, to: token)
    rename(connection, to: name)
    carryOut(effects)
    releaseIfDecided(token)
  }

  /// What a new name changes for those who ignore somebody.
  private func carryOut(_ effects: [Effect]) {
    for case .hide(let hidden, let viewer) in effects { hide(hidden, from: viewer) }
  }

  func releaseIfDecided(_ token: Token) {
    if !presence.awaits(token) { releaseFromJournal(token) }
  }

  // MARK: What all servers read

  /// What changed at this place between what is said.
  func apply(_ record: Record, of server: ServerID) {
    guard let cluster else { return }
    switch record {
    case .joined(let id, let person):
      if id.server == cluster.id { joined(Token(bits: id.number), person.name) } else { joinedElsewhere(id, person) }
    case .renamed(let id, let name):
      if id.server == cluster.id {
        renamed(Token(bits: id.number), to: name)
      } else if let token = people.others.token(of: id) {
        renameElsewhere(token, to: name)
      }
    case .left(let id):
      if let departure = presence.departures.removeValue(forKey: id) {
        endIgnoring(of: departure.token, by: departure.viewers)
      }
      if let token = people.others.token(of: id) { leaveElsewhere(token) }
    case .serverGone(let gone): serverHasGone(gone)
    case .banned(let line): if let ban = Ban(line: line.utf8) { apply(ban, through: cluster) }
    case .unbanned(let target):
      if let target = try? Ban.Target(parsing: target) { _ = moderation.remove(target) }
    case .kicked(let id, let text): kicked(id, saying: text)
    case .muted(let id, let seconds): mute(id, forSeconds: seconds)
    case .slow(let seconds): people.setSlow(seconds: seconds)
    }
    if server == cluster.id, !presence.acts.isEmpty { finishAct(record) }
  }

  /// A member of this server.
  func member(_ id: MemberID) -> Connection? {
    guard let connection = heardMember(id), case .member = connection.lifecycle else { return nil }
    return connection
  }

  /// A member of this server, which may be one that hears nothing more because sending to it failed.
  func heardMember(_ id: MemberID) -> Connection? {
    guard id.server == cluster?.id, let connection = connections[Token(bits: id.number)],
      connection.lifecycle.isHeard
    else { return nil }
    return connection
  }

  func joinedElsewhere(_ id: MemberID, _ person: Person) {
    presence.missing.remove(id)
    if let token = people.others.token(of: id), people.name(of: token) != person.name {
      renameElsewhere(token, to: person.name)
    }
    let (_, effects) = people.joinElsewhere(id, person)
    rosterOrder = nil
    carryOut(effects)
  }

  private func renameElsewhere(_ token: Token, to name: MemberName) {
    recordRosterChange(of: token)
    let effects = people.assign(name, to: token)
    for viewer in people.ignorers(of: token) { hide(token, from: viewer) }
    carryOut(effects)
  }

  func leaveElsewhere(_ token: Token) {
    recordRosterChange(of: token)
    endIgnoring(of: token, by: people.ignorers(of: token))
    if let id = people.others[token]?.id { presence.missing.remove(id) }
    people.leaveElsewhere(token)
  }

  /// To everybody it is gone at once, and nobody kicks it twice. Its server writes that it left.
  private func kicked(_ id: MemberID, saying text: String) {
    if let connection = member(id) {
      putOut(connection, saying: text)
    } else if let token = people.others.token(of: id) {
      noteDeparture(of: id, token)
      recordRosterChange(of: token)
      people.leaveElsewhere(token)
    }
  }

  private func serverHasGone(_ server: ServerID) {
    let tokens = people.others.tokens { $0.server == server }
    if configuration.announces {
      let names = tokens.map { people.name(of: $0) }
      if presence.reaped.remove(server) != nil {
        for name in names { noteDeparture(of: nil, name) }
      } else {
        presence.lostWithServer = presence.lostWithServer.filter { $0.value.until > now }
        presence.lostWithServer[server] = Presence.LostMembers(
          names: names, until: now + Presence.maximumReapingTime)
      }
    }
    for token in tokens { leaveElsewhere(token) }
    for (id, departure) in presence.departures where id.server == server {
      endIgnoring(of: departure.token, by: departure.viewers)
      presence.departures[id] = nil
    }
    for (sender, letter) in presence.letters where letter.reader.server == server {
      tell(sender, .fateUnknown(letter.name))
    }
  }

  /// This server has taken others off, so it is the one that announces who left with them.
  func serversWereReaped(_ servers: [ServerID]) {
    guard configuration.announces else { return }
    for server in servers {
      if let names = presence.lostWithServer.removeValue(forKey: server)?.names {
        for name in names { noteDeparture(of: nil, name) }
      } else {
        presence.reaped.insert(server)
      }
    }
  }

  // MARK: What was refused

  func refused(_ operation: Operation) {
    guard let cluster else { return }
    switch operation {
    case .claim(let claim): refused(claim, through: cluster)
    case .post(.line(let sender, _, let reader, _), _): letterRefused(from: sender, to: reader)
    case .post(.answer(let sender, let outcome), _): postAgain(outcome, to: sender)
    default: break
    }
  }

  private func refused(_ claim: Operation.Claim, through cluster: Cluster) {
    let token = Token(bits: claim.member.number)
    if var comeback = presence.comebacks[token], comeback.operation == claim {
      guard comeback.refused(in: people.names) else { return }
      presence.comebacks[token] = comeback
      cluster.submit(.claim(comeback.operation))
    } else if var wanted = presence.claims[token], wanted.operation == claim {
      if wanted.refused(in: people.names) { return submit(wanted, to: cluster) }
      presence.claims[token] = nil
      if let connection = connections[token] {
        answer(.nameRefused(people.names.taken(claim.person.name, for: token)), to: connection)
      }
      releaseIfDecided(token)
    }
  }
}
