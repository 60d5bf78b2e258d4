import ChatWire
import Dispatch

/// Who the members on Unix sockets are, and that nobody else goes by their names.
extension Server {
  /// Bytes that the room says at most because a login has come whose name somebody else had.
  private static let maximumAnnouncedBytes = 1 << 10
  /// Until the log is looked at again that had no space for that.
  private static let retryPause = Duration.milliseconds(50)

  /// Whether all places are taken, those of peers included that wait outside.
  var isFull: Bool {
    let waiting = (identification?.arrivingCount ?? 0) + (awaitedHeaders?.count ?? 0)
    return connections.count - refusedCount + waiting >= maximumMembers
  }

  /// Lets a peer on a Unix socket in as soon as it is known who it is.
  /// - Parameter deadline: when it comes in without a login; nil if it has waited for nothing yet.
  func identify(
    _ descriptor: consuming FileDescriptor, from address: SocketAddress, at listener: Listener,
    until deadline: Moment? = nil
  ) {
    // It is only told that the server is full.
    if isFull { return admit(descriptor, from: address, at: listener, as: nil) }
    // The kernel knows it of every Unix socket.
    guard let userID = try? descriptor.peerUserID() else { return }
    let until = deadline ?? now + configuration.accountPatience
    let peer = ArrivingPeer(descriptor, from: address, at: listener, until: until)
    let isFirst = identification?.add(peer, of: userID) ?? false
    settleArrivals(of: userID)
    if isFirst, identification?.deadline(ofUser: userID) != nil {
      lookUpNext()
      settleLater(userID, in: now.distance(to: max(now, until)))
    }
  }

  /// Lets those of a user in who wait for it, if their login is known, or else if their time is over.
  private func settleArrivals(of userID: UInt32) {
    guard let first = identification?.deadline(ofUser: userID) else { return }
    let question = AccountQuestion.login(of: userID)
    let answer = identification?.directory.ask(question, at: now)
    guard answer != nil || first <= now else { return }
    let name: [UInt8]? = if case .found(let login, _)? = answer { login } else { nil }
    let login = people.login(of: userID, called: name)
    guard reclaim(login) else { return settleLater(userID, in: Self.retryPause) }
    let due = identification?.takeArriving(of: userID, dueBy: answer == nil ? now : .never) ?? []
    for peer in due {
      if let descriptor = peer.takeDescriptor() { admit(descriptor, from: peer.address, at: peer.listener, as: login) }
    }
    if let next = identification?.deadline(ofUser: userID) {
      settleLater(userID, in: now.distance(to: max(now, next)))
    } else {
      identification?.directory.withdraw(question)
    }
  }

  private func settleLater(_ userID: UInt32, in pause: Duration) {
    after(pause) { $0.settleArrivals(of: userID) }
  }

  /// Gives those who chose the login's name before it came their default names back, and tells them and everybody.
  /// - Returns: false if the room has no space to tell that; then nothing was done.
  private func reclaim(_ login: Login) -> Bool {
    // Where servers share a room, a name is whose all of them granted it.
    guard cluster == nil else { return true }
    let usurpers = people.names.usurpers(of: login).compactMap { connections[$0] }
    guard !usurpers.isEmpty else { return true }
    guard room.makeSpace(for: Self.maximumAnnouncedBytes) else { return false }
    for connection in usurpers {
      let old = connection.name
      guard let new = people.names.defaultName(of: connection.token) else { continue }
      let effects = people.assign(new, to: connection.token)
      rename(connection, to: new)
      announce(Notice.renamed(old, to: new).text)
      tell(connection, .nameTaken)
      for effect in effects { carryOut(effect, for: connection) }
    }
    return true
  }

  /// A member has come as a login: it may keep order at once if the server was told so.
  func greetOperator(_ connection: Connection, as login: Login) {
    guard configuration.operators.contains(login.name.description) else { return }
    people.makeOperator(connection.token)
    console.moderated("\(connection.name) is an operator now")
    answer(.isOperator, to: connection)
  }

  // MARK: Names that members want

  enum NameCheck {
    case free
    case refused(NameRefusal)
    /// The system is asked. The line has to be given again when it has answered.
    case pending
  }

  /// Whether a name that a member wants is a login of this machine. It is the member's own, or no name that it could have: then
  /// that is said elsewhere.
  func check(_ wanted: [UInt8], for connection: Connection) -> NameCheck {
    let token = connection.token
    guard identification != nil, case .success(let name) = people.judge(token, wanting: wanted),
      !people.names.isProven(name, for: token)
    else { return .free }
    let deadline = identification?.nameDeadline(of: token)
    var check = NameCheck.free
    search: for login in Self.logins(that: name) {
      let question = AccountQuestion.user(named: login)
      switch identification?.directory.ask(question, at: now) {
      case .found(_, people.names.logins[token]?.userID), .absent: continue
      case .found: check = .refused(.login)
      case .failed: check = .refused(.unchecked)
      case nil where deadline.map { $0 <= now } ?? false:
        identification?.directory.withdraw(question)
        check = .refused(.unchecked)
      case nil:
        check = .pending
        identification?.waitForName(token, asking: question, until: deadline ?? now + configuration.accountPatience)
      }
      break search
    }
    guard case .pending = check else {
      identification?.endNameCheck(of: token)
      return check
    }
    lookUpNext()
    if deadline == nil { after(configuration.accountPatience) { $0.nameCheckIsOver(for: token) } }
    return check
  }

  /// The logins that a name is to the eye: as it is written, in lower case as nearly all logins are, and in Latin letters.
  private static func logins(that name: MemberName) -> [String] {
    let key = NameKey(name.description)
    var logins = [name.description]
    for login in [key.folding.composed, key.look.composed] where !logins.contains(login) { logins.append(login) }
    return logins
  }

  /// Has a member's wish judged again: the system has answered, or the member has waited for long enough.
  private func nameCheckIsOver(for token: Token) {
    guard let connection = connections[token], connection.lifecycle.isHeard else {
      identification?.endNameCheck(of: token)
      return
    }
    if connection.inbound.hold == .login { released.append(token) }
  }

  // MARK: Asking the system

  private func lookUpNext() {
    guard let accounts = identification?.queue, let question = identification?.directory.next() else { return }
    let lookUp = configuration.lookUpAccount
    accounts.async {
      let answer = lookUp(question)
      self.queue.async { self.assumeIsolated { $0.accountWasLookedUp(answer) } }
    }
  }

  private func accountWasLookedUp(_ answer: AccountAnswer) {
    guard stage != .stopped else { return }
    now = .now
    beginMinuteIfDue()
    switch identification?.directory.take(answer, at: now) {
    case .login(let userID)?: settleArrivals(of: userID)
    case .user(let name)?:
      for token in identification?.askers(of: .user(named: name)) ?? [] { nameCheckIsOver(for: token) }
    case nil: break
    }
    lookUpNext()
    finishTurn()
    scheduleTurnIfNeeded()
  }

  /// Does something later, as a turn of its own.
  func after(_ pause: Duration, _ body: @escaping @Sendable (isolated Server) -> Void) {
    let (seconds, attoseconds) = pause.components
    let time = DispatchTime.now() + .nanoseconds(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
    queue.asyncAfter(deadline: time) {
      self.assumeIsolated { server in
        guard server.stage != .stopped else { return }
        server.now = .now
        server.beginMinuteIfDue()
        body(server)
        server.lookUpNext()
        server.finishTurn()
        server.scheduleTurnIfNeeded()
      }
    }
  }
}
