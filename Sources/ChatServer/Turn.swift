import ChatWire
import Dispatch

/// A turn: take in all that is ready, append it to the room's log, write to each member once, and decide who is read next.
///
///     receive ──> deliver ──> release ──> console ──> timer
///        ^                       │
///        └── next turn ──────────┘
///
/// When traffic is light a turn is one line, and it goes out at once. Under load turns grow by themselves, so the cost of a
/// line falls as the load rises. Nobody is heard while others are served: whoever may go on is put on `released`, and is
/// heard at the beginning of the next turn.
///
/// A server that shares its room submits in `receive`, and before it delivers takes what all servers have read back.
///
/// Four things begin a turn, and each entry point ends in `finishTurn`: connections are ready, or the link to other servers has
/// news; peers wait at a listener; the timer fires; a stop is requested.
extension Server {
  /// Bytes said after which everybody gets theirs before anybody else is heard.
  static let maximumBytesSaidInTurn = 128 << 10
  /// Bytes read in a turn at least, if there are as many: less would make a send to each member for a few long lines.
  private static let minimumTurnBytes = 64 << 10
  /// Bytes that each may say in a turn, however many say something.
  private static let minimumReadShare = 4 << 10
  /// Bytes read at a time where a rate is set: what is read and may not be said yet has to be kept.
  private static let limitedReadShare = 2 << 10
  /// How long a busy room is waited for.
  private static let busyWait: UInt64 = 1_000_000
  /// After this long the queue is yielded to listeners, timers and signals.
  private static let maximumTurnsDuration = Duration.milliseconds(5)

  func connectionsAreReady() {
    guard stage != .stopped else { return }
    let sinceLastTurn = now.distance(to: .now)
    now = .now
    let deadline = now + Self.maximumTurnsDuration
    // In a busy room the next lines are close: waiting for them here saves libdispatch's way from one event to the next,
    // which is two switches of threads and four system calls.
    let isBusy = sinceLastTurn < .nanoseconds(Self.busyWait)
    while true {
      let wait = isBusy && released.isEmpty ? min(Self.busyWait, cluster?.nanosecondsUntilDue ?? .max) : 0
      let isDrained = readiness.takeReady(into: &ready, within: wait)
      now = .now
      receive()
      finishTurn()
      if isDrained && released.isEmpty { return }
      if now >= deadline { break }
    }
    scheduleTurnIfNeeded()
  }

  private func receive() {
    beginMinuteIfDue()
    readShare =
      configuration.rate != nil && stage == .running
      ? Self.limitedReadShare
      : min(input.count, max(Self.minimumReadShare, max(room.windowBytes, Self.minimumTurnBytes) / max(1, ready.count)))
    if !released.isEmpty {
      let tokens = released
      released = []
      for token in tokens {
        if let connection = connections[token] { resume(connection) }
        serveIfMuchWasSaid()
      }
    }
    for index in ready.indices {
      guard let connection = connections[ready[index].token] else {
        // None of a member's, so it is the link's, or it has gone.
        if let cluster, cluster.owns(ready[index].token) { cluster.handle(ready[index]) }
        continue
      }
      let can = ready[index].ready
      if can.contains(.writing) { writable(connection) }
      if can.contains(.reading) { readable(connection) }
      serveIfMuchWasSaid()
    }
  }

  /// Those who say much must not keep others waiting for what was said before.
  @inline(__always)
  private func serveIfMuchWasSaid() {
    if room.log.head - servedUpTo > Self.maximumBytesSaidInTurn { finishTurn() }
  }

  /// Sends out what the turn has brought, and decides who is read in the next one.
  func finishTurn() {
    hasSortedRoster = false
    if let cluster { takeEvents(of: cluster) }
    deliverToAll()
    releaseHeldBack()
    if stage != .running { continueStop() }
    if let cluster { endTurn(of: cluster) }
    console.flushPage()
    setTimer()
  }

  /// Lets those who wait go on if everybody who is waited for has come near again; else waits, but not for ever.
  private func releaseHeldBack() {
    room.measureLag()
    guard !room.isCrowded else {
      if patienceEndsAt == .never { patienceEndsAt = now + configuration.patience }
      return
    }
    patienceEndsAt = .never
    if !heldBack.isEmpty {
      released += heldBack
      heldBack = []
    }
  }

  /// Has a turn run behind whatever the queue holds already, for connections that were released outside of the event
  /// layer's reports.
  func scheduleTurnIfNeeded() { if !released.isEmpty { scheduleTurn() } }

  func scheduleTurn() {
    guard !isTurnScheduled else { return }
    isTurnScheduled = true
    queue.async {
      self.assumeIsolated {
        $0.isTurnScheduled = false
        $0.connectionsAreReady()
      }
    }
  }

  // MARK: Time

  func timerFired() {
    guard stage != .stopped else { return }
    now = .now
    beginMinuteIfDue()
    timerFiresAt = .never
    while let next = deadlines.removeFirst(dueBy: now) {
      // An entry that is not the connection's earliest is stale.
      if let connection = connections[next.token], connection.nextCheckAt == next.moment { check(connection) }
    }
    if patienceEndsAt <= now {
      patienceEndsAt = .never
      room.releaseLaggards()
    }
    if acceptResumesAt <= now { resumeAccepting() }
    finishTurn()
    scheduleTurnIfNeeded()
  }

  /// Notes in the log which minute it is, once in each.
  @inline(__always)
  func beginMinuteIfDue() { if minuteEndsAt <= now { beginMinute() } }

  private func beginMinute() {
    let time = WallTime.now
    minute = time.minute
    minuteEndsAt = now + .seconds(60 - time.seconds % 60)
    room.mark(minute: minute)
  }

  private func setTimer() {
    let next = min(min(deadlines.earliest, patienceEndsAt), min(acceptResumesAt, stopDeadline))
    guard next < timerFiresAt else { return }
    timerFiresAt = next
    timer.schedule(deadline: DispatchTime(uptimeNanoseconds: next.nanoseconds), leeway: .milliseconds(1))
  }

  /// Has `check` called for a connection at `moment` or before.
  func schedule(checkOf connection: Connection, by moment: Moment) {
    guard moment < connection.nextCheckAt else { return }
    connection.nextCheckAt = moment
    deadlines.add(moment, for: connection.token)
  }

  /// Does what has become due for a connection by time alone. There are seven reasons to check one:
  /// - the kernel had no memory to send to it: does it take bytes again?
  /// - bytes are on their way to it: do they arrive?
  /// - it lingers: has it had long enough?
  /// - `--rate` holds it: may it go on?
  /// - the link to other servers holds it: is its peer still there?
  /// - its private line is with another server: has that had long enough to answer?
  /// - it has sent no newline yet: has it been quiet for long enough to end its message?
  private func check(_ connection: Connection) {
    connection.nextCheckAt = .never
    if connection.isBlocked { updateInterest(of: connection) }
    checkProgress(of: connection)
    checkLingering(connection)
    checkRateHold(of: connection)
    checkJournalHold(of: connection)
    checkLetter(of: connection)
    checkQuiet(connection)
  }
}
