import ChatWire

/// What goes out, and whether it arrives.
extension Server {
  /// Bytes that one member gets in a turn, so that nobody starves the others.
  private static let maximumBytesPerDelivery = 256 << 10
  /// Pause before sending again after the kernel ran out of memory (ENOBUFS, ENOMEM).
  private static let shortagePause = Duration.milliseconds(10)

  func writable(_ connection: Connection) {
    guard connection.isBlocked else { return }
    connection.isBlocked = false
    due.append(connection)
  }

  /// Sends to each member what is due to it.
  func deliverToAll() {
    if room.log.head != servedUpTo {
      transcript?.take(from: room.log)
      servedUpTo = room.log.head
      due.removeAll(keepingCapacity: true)
      let count = connections.slotCount
      firstSlotServed = firstSlotServed + 1 < count ? firstSlotServed + 1 : 0
      var slot = firstSlotServed
      for _ in 0..<count {
        if let connection = connections[slot: slot] { deliver(to: connection) }
        slot = slot + 1 < count ? slot + 1 : 0
      }
    } else if !due.isEmpty {
      let served = due
      due = []
      for connection in served { deliver(to: connection) }
    }
    continueAnswers()
    guard !broken.isEmpty else { return }
    let failed = broken
    broken = []
    for (connection, error) in failed { sendingFailed(connection, error) }
  }

  @inline(__always)
  private func deliver(to connection: Connection) {
    if connection.isBlocked { return }
    switch connection.lifecycle {
    case .member:
      if !connection.cursor.isCaughtUp(with: room.log) { sendDue(to: connection) }
    case .leaving:
      if connection.cursor.isCaughtUp(with: room.log) { allIsSent(to: connection) } else { sendDue(to: connection) }
    case .unreachable, .lingering, .closed: break
    }
    if connection.interest.contains(.writing), connection.lifecycle != .closed { updateInterest(of: connection) }
  }

  private func sendDue(to connection: Connection) {
    var sent = 0
    let outcome = connection.cursor.deliver(from: room.log, budget: Self.maximumBytesPerDelivery, sent: &sent) {
      pieces in
      pieces.count == 1
        ? connection.descriptor.send(UnsafeRawBufferPointer(start: pieces[0].iov_base, count: pieces[0].iov_len))
        : connection.descriptor.send(pieces)
    }
    connection.bytesSent += sent
    room.reprotect(connection)
    switch outcome {
    case .caughtUp:
      if case .leaving = connection.lifecycle { return allIsSent(to: connection) }
    case .answerDue: queueForPiece(connection)
    case .blocked where sent == 0 && connection.interest.contains(.writing):
      // It was reported as writable and took nothing: the kernel is short of memory, and would report it without end.
      connection.isBlocked = true
      updateInterest(of: connection, isWritingAwaited: false)
      schedule(checkOf: connection, by: now + Self.shortagePause)
    case .blocked, .budgetSpent:
      connection.isBlocked = true
      updateInterest(of: connection)
    case .failed(let error):
      broken.append((connection, error))
      return
    }
    if connection.progress == nil {
      connection.progress = ProgressWatch(startingAt: now)
      schedule(checkOf: connection, by: now + progressInterval)
    }
  }

  /// Puts a notice into a member's stream.
  func tell(_ connection: Connection, _ notice: Notice) {
    connection.cursor.tell(notice.line)
    due.append(connection)
  }

  func checkProgress(of connection: Connection) {
    guard connection.progress != nil else { return }
    var limits = configuration.progressLimits
    // Whoever has left is not waited for as long as a member.
    if case .leaving = connection.lifecycle { limits.stalled = limits.silent }
    let finding = connection.progress?.check(
      sent: connection.bytesSent, unacknowledged: connection.descriptor.unacknowledgedBytes(),
      isBlocked: connection.isBlocked, at: now, every: progressInterval, limits: limits,
      isAnswering: { connection.descriptor.isPeerAnswering(within: configuration.silenceLimit) })
    switch finding {
    case .checkAgain(let moment): schedule(checkOf: connection, by: moment)
    case .givenUp: lose(connection)
    case .allArrived, nil: connection.progress = nil
    }
  }

  /// Has the event layer report what the connection's state asks for.
  /// - Parameter isWritingAwaited: false while a blocked connection is tried again by time instead.
  func updateInterest(of connection: Connection, isWritingAwaited: Bool = true) {
    var interest: Interest = []
    if !connection.inbound.hasEnded, connection.inbound.hold == nil { interest.insert(.reading) }
    if connection.isBlocked && isWritingAwaited { interest.insert(.writing) }
    guard interest != connection.interest else { return }
    readiness.setInterest(
      interest, insteadOf: connection.interest, of: connection.descriptor.number, as: connection.token)
    connection.interest = interest
    // What came while nobody wanted to read may never be reported.
    if interest.contains(.reading), !readiness.isLevelTriggered { released.append(connection.token) }
  }
}
