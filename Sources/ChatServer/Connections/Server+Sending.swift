import ChatWire

/// What goes out, and who waits when it does not.
extension Server {
  func writable(_ connection: Connection) {
    guard connection.isBlocked else { return }
    connection.isBlocked = false
    due.append(connection)
  }

  func deliver() {
    if room.log.head != servedUpTo {
      servedUpTo = room.log.head
      due.removeAll(keepingCapacity: true)
      for slot in connections.slots { if let connection = connections[slot: slot] { deliver(to: connection) } }
    } else {
      let served = due
      due = []
      for connection in served { deliver(to: connection) }
    }
    guard !broken.isEmpty else { return }
    let failed = broken
    broken = []
    for (connection, error) in failed { sendingFailed(connection, error) }
  }

  @inline(__always)
  func deliver(to connection: Connection) {
    if connection.isBlocked || connection.isMute || connection.phase == .closed { return }
    if connection.cursor.isCaughtUp(with: room.log) {
      if connection.phase == .leaving { endSending(connection) }
      if !connection.interest.contains(.writing) { return }
    }
    send(to: connection)
  }

  func send(to connection: Connection) {
    var sent = 0
    let outcome = connection.cursor.deliver(from: room.log, budget: 256 << 10, sent: &sent) { pieces in
      pieces.count == 1
        ? connection.descriptor.send(UnsafeRawBufferPointer(start: pieces[0].iov_base, count: pieces[0].iov_len))
        : connection.descriptor.send(pieces)
    }
    connection.handedOver += sent
    room.reprotect(connection)
    switch outcome {
    case .caughtUp:
      if connection.phase == .leaving { return endSending(connection) }
    case .blocked, .budgetSpent:
      connection.isBlocked = true
    case .failed(let error):
      broken.append((connection, error))
      return
    }
    updateInterest(of: connection)
    watchProgress(of: connection)
  }

  /// Looks from now on whether what was sent arrives.
  @inline(__always)
  private func watchProgress(of connection: Connection) {
    guard !connection.isAwaited else { return }
    connection.isAwaited = true
    connection.lastProgress = now
    look(at: connection, by: now + progressInterval)
  }

  /// The kernel may take bytes for a peer that takes none, or has vanished: what counts is what the peer's side acknowledges.
  /// The kernel's own timeout for that (TCP_USER_TIMEOUT, tcp(7)) is of no use, as it can take all the times that a peer
  /// has stood still for one.
  /// - Returns: when to look again; `never` if nothing is on its way any more. Nil if the peer is given up.
  func progress(of connection: Connection) -> Moment? {
    let held = connection.descriptor.unacknowledgedBytes()
    let acknowledged = connection.handedOver - held
    if acknowledged > connection.acknowledged || held == 0 { connection.lastProgress = now }
    connection.acknowledged = acknowledged
    if held == 0, !connection.isBlocked {
      connection.isAwaited = false
      return .never
    }
    let deadline = connection.lastProgress + configuration.giveUpAfter
    return deadline <= now ? nil : min(deadline, now + progressInterval)
  }

  func updateInterest(of connection: Connection) {
    var interest: Interest = []
    if !connection.hasEnded, !connection.isPaused { interest.insert(.reading) }
    if connection.isBlocked { interest.insert(.writing) }
    guard interest != connection.interest else { return }
    readiness.setInterest(interest, of: connection)
    connection.interest = interest
  }

  // MARK: Senders that wait

  /// Reads a sender no further: others have to catch up first, or it sends faster than it may. What it has sent stays where
  /// it is.
  func pause(_ connection: Connection) {
    guard !connection.isPaused else { return }
    connection.isPaused = true
    if let heldUntil = connection.heldUntil {
      look(at: connection, by: heldUntil)
    } else {
      paused.append(connection)
    }
    updateInterest(of: connection)
  }

  /// Hears what a sender has sent before it had to wait, and reads it again.
  func resume(_ connection: Connection) {
    connection.isPaused = false
    updateInterest(of: connection)
    let unread = connection.unread
    connection.unread = []
    if !unread.isEmpty { hear(unread.span, from: connection) }
    if connection.hasEnded, !connection.isPaused { streamHasEnded(connection) }
    if connection.framer.awaitsSilence { look(at: connection, by: now + configuration.silence) }
  }

  /// Lets those who wait go on if everybody who counts has come near again; and else waits, but not for ever.
  func weighRoom() {
    room.measureLag()
    guard !room.isCrowded else {
      if patienceEnds == .never { patienceEnds = now + configuration.patience }
      return
    }
    patienceEnds = .never
    guard !paused.isEmpty else { return }
    let waiting = paused
    paused = []
    for connection in waiting where connection.phase == .talking {
      if room.isLogFull { paused.append(connection) } else { resume(connection) }
    }
    guard room.log.head != servedUpTo || !due.isEmpty || room.isLogFull else { return }
    // What was said just now goes out in a turn of its own, so that others get theirs in between.
    queue.async {
      self.assumeIsolated {
        if !$0.hasStopped {
          $0.now = .now
          $0.finishTurn()
        }
      }
    }
  }
}
