import ChatWire
import Glibc

/// Why a connection ends. The console and the counters say it.
enum CloseReason {
  /// It sent `exit`.
  case exit
  /// It ended its stream.
  case endOfStream
  /// There is no place for it.
  case refused
  /// An operator put it out.
  case putOut
  case serverStopping
}

/// Lines of a member whose time is over.
struct UnsaidLines {
  /// Those that nobody will ever hear.
  var unsent = 0
  /// Those that Redis was given and has not given back: it may still say them at other servers.
  var uncertain = 0
}

/// How a connection ends, and how the server does.
extension Server {
  /// Takes a member out of the conversation: it still gets what was said until now, and nothing that it sends counts.
  func leave(_ connection: Connection, because reason: CloseReason) {
    let step = connection.lifecycle.leave()
    guard step != .nothing else { return }
    let unsaid = unsaidLines(of: connection)
    if unsaid.uncertain > 0 { tell(connection, .linesPerhapsSent(unsaid.uncertain)) }
    if unsaid.unsent > 0 { tell(connection, .linesNotSent(unsaid.unsent)) }
    noteUnsaid(of: connection)
    switch reason {
    case .refused: break
    case .exit, .endOfStream, .putOut, .serverStopping:
      if reason == .exit { console.leftByCommand(connection.label, as: connection.name) }
      console.removed(connection.label, as: connection.name)
      counts.left += 1
      noteDeparture(of: connection)
    }
    take(step, for: connection)
  }

  /// Sending to a peer failed.
  func sendingFailed(_ connection: Connection, _ error: SystemCallError) {
    take(
      connection.lifecycle.sendingFailed(
        endedInOrder: error.code == EPIPE, inputHasEnded: connection.inbound.hasEnded,
        isHeld: connection.inbound.hold != nil),
      for: connection)
  }

  /// The connection broke, or its peer is given up.
  func lose(_ connection: Connection) { take(connection.lifecycle.lose(), for: connection) }

  func allIsSent(to connection: Connection) {
    take(
      connection.lifecycle.allIsSent(
        inputHasEnded: connection.inbound.hasEnded, lingeringUntil: now + configuration.goodbye),
      for: connection)
  }

  func checkLingering(_ connection: Connection) {
    guard case .lingering(let deadline) = connection.lifecycle else { return }
    if deadline <= now { lose(connection) } else { schedule(checkOf: connection, by: deadline) }
  }

  /// Does what a change of a connection's life asks for.
  func take(_ step: Lifecycle.Step, for connection: Connection) {
    switch step {
    case .nothing: break
    case .flush:
      connection.inbound.held = []
      connection.inbound.hold = nil
      updateInterest(of: connection)
      connection.cursor.end(with: room.log)
      due.append(connection)
    case .readToEnd:
      endAnswer(to: connection)
      room.remove(connection)
      connection.progress = nil
      connection.isBlocked = false
      updateInterest(of: connection)
      if connection.inbound.hold == nil { released.append(connection.token) }
    case .shutDownSending(let deadline):
      room.remove(connection)
      connection.descriptor.shutdownSending()
      // A socket shut for sending is always writable, and would be reported for ever.
      connection.isBlocked = false
      connection.progress = nil
      updateInterest(of: connection)
      schedule(checkOf: connection, by: deadline)
    case .endMessageAndLeave: endMessageAndLeave(connection)
    case .close(let isLost):
      if isLost {
        countHeld(of: connection)
        noteUnsaid(of: connection)
        counts.lost += 1
        console.lost(connection.label, as: connection.name)
        console.removed(connection.label, as: connection.name)
        noteDeparture(of: connection)
      }
      close(connection)
    }
  }

  private func noteUnsaid(of connection: Connection) {
    if cluster != nil, stage.isRoomOpen { noteGone(connection) }
    drop(unsaidLines(of: connection), of: connection.label)
  }

  func drop(_ lines: UnsaidLines, of peer: Console.PeerLabel) {
    if lines.unsent > 0 { console.dropped(peer, lines: lines.unsent) }
    if lines.uncertain > 0 { console.perhapsDropped(peer, lines: lines.uncertain) }
    counts.dropped += lines.unsent + lines.uncertain
  }

  /// Lines that a member has sent, and that this server will not say any more.
  private func unsaidLines(of connection: Connection) -> UnsaidLines {
    var unsaid = cluster == nil || stage.isRoomOpen ? UnsaidLines() : unsaidLines(of: connection.token)
    if case .counted(let count) = connection.inbound.lines { unsaid.unsent += count }
    return unsaid
  }

  private func close(_ connection: Connection) {
    endAnswer(to: connection)
    tellUnread(of: connection)
    counts.bytesSent += connection.bytesSent
    room.remove(connection)
    switch connection.admission {
    case .member(let key?): quota?.release(key)
    case .member(nil): break
    case .refused: refusedCount -= 1
    }
    readiness.forget(connection.descriptor.number, as: connection.token, interest: connection.interest)
    connections.remove(connection.token)
  }

  // MARK: The end

  /// When the stage that the stop is in ends.
  var stopDeadline: Moment {
    switch stage {
    case .hearingOut(let deadline), .draining(let deadline), .counting(let deadline), .closing(let deadline):
      deadline
    case .running, .stopped: .never
    }
  }

