import ChatRedis
import ChatWire
import Dispatch

/// How this server takes its place in the room, for the first time or because what it knew no longer holds.
extension Server {
  /// How long those who were in the room when its history was lost may take to come back: as long as a server may be silent.
  private static let comingBack = DispatchTimeInterval.seconds(8)

  func enteredRoom(_ snapshot: Snapshot) {
    guard let cluster else { return }
    let isHistoryLost = presence.isHistoryLost
    presence.isHistoryLost = false
    presence.lostWithServer = [:]
    presence.reaped = []
    meetOthers(in: snapshot, afterLoss: isHistoryLost)
    takeRules(of: snapshot, afterLoss: isHistoryLost, through: cluster)
    settle(into: snapshot, through: cluster)
    comeBack(into: snapshot, afterLoss: isHistoryLost, through: cluster)
    for departure in presence.departures.values { endIgnoring(of: departure.token, by: departure.viewers) }
    presence.departures = [:]
    rosterOrder = nil
  }

  /// Learns who is here on other servers. After a loss of the room's history those that are not there yet have a moment to come
  /// back.
  private func meetOthers(in snapshot: Snapshot, afterLoss isHistoryLost: Bool) {
    let gone = people.others.tokens { snapshot.people[$0] == nil }
    if isHistoryLost {
      presence.missing.formUnion(gone.compactMap { people.others[$0]?.id })
      forgetSoon(presence.missing)
    } else {
      for token in gone { leaveElsewhere(token) }
    }
    for (id, person) in snapshot.people where id.server != cluster?.id { joinedElsewhere(id, person) }
  }

  /// Gives up those of them that have not come back after a moment.
  func forgetSoon(_ missing: Set<MemberID>) {
    queue.asyncAfter(deadline: .now() + Self.comingBack) {
      self.assumeIsolated { $0.forget(missing) }
    }
  }

  /// Gives up those that have not come back.
  private func forget(_ missing: Set<MemberID>) {
    for id in missing.intersection(presence.missing) {
      presence.missing.remove(id)
      if let token = people.others.token(of: id) { leaveElsewhere(token) }
    }
  }

  /// Bans and pace are those of the room. Where Redis has lost them as well, they are what they were here.
  private func takeRules(of snapshot: Snapshot, afterLoss isHistoryLost: Bool, through cluster: Cluster) {
    var bans = snapshot.bans.compactMap { Ban(line: $0.utf8) }
    var slowSeconds = snapshot.slowSeconds
    if isHistoryLost {
      let kept = Set(bans.map(\.target.key))
      for ban in moderation.bans.holding(at: .now) where !kept.contains(ban.target.key) {
        bans.append(ban)
        cluster.submit(.ban(target: ban.target.key, line: ban.line))
      }
      if slowSeconds == 0, people.slowSeconds > 0 {
        slowSeconds = people.slowSeconds
        cluster.submit(.slow(seconds: slowSeconds))
      }
    }
    moderation.replace(BanList(bans.suffix(BanList.capacity)))
    if people.slowSeconds != slowSeconds { people.setSlow(seconds: slowSeconds) }
    guard !bans.isEmpty else { return }
    for connection in connections.all where !people.isOperator(connection.token) {
      guard case .member = connection.lifecycle else { continue }
      let ban =
        connection.peerAddress.flatMap { moderation.bans.ban(of: $0, at: .now) }
        ?? people.names.logins[connection.token].flatMap(ban(of:))
        ?? moderation.bans.ban(of: NameKey(connection.name.description), at: .now)
      if let ban { putOut(connection, saying: ban.notice.text) }
    }
  }

  /// What has gone out may have been answered where this server did not read it, or may never be.
  private func settle(into snapshot: Snapshot, through cluster: Cluster) {
    let unsent = cluster.unsent
    for (sender, letter) in presence.letters {
      // An answer still comes if this server has lost nothing but what was said.
      let isAwaited =
        snapshot.people[letter.reader] != nil && snapshot.people[id(of: sender, in: cluster)] != nil
      if isAwaited { continue }
      let isUnsent = unsent.contains {
        if case .post(.line(let from, _, _, _), _) = $0 { Token(bits: from.number) == sender } else { false }
      }
      if !isUnsent { tell(sender, .fateUnknown(letter.name)) }
    }
    for act in presence.acts.values where !unsent.contains(act.operations[0]) { finishAct(act.record) }
  }

  // MARK: Members of this server

  /// Has those of this server in the room again that it has lost, before anything else of theirs is said.
  private func comeBack(into snapshot: Snapshot, afterLoss isHistoryLost: Bool, through cluster: Cluster) {
    var renamed: [Token: Rename] = [:]
    var operations: [Operation] = []
    for connection in connections.all where connection.lifecycle.isHeard {
      let token = connection.token
      let id = self.id(of: token, in: cluster)
      if let person = snapshot.people[id] {
        takeGranted(person.name, for: token)
      } else if let name = people.names.name(of: token) {
        var comeback = NameClaim.comeBack(token, as: id, person(connection, as: name), in: people.names)
        comeback.wasGone = !isHistoryLost
        // Whoever is there has its name.
        if !people.names.isUndisputed(token), comeback.refused(in: people.names) {
          let new = comeback.operation.person.name
          renamed[token] = Rename(old: name, new: new)
          if let wish = presence.claims[token]?.operation.person {
            presence.claims[token] = .rename(token, as: id, wish, from: new, in: people.names)
          }
        }
        presence.comebacks[token] = comeback
        operations.append(.claim(comeback.operation))
      }
    }
    // Those that have left meanwhile.
    for (id, person) in snapshot.people where id.server == cluster.id && connections[Token(bits: id.number)] == nil {
      operations.append(.release(id, keys: person.name.keys))
    }
    // What has gone out is not known to be granted or refused, and will not be.
    var claims = presence.claims
    let unsent = cluster.unsent.filter {
      guard case .claim(let claim) = $0 else { return true }
      let token = Token(bits: claim.member.number)
      guard claims[token]?.operation == claim else { return false }
      claims[token] = nil
      return true
    }
    operations += unsent.map { Self.revised($0, renamed) }
    cluster.replaceUnsent(with: operations + claims.values.map { .claim($0.operation) })
  }

  private struct Rename {
    let old, new: MemberName
  }

  /// Takes a name that was granted while this server read nothing.
  private func takeGranted(_ name: MemberName, for token: Token) {
    presence.comebacks[token] = nil
    if people.names.name(of: token) == nil {
      joined(token, name)
    } else if people.names.name(of: token) != name {
      renamed(token, to: name)
    }
    releaseIfDecided(token)
  }

  /// What a member has said that is not sent yet, under the name that it comes back by.
  private static func revised(_ operation: Operation, _ renamed: [Token: Rename]) -> Operation {
    guard case .say(let line, let speaker?) = operation, let names = renamed[Token(bits: speaker)] else {
      return operation
    }
    for prefix in [ServerLine.messagePrefix, ServerLine.actionPrefix] where line.starts(with: prefix(names.old)) {
      return .say(line: prefix(names.new) + line.dropFirst(prefix(names.old).count), speaker: speaker)
    }
    return operation
  }
}
