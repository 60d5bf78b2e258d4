import ChatWire

/// How a connection begins: who we are, whether this Redis will do, and what has become of the room since.
extension Session {
  struct Greeting {
    /// Which of the host's addresses it is.
    let candidate: Int
    var step = Step.information
    /// When the answer to the step is overdue.
    var until = Moment.never
    var information: RedisInformation?
    var fsyncPolicy: String?
    var sha = ""
  }

  enum Step: Equatable {
    case authenticate, select, information, fsyncPolicy, loadScript
    /// Is the room still as it was?
    case hello
    /// It is not, so its history ends.
    case renew
    case enter
  }

  /// Steps of the connection that reads.
  enum ReaderStep: Equatable {
    case authenticate, select
  }

  var firstStep: Step {
    address.password != nil ? .authenticate : stepAfterAuthenticating
  }

  private var stepAfterAuthenticating: Step { address.database != 0 ? .select : .information }

  mutating func ask(_ greeting: inout Greeting, _ step: Step, at now: Moment) {
    greeting.step = step
    greeting.until = now + limits.answering
    let request: Request
    switch (step, standing) {
    case (.authenticate, _): request = .authenticate(user: address.user, password: address.password ?? "")
    case (.select, _): request = .select(database: address.database)
    case (.information, _): request = .information
    case (.fsyncPolicy, _): request = .fsyncPolicy
    case (.loadScript, _): request = .loadScript
    case (.hello, .inside(let place)), (.hello, .behind(let place)):
      let verb = Verb.hello(
        server, place.epoch, acknowledged: turns.accepted, last: place.position, source: place.source)
      request = .run(verb, sha: greeting.sha)
    case (.renew, .inside(let place)), (.renew, .behind(let place)), (.renew, .deceived(let place)):
      request = .run(.renew(old: place.epoch, begun: place.begun, new: .random()), sha: greeting.sha)
    case (.hello, _), (.renew, _), (.enter, _):
      let boxID = standing.place?.boxID ?? .start
      request = .run(.enter(server, new: .random(), boxID: boxID), sha: greeting.sha)
    }
    stage = .greeting(greeting)
    command(.send(.append, request))
  }

  mutating func answered(_ greeting: Greeting, _ reply: Reply, at now: Moment) {
    var greeting = greeting
    if let text = reply.refusal, greeting.step != .fsyncPolicy { return refused(text, at: now) }
    switch greeting.step {
    case .authenticate: ask(&greeting, stepAfterAuthenticating, at: now)
    case .select: ask(&greeting, .information, at: now)
    case .information:
      let information = RedisInformation(parsing: String(decoding: reply.bytes ?? [], as: UTF8.self))
      if let obstacle = information.obstacle {
        return fail("Redis at \(address.address) cannot be used: \(obstacle)", at: now)
      }
      greeting.information = information
      ask(&greeting, .fsyncPolicy, at: now)
    case .fsyncPolicy:
      // Whoever may not ask is refused, and is told less.
      greeting.fsyncPolicy = reply.elements?.last?.text
      ask(&greeting, .loadScript, at: now)
    case .loadScript:
      guard let sha = reply.text else { return misunderstood(at: now) }
      greeting.sha = sha
      let step: Step =
        switch standing {
        case .outside: .enter
        case .inside, .behind: .hello
        case .deceived: .renew
        }
      ask(&greeting, step, at: now)
    case .hello: answeredHello(&greeting, reply, at: now)
    case .renew: ask(&greeting, .enter, at: now)
    case .enter: answeredEnter(&greeting, reply, at: now)
    }
  }

  private mutating func answeredHello(_ greeting: inout Greeting, _ reply: Reply, at now: Moment) {
    switch HelloReply(reply) {
    case .ok(let fence, let sequence, let head, let failed):
      settle(after: sequence, head: head, failed: failed)
      if case .behind = standing { return ask(&greeting, .enter, at: now) }
      connectReader(greeting, fence: fence, at: now)
    case .lost: ask(&greeting, .renew, at: now)
    case .gone: ask(&greeting, .enter, at: now)
    case nil: misunderstood(at: now)
    }
  }

  private mutating func answeredEnter(_ greeting: inout Greeting, _ reply: Reply, at now: Moment) {
    guard let entered = EnterReply(reply) else { return misunderstood(at: now) }
    isEntering = true
    if var place = standing.place, place.epoch == entered.epoch {
      // `hello` looks at all this, but something may have happened since. A server that was away for more than an hour finds its
      // sequence forgotten.
      guard entered.head >= place.position, entered.sequence >= turns.accepted || entered.sequence == 0 else {
        return ask(&greeting, .renew, at: now)
      }
      settle(after: entered.sequence, head: entered.head, failed: entered.failed)
      if !entered.hasLetters { (place.boxID, place.emptiedUpTo) = (.start, .start) }
      place.arrival = (entered.head, entered.snapshot)
      arrive(&place)
      standing = .inside(place)
    } else {
      // An old file of Redis has come back. What is said in that history has to end before this server says something.
      if let place = standing.place, entered.begun <= place.begun { return ask(&greeting, .renew, at: now) }
      let boxID = entered.hasLetters ? standing.place?.boxID ?? .start : .start
      var place = Place(
        epoch: entered.epoch, begun: entered.begun, position: entered.head, source: entered.source, boxID: boxID,
        emptiedUpTo: boxID, arrival: (entered.head, entered.snapshot))
      if standing.place != nil {
        events.append(.historyLost)
        command(.report("Redis has lost the room's history, or somebody changed it; a new one has begun."))
        events += turns.restart(after: entered.sequence).map { .refused($0) }
        // Those who were in the room miss nothing that others have said since it was lost.
        (place.position, place.source) = (.start, nil)
      }
      arrive(&place)
      standing = .inside(place)
    }
    connectReader(greeting, fence: entered.fence, at: now)
  }

  private mutating func settle(after sequence: Int, head: Position, failed: FailedOperations) {
    events += turns.resume(after: sequence, head: head, failed: failed).map { .refused($0) }
    if let position = standing.place?.position { turns.passed(position) }
  }

  mutating func misunderstood(at now: Moment) {
    fail("Redis at \(address.address) sent an answer that cannot be understood.", at: now)
  }

  // MARK: The connection that reads

  private mutating func connectReader(_ greeting: Greeting, fence: Int, at now: Moment) {
    let work = Work(
      sha: greeting.sha, fence: fence, information: greeting.information, fsyncPolicy: greeting.fsyncPolicy,
      beatsAt: now + limits.beating, startingAt: now)
    stage = .connectingReader(work, until: now + limits.connecting)
    command(.connect(.read, candidate: greeting.candidate))
  }

  mutating func greetOnReader(_ work: Work, after step: ReaderStep?, at now: Moment) {
    if step == nil, let password = address.password {
      stage = .greetingReader(work, .authenticate, until: now + limits.answering)
      command(.send(.read, .authenticate(user: address.user, password: password)))
    } else if step != .select, address.database != 0 {
      stage = .greetingReader(work, .select, until: now + limits.answering)
      command(.send(.read, .select(database: address.database)))
    } else {
      begin(work, at: now)
    }
  }

  private mutating func begin(_ work: Work, at now: Moment) {
    stage = .working(work)
    advance(to: now)
  }
}

extension Session.Standing {
  var place: Session.Place? {
    switch self {
    case .outside: nil
    case .inside(let place), .behind(let place), .deceived(let place): place
    }
  }
}