  func stopRequested() {
    guard stage == .running else { return }
    now = .now
    for listener in listeners { listener.close() }
    listeners = []
    identification?.dropArriving()
    stopAwaitingHeaders()
    unfoldTurnedAway()
    metrics.close()
    acceptResumesAt = .never
    // 6/8 of the time for held lines, 1/8 for counting the rest, 1/8 for goodbyes.
    stage = .hearingOut(until: now + configuration.goodbye * 6 / 8)
    serviceManager?.tell(.stopping, status: serviceStatus)
    for connection in connections.all where connection.lifecycle.isHeard {
      if connection.inbound.hold == nil {
        hearArrived(from: connection)
      } else {
        heardOut.insert(connection.token)
        resume(connection)
      }
    }
    finishTurn()
    scheduleTurnIfNeeded()
  }

  /// Relays what has arrived from a member, unless it has to wait with that.
  private func hearArrived(from connection: Connection) {
    var arrived = connection.descriptor.unreadBytes()
    while arrived > 0, connection.lifecycle.isHeard, connection.inbound.hold == nil, !connection.inbound.hasEnded {
      arrived -= readShare
      readable(connection)
      // Much may be said before the next delivery.
      transcript?.take(from: room.log)
    }
    endRawMessage(of: connection)
  }

  private func endRawMessage(of connection: Connection) {
    if connection.lifecycle.isHeard, connection.inbound.hold == nil, connection.framer.awaitsSilence {
      endMessage(of: connection)
    }
  }

  /// How long those who had to wait have to be quiet until all that they sent is taken to be here. The pause that ends a message
  /// may be longer than the stop.
  private var quietIntervalOfStop: Duration { min(configuration.quietInterval, configuration.goodbye / 8) }

  /// Goes on with hearing out those who had to wait, until each has been quiet for a moment, because what they sent may
  /// still be with their own kernels.
  /// - Returns: whether all of them have been heard.
  private func continueHearingOut() -> Bool {
    for token in heardOut {
      guard let connection = connections[token], connection.lifecycle.isHeard else {
        heardOut.remove(token)
        continue
      }
      guard connection.inbound.hold == nil else { continue }
      let quietAt = connection.inbound.lastReceived + quietIntervalOfStop
      if quietAt <= now, connection.descriptor.unreadBytes() == 0 {
        heardOut.remove(token)
        endRawMessage(of: connection)
      } else {
        schedule(checkOf: connection, by: max(quietAt, now + .milliseconds(1)))
      }
    }
    return heardOut.isEmpty
  }

  /// Goes on with a stop, as far as the room and the time allow. Nobody's stream ends before all that was held is relayed or
  /// counted, because it has to reach everybody.
  func continueStop() {
    switch stage {
    case .running, .stopped: return
    case .hearingOut(let deadline):
      if continueHearingOut() {
        drainOrLeave(by: deadline)
      } else if deadline <= now {
        stage = .counting(until: deadline + configuration.goodbye / 8)
        makeWayForEvents()
        for token in heardOut { if let connection = connections[token] { countUnsaid(of: connection) } }
      }
    case .draining(let deadline):
      if isLinkDrained || deadline <= now { leaveAll(closingBy: deadline + configuration.goodbye * 2 / 8) }
    case .counting(let deadline):
      guard continueHearingOut() && isLinkDrained || deadline <= now else { break }
      for token in heardOut { if let connection = connections[token] { hearArrived(from: connection) } }
      leaveAll(closingBy: deadline + configuration.goodbye / 8)
    case .closing(let deadline):
      if deadline <= now { return finishStopping() }
    }
    deliverToAll()
    // Before that, members that have gone already may still have lines on their way.
    if case .closing = stage, connections.count == 0 { finishStopping() }
  }

  /// All have been heard. Before they leave, what they said has to come back from the other servers, and so nobody is heard any
  /// more.
  private func drainOrLeave(by deadline: Moment) {
    if cluster != nil {
      for connection in connections.all { endRawMessage(of: connection) }
      // A message that found no space is heard out like others.
      guard heardOut.isEmpty else { return }
      if !isLinkDrained {
        stage = .draining(until: deadline)
        makeWayForEvents()
        for connection in connections.all where connection.lifecycle.isHeard && connection.inbound.hold == nil {
          connection.inbound.hold = .journal
          updateInterest(of: connection)
        }
        return
      }
    }
    leaveAll(closingBy: deadline + configuration.goodbye * 2 / 8)
  }

  /// Whether a member is only held because nobody is heard any more. One that leaves may do so.
  func isHeldToDrain(_ connection: Connection) -> Bool {
    guard case .draining = stage else { return false }
    return connection.inbound.held.isEmpty && !connection.inbound.hasEnded
  }

  private func leaveAll(closingBy deadline: Moment) {
    if let cluster {
      makeWayForEvents()
      takeEvents(of: cluster)
    }
    stage = .closing(until: deadline)
    for connection in connections.all { endRawMessage(of: connection) }
    for connection in connections.all where connection.lifecycle.isHeard { leave(connection, because: .serverStopping) }
    endLink()
  }

  /// How long the end of the server waits for a disk.
  private static let diskSeconds = 5.0

  private func finishStopping() {
    guard stage != .stopped else { return }
    stage = .stopped
    for connection in connections.all { lose(connection) }
    readiness.cancel()
    timer.cancel()
    serviceManager?.close()
    console.flushPage()
    transcript?.drain(seconds: Self.diskSeconds)
    moderation.drain(seconds: Self.diskSeconds)
    metrics.file?.save(currentCounters)
    metrics.file?.drain(seconds: Self.diskSeconds)
    onStopped()
  }
}
