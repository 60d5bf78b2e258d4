import ChatWire

/// The link at work: it appends turns, reads on, and says that it is here.
extension Session {
  struct Work {
    let sha: String
    let fence: Int
    let information: RedisInformation?
    let fsyncPolicy: String?
    /// What is asked on the connection that appends, in the order of the answers.
    var asked: [(what: Asked, at: Moment)] = []
    /// Turns among them.
    var turnsAsked = 0
    /// The earliest moments of the next turn and the next beat.
    var appendsAt: Moment
    var beatsAt: Moment
    var reading: Reading
    /// Beats in a row that told of more than the connection that reads has brought.
    var beatsAhead = 0
    var trial = Trial.underWay(proven: [])

    init(
      sha: String, fence: Int, information: RedisInformation?, fsyncPolicy: String?, beatsAt: Moment,
      startingAt now: Moment
    ) {
      self.sha = sha
      self.fence = fence
      self.information = information
      self.fsyncPolicy = fsyncPolicy
      self.beatsAt = beatsAt
      appendsAt = now
      reading = .due(at: now)
    }
  }

  /// Whether the link counts as working. Redis may let a server in, and refuse every turn or every read then.
  enum Trial {
    /// These connections have done what they are for.
    case underWay(proven: Set<Line>)
    case passed
  }

  enum Asked {
    case append(sequence: Int)
    /// - position: up to where the room was read when it was sent.
    case beat(position: Position)
  }

  enum Reading {
    /// The next read is sent then, or once all events are taken.
    case due(at: Moment)
    case asked(at: Moment)
  }

  /// Beats that may tell of more than is read, before the connection that reads is taken for deaf.
  private static let maximumBeatsAhead = 2

  func wakesAt(_ work: Work) -> Moment {
    var moment = work.beatsAt
    if let asked = work.asked.first { moment = min(moment, asked.at + limits.answering) }
    // A full window is opened by an answer, and time does nothing for it.
    if turns.hasUnsent, !isEntering, work.turnsAsked < limits.window { moment = min(moment, work.appendsAt) }
    switch work.reading {
    case .due(let at): if !hasEvents { moment = min(moment, at) }
    case .asked(let at): moment = min(moment, at + limits.answeringRead)
    }
    return moment
  }

  mutating func advance(_ work: Work, to now: Moment) {
    guard wakesAt(work) <= now, case .inside(var place) = standing else { return }
    if let asked = work.asked.first, asked.at + limits.answering <= now { return overdue(at: now) }
    if case .asked(let at) = work.reading, at + limits.answeringRead <= now { return overdue(at: now) }
    var work = work
    appendNext(&work, &place, at: now)
    if work.beatsAt <= now {
      work.asked.append((.beat(position: place.position), now))
      work.beatsAt = now + limits.beating
      command(.send(.append, .run(.beat(server, place.epoch, boxID: place.takeBoxID()), sha: work.sha)))
    }
    if case .due(let at) = work.reading, at <= now, !hasEvents {
      work.reading = .asked(at: now)
      // The first is answered at once, so that it is soon known whether reading works.
      var milliseconds = 1
      if case .passed = work.trial { milliseconds = Int(limits.reading / .milliseconds(1)) }
      command(.send(.read, .read(from: place.position, boxID: place.boxID, milliseconds: milliseconds)))
    }
    standing = .inside(place)
    stage = .working(work)
  }

  private mutating func appendNext(_ work: inout Work, _ place: inout Place, at now: Moment) {
    guard work.appendsAt <= now, !isEntering, work.turnsAsked < limits.window, let turn = turns.send() else { return }
    let verb = Verb.append(
      server, place.epoch, fence: work.fence, sequence: turn.sequence, boxID: place.takeBoxID(), turn.operations)
    command(.send(.append, .run(verb, sha: work.sha)))
    work.asked.append((.append(sequence: turn.sequence), now))
    work.turnsAsked += 1
    work.appendsAt = now + limits.appendPace
  }

  // MARK: The connection that appends

  mutating func answered(_ work: Work, _ reply: Reply, at now: Moment) {
    if let text = reply.refusal { return refused(text, at: now) }
    guard case .inside(let place) = standing, let asked = work.asked.first else { return misunderstood(at: now) }
    var work = work
    work.asked.removeFirst()
    switch asked.what {
    case .append(let sequence):
      work.turnsAsked -= 1
      switch AppendReply(reply) {
      case .accepted(let end, let failed):
        events += turns.answered(sequence, end: end, failed: failed).map { .refused($0) }
        turns.passed(place.position)
        prove(&work, by: .append)
      // The greeting finds out which turns were accepted, and what has become of the room.
      case .lost, .fenced, .repeated, .missing: return fail(nil, at: now)
      case nil: return misunderstood(at: now)
      }
    case .beat(let position):
      switch BeatReply(reply) {
      case .ok(let head, let reaped):
        guard head >= position else { return fail(nil, at: now) }
        if !reaped.isEmpty { events.append(.reaped(reaped)) }
        if case .asked = work.reading, head > place.position {
          work.beatsAhead += 1
        } else {
          work.beatsAhead = 0
        }
        guard work.beatsAhead <= Self.maximumBeatsAhead else {
          return fail("Redis at \(address.address) no longer tells what others say.", at: now)
        }
      case .lost, .gone: return fail(nil, at: now)
      case nil: return misunderstood(at: now)
      }
    }
    stage = .working(work)
    advance(to: now)
  }

