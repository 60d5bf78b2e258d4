import ChatWire

/// What comes in: from bytes to lines, and from lines to what they mean.
extension Server {
  func readable(_ connection: Connection) {
    guard !connection.inbound.hasEnded, connection.inbound.hold == nil else { return }
    if let hold = holdBeforeReading(connection) { return self.hold(connection, hold) }
    let share = share(of: connection)
    let received = input.withUnsafeMutableBytes {
      connection.descriptor.receive(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<share]))
    }
    switch received {
    case .bytes(let count):
      connection.inbound.lastReceived = now
      connection.inbound.bytes.count(count, at: now, fairBytesPerSecond: room.fairBytesPerSecond)
      if connection.lifecycle.isHeard {
        consume(input.span.extracting(first: count), from: connection)
      } else if let limit = configuration.rate {
        connection.inbound.rate.chargeSkipped(bytes: count, at: now, for: limit)
      }
      if !readiness.isLevelTriggered { released.append(connection.token) }
    case .wouldBlock:
      if case .unreachable = connection.lifecycle { lose(connection) }
    case .ended:
      connection.inbound.hasEnded = true
      updateInterest(of: connection)
      inputEnded(connection)
    case .failed:
      lose(connection)
    }
  }

  /// Bytes that are read of a connection now. In a crowded room nobody says more than its own share, because many who say
  /// little would fill the log together.
  private func share(of connection: Connection) -> Int {
    guard room.isCrowded, stage == .running, connection.lifecycle.isHeard, !connection.inbound.isCounted else {
      return readShare
    }
    let allowance = connection.inbound.bytes.allowance(at: now, fairBytesPerSecond: room.fairBytesPerSecond)
    return min(readShare, max(Self.minimumCrowdedShare, allowance))
  }
  private static let minimumCrowdedShare = 64

  /// Why the connection has to wait although it has sent something; nil if it has not.
  private func holdBeforeReading(_ connection: Connection) -> Hold? {
    if connection.lifecycle.isHeard {
      guard !connection.inbound.isCounted else { return nil }
      if room.isLogFull || room.isCrowded && connection.inbound.bytes.isBulkSender(at: now) { return .backpressure }
    }
    guard let limit = rateLimit(of: connection) else { return nil }
    // Discarding costs as well, whether of a line that is too long or of a peer that has left.
    guard connection.framer.isSkipping || !connection.lifecycle.isHeard else { return nil }
    return connection.inbound.rate.wait(at: now, for: limit).map { .rate(until: $0) }
  }

  /// A server that stops lets everybody finish, and what is only counted may come as fast as it likes.
  private func rateLimit(of connection: Connection) -> RateLimit? {
    guard let limit = configuration.rate, stage == .running, !connection.inbound.isCounted else { return nil }
    return limit
  }

  /// Takes in what a member has sent. What cannot be said now is kept, and the member is read no further.
  private func consume(_ bytes: Span<UInt8>, from connection: Connection) {
    var verdict = Verdict.taken
    let taken = connection.framer.consume(bytes) { frame, line in
      verdict = handle(frame, line, from: connection)
      return verdict.isTaken
    }
    if connection.framer.isSkipping, let limit = rateLimit(of: connection) {
      connection.inbound.rate.chargeSkipped(bytes: bytes.count, at: now, for: limit)
    }
    switch verdict {
    case .wait(let hold):
      bytes.extracting(taken..<bytes.count).withUnsafeBufferPointer { connection.inbound.held = Array($0) }
      self.hold(connection, hold)
    case .leave: leave(connection, because: .exit)
    case .taken:
      if connection.framer.awaitsSilence {
        schedule(checkOf: connection, by: now + configuration.quietInterval)
      }
    }
  }

  /// Acts on one frame.
  private func handle(_ frame: LineFramer.Frame, _ line: Span<UInt8>, from connection: Connection) -> Verdict {
    let limit = rateLimit(of: connection)
    if let limit, let until = connection.inbound.rate.wait(at: now, for: limit) {
      // Whoever leaves need not wait: all that it said before has been taken.
      if frame != .tooLong, ClientLine(line) == .exit { return exit(connection) }
      if !connection.inbound.isToldOfRate {
        connection.inbound.isToldOfRate = true
        tell(connection, .slowed(linesPerSecond: limit.linesPerSecond))
      }
      return .wait(.rate(until: until))
    }
    let verdict = act(on: frame, line, from: connection)
    if let limit, verdict.isTaken { connection.inbound.rate.chargeLine(of: line.count, at: now, for: limit) }
    return verdict
  }

  @inline(__always)
  private func act(on frame: LineFramer.Frame, _ line: Span<UInt8>, from connection: Connection) -> Verdict {
    if case .counted(let unsaid) = connection.inbound.lines { return count(frame, line, from: connection, unsaid) }
    // Patterns, here and below, because `==` for another module's type is a call through a table.
    if case .tooLong = frame {
      tell(connection, .lineTooLong(maximumBytes: configuration.maximumLineBytes))
      return .taken
    }
    switch ClientLine(line) {
    case .blank: return .taken
    case .exit: return exit(connection)
    case let kind:
      if case .unterminated = frame, !SafeText.isText(line) {
        tell(connection, .notText)
        return .taken
      }
      guard case .message = kind, !people.restrictsSpeech else { return perform(kind, line, by: connection) }
      return submit(line, as: .message, by: connection)
    }
  }

  /// Whoever leaves gets the end of its stream when all that it has said is said.
  private func exit(_ connection: Connection) -> Verdict { hasUncommittedLines(connection) ? .wait(.journal) : .leave }

  private func count(
    _ frame: LineFramer.Frame, _ line: Span<UInt8>, from connection: Connection, _ unsaid: Int
  ) -> Verdict {
    let meaning = ClientLine(line)
    if frame != .tooLong, meaning == .exit { return exit(connection) }
    if frame == .tooLong || meaning.isSaid { connection.inbound.lines = .counted(unsaid + 1) }
    return .taken
  }

  /// A pause, or the end of the stream, ends the message of a peer that sends no newlines.
  /// - Returns: whether the connection may go on: nothing of it is held, and it has not left.
  @discardableResult
  func endMessage(of connection: Connection) -> Bool {
    var verdict = Verdict.taken
    _ = connection.framer.endMessage { frame, line in
      verdict = handle(frame, line, from: connection)
      return verdict.isTaken
    }
    switch verdict {
    case .wait(let hold): self.hold(connection, hold)
    case .leave: leave(connection, because: .exit)
    case .taken: break
    }
    return verdict.isTaken
  }

  private func inputEnded(_ connection: Connection) {
    take(connection.lifecycle.inputEnded(), for: connection)
  }

  /// Says what the end of the stream completes; the member leaves then, unless it has to wait with that.
  func endMessageAndLeave(_ connection: Connection) {
    guard endMessage(of: connection), connection.lifecycle.isHeard else { return }
    if case .unreachable = connection.lifecycle { return lose(connection) }
    if hasUncommittedLines(connection) { hold(connection, .journal) } else { leave(connection, because: .endOfStream) }
  }

  // MARK: Members that wait

  /// Reads a member no further: others have to catch up first, or it sends faster than it may. What it has sent stays where
  /// it is.
  func hold(_ connection: Connection, _ hold: Hold) {
    connection.inbound.hold = hold
    if case .hearingOut = stage { heardOut.insert(connection.token) }
    switch hold {
    case .backpressure: heldBack.append(connection.token)
    case .answer: holdForAnswer(connection)
    case .rate(let moment): schedule(checkOf: connection, by: moment)
    case .journal: holdForJournal(connection)
    case .login: break
    }
    updateInterest(of: connection)
  }

  /// Hears what a member has sent before it had to wait, and reads it again.
  func resume(_ connection: Connection) {
    if connection.inbound.hold == nil, connection.inbound.held.isEmpty { return readable(connection) }
    if !connection.inbound.isCounted {
      switch connection.inbound.hold {
      case nil: break
      case .backpressure where room.isLogFull: return heldBack.append(connection.token)
      case .answer where answers[connection.token] != nil: return
      case .rate(let until) where until > now && stage == .running: return
      case .journal where isUndecided(connection) || isHeldToDrain(connection): return
      case .backpressure, .answer, .rate, .journal, .login: break
      }
    }
    connection.inbound.hold = nil
    // It was not read, so the silence until now says nothing.
    connection.inbound.lastReceived = now
    updateInterest(of: connection)
    guard connection.lifecycle.isHeard else { return }
    let held = connection.inbound.held
    connection.inbound.held = []
    if !held.isEmpty { consume(held.span, from: connection) }
    guard connection.inbound.hold == nil, connection.lifecycle.isHeard else { return }
    if connection.inbound.hasEnded { return inputEnded(connection) }
    if connection.framer.awaitsSilence { schedule(checkOf: connection, by: now + configuration.quietInterval) }
  }

  func checkRateHold(of connection: Connection) {
    guard case .rate(let until)? = connection.inbound.hold else { return }
    guard until <= now else { return schedule(checkOf: connection, by: until) }
    guard connection.lifecycle.isHeard else { return released.append(connection.token) }
    // Without reading, neither a reset nor the end of the stream is noticed, so both are asked for.
    if let error = connection.descriptor.takeError() { sendingFailed(connection, error) }
    guard connection.lifecycle.isHeard else { return }
    if connection.inbound.hasEnded || connection.descriptor.peerEnds(until: now) {
      if case .saidAfterDeparture(let departure) = connection.inbound.lines {
        if departure + configuration.departureLimit <= now { return countUnsaid(of: connection) }
      } else {
        connection.inbound.lines = .saidAfterDeparture(at: now)
      }
    }
    released.append(connection.token)
  }

  /// From now on a member's lines are counted, and not said: their time is over. It is told when it leaves.
  func countUnsaid(of connection: Connection) {
    connection.inbound.lines = .counted(0)
    resume(connection)
  }

  /// Counts the lines that a connection held when it broke.
  func countHeld(of connection: Connection) {
    guard connection.inbound.hold != nil else { return }
    if !connection.inbound.isCounted { connection.inbound.lines = .counted(0) }
    let held = connection.inbound.held
    connection.inbound.held = []
    consume(held.span, from: connection)
  }

  func checkQuiet(_ connection: Connection) {
    guard connection.lifecycle.isHeard, connection.framer.awaitsSilence, connection.inbound.hold == nil else { return }
    // What has come while the queue was busy belongs to the message.
    readable(connection)
    guard connection.lifecycle.isHeard, connection.framer.awaitsSilence, connection.inbound.hold == nil else { return }
    let deadline = connection.inbound.lastReceived + configuration.quietInterval
    if deadline <= now { endMessage(of: connection) } else { schedule(checkOf: connection, by: deadline) }
  }
}
