import ChatWire
import Glibc

extension Server {
  /// Peers that are told at one time that the server is full, and given the time to read it. Beyond those it is said once
  /// and closed at once. They come out of the reserved descriptors.
  private static let maximumRefusals = 32
  /// Connections accepted in one turn, so that a rush at the door does not hold up those inside.
  private static let maximumAcceptedInTurn = 256

  func peersAreWaiting(atListener index: Int) {
    // A server that stops has closed its listeners; their last report may still have been on its way.
    guard index < listeners.count else { return }
    let listener = listeners[index]
    now = .now
    beginMinuteIfDue()
    accepting: for _ in 0..<Self.maximumAcceptedInTurn {
      switch listener.accept() {
      case .connection(let descriptor, let peer):
        acceptPause = .milliseconds(10)
        if listener.isForProxies {
          awaitHeader(on: descriptor, of: peer, at: listener)
        } else if peer.family == AF_UNIX {
          identify(descriptor, from: peer, at: listener)
        } else {
          admit(descriptor, from: peer, at: listener, as: nil)
        }
      case .aborted: continue
      case .nobody: break accepting
      case .exhausted:
        pauseAccepting()
        break accepting
      }
    }
    finishTurn()
    scheduleTurnIfNeeded()
  }

  /// Lets a peer into the room, or tells it why not.
  /// - Parameter login: who it is; nil if it does not come on a Unix socket, or is told only that the server is full.
  func admit(
    _ descriptor: consuming FileDescriptor, from peer: SocketAddress, at listener: Listener, as login: Login?
  ) {
    let key = quota == nil ? nil : AddressQuota.key(of: peer)
    let refusal = refusal(of: peer, as: key, login)
    if let refusal { noteRefused(peer, at: listener, refusal) } else { counts.accepted += 1 }
    if let refusal, refusedCount >= Self.maximumRefusals {
      _ = refusal.line.withUnsafeBytes { descriptor.send($0) }
      return
    }
    let token = connections.nextToken()
    let name: MemberName
    var effects: [Effect] = []
    var names: DefaultNames?
    if refusal != nil {
      name = MemberName(port: peer.port)
    } else if cluster != nil {
      let candidates =
        login.map { people.defaultNames(of: token, as: $0) } ?? people.defaultNames(port: peer.port, host: peer.host)
      (name, names) = (candidates.first, candidates)
    } else if let login {
      (name, effects) = people.join(token, as: login)
    } else {
      (name, effects) = people.join(token, port: peer.port, host: peer.host)
    }
    let label =
      peer.family == AF_UNIX ? "('\(listener.address)', \(name))" : "('\(peer.host)', \(peer.port))"
    let connection = Connection(
      descriptor: descriptor, token: token, admission: refusal == nil ? .member(key) : .refused,
      name: name, label: Console.PeerLabel(label),
      framer: LineFramer(maximumLineBytes: configuration.maximumLineBytes, overlong: .skip),
      cursor: Cursor(joining: room.log), now: now, minute: minute)
    room.join(connection)
    connections.insert(connection)
    rosterOrder = nil
    readiness.watch(connection.descriptor.number, as: connection.token, keptOpenBy: connection)
    if let refusal {
      refusedCount += 1
      tell(connection, refusal)
      leave(connection, because: .refused)
    } else {
      console.connected(connection.label, as: name)
      for effect in effects { carryOut(effect, for: connection) }
      welcome(connection)
      if let login { greetOperator(connection, as: login) }
      if let cluster, cluster.isDown { tellOfLink(connection) }
      if let cluster, let names { claimDefaultName(of: connection, from: names, through: cluster) }
    }
  }

  private func noteRefused(_ peer: SocketAddress, at listener: Listener, _ notice: Notice) {
    counts.refused += 1
    switch notice {
    // A ban is for one address or login, and whoever keeps order has asked for it.
    case .serverFull, .tooManyFromAddress:
      logTurnedAway(
        .byNotice(notice.text),
        peer.family == AF_UNIX ? "('\(listener.address)', 0)" : "('\(peer.host)', \(peer.port))")
    default: break
    }
  }

  /// Why a peer, whose address counts as `key`, may not come in; nil if it may. It is counted then.
  private func refusal(of peer: SocketAddress, as key: AddressQuota.Key?, _ login: Login?) -> Notice? {
    if let ban = moderation.bans.ban(of: peer, at: .now) ?? login.flatMap(ban(of:)) { return ban.notice }
    if isFull { return .serverFull }
    if let key, quota?.admit(key) == false { return .tooManyFromAddress }
    return nil
  }

  /// The ban that keeps a login out under whatever name. None does that to those who are operators by their logins.
  func ban(of login: Login) -> Ban? {
    configuration.operators.contains(login.name.description)
      ? nil : moderation.bans.ban(of: NameKey(login.name.description), at: .now)
  }

  /// No descriptor is left: the listeners rest, longer each time, because a listener that nobody can accept from would keep
  /// the queue busy without end.
  private func pauseAccepting() {
    for listener in listeners { listener.pause() }
    acceptResumesAt = now + acceptPause
    acceptPause = min(acceptPause * 2, .seconds(1))
  }

  func resumeAccepting() {
    acceptResumesAt = .never
    for listener in listeners { listener.resume() }
  }
}