  // MARK: The connection that reads

  mutating func read(_ work: Work, _ reply: Reply, at now: Moment) {
    if let text = reply.refusal { return refused(text, at: now) }
    guard case .inside(var place) = standing, case .asked(let askedAt) = work.reading,
      let news = ReadReply(reply, keys: keys, server: server, epoch: place.epoch)
    else { return misunderstood(at: now) }
    var work = work
    work.reading = .due(at: askedAt + limits.readPace)
    work.beatsAhead = 0
    prove(&work, by: .read)
    stage = .working(work)

    var fault = news.fault
    var hasMissed = false
    reading: for entry in news.entries {
      switch place.step(to: entry) {
      case .next: break
      case .missed(let lines):
        hasMissed = true
        if lines > 0 { events.append(.missed(lines: lines)) }
        turns.passed(entry.start)
      case .impossible:
        fault = .foreign("it does not go on where the one before ended")
        break reading
      }
      take(entry, at: &place)
    }
    for letter in news.letters { events.append(.received(letter)) }
    if let boxID = news.boxID { place.boxID = boxID }

    switch fault {
    case .foreign(let what):
      standing = .deceived(place)
      fail("The key \(keys.log) holds an entry that no server of the room wrote: \(what).", at: now)
    case .otherEpoch:
      standing = .deceived(place)
      fail(nil, at: now)
    case nil where hasMissed:
      // Who came and went was among it.
      place.arrival = nil
      standing = .behind(place)
      fail(nil, at: now)
    case nil:
      standing = .inside(place)
      advance(to: now)
    }
  }

  private mutating func take(_ entry: Entry, at place: inout Place) {
    place.position = entry.position
    place.source = EntrySource(epoch: place.epoch, server: entry.server, sequence: entry.sequence)
    if entry.server == server {
      let (speakers, refused) = turns.read(entry)
      events.append(.said(entry, speakers: speakers))
      events += refused.map { .refused($0) }
    } else {
      events.append(.said(entry, speakers: []))
    }
    turns.passed(entry.position)
    arrive(&place)
  }

  /// Tells who is in the room once all that was said before is told.
  mutating func arrive(_ place: inout Place) {
    guard let arrival = place.arrival, arrival.position <= place.position else { return }
    place.arrival = nil
    events.append(.entered(arrival.snapshot))
  }

  private mutating func prove(_ work: inout Work, by line: Line) {
    guard case .underWay(var proven) = work.trial else { return }
    proven.insert(line)
    work.trial = .underWay(proven: proven)
    // Where a turn was refused, only one that is accepted shows that it works again.
    let isAppending = !doubtsAppending || proven.contains(.append) || !turns.hasUnaccepted
    if proven.contains(.read), isAppending { pass(&work) }
  }

  private mutating func pass(_ work: inout Work) {
    work.trial = .passed
    backoff.reset()
    doubtsAppending = false
    if case .down = availability { events.append(.up) }
    availability = .working
    if !hasWorked {
      let kept = work.information?.persistence(fsync: work.fsyncPolicy) ?? ""
      command(.report("Sharing the room '\(address.room)' through \(address.address); \(kept)."))
    } else if !complaints.isEmpty {
      command(.report("The link to Redis at \(address.address) is there again."))
    }
    hasWorked = true
    complaints = []
    if work.information?.warning != warning {
      warning = work.information?.warning
      if let warning { command(.report("Redis at \(address.address): \(warning)")) }
    }
  }
}

extension Session.Place {
  enum Progress {
    /// It begins where the last one ended.
    case next
    case missed(lines: Int)
    /// It would take back what was said.
    case impossible
  }

  fileprivate func step(to entry: Entry) -> Progress {
    let start = entry.start
    if start == position { return .next }
    let isAhead = start.bytes > position.bytes && start.lines >= position.lines
    return isAhead ? .missed(lines: start.lines - position.lines) : .impossible
  }

  /// The last letter that was read, for Redis to remove all up to it; nil if it has.
  fileprivate mutating func takeBoxID() -> StreamID? {
    guard boxID != emptiedUpTo else { return nil }
    emptiedUpTo = boxID
    return boxID
  }
}
