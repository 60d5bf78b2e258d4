import ChatWire
import Dispatch

/// The chat server: one room, its listeners and its connections.
///
/// An actor whose executor is one serial dispatch queue: every event handler runs on that queue and enters by
/// `assumeIsolated`, and the compiler proves that nothing else touches the state. No job is ever awaited in here.
///
/// Work comes in turns. A turn takes in all that is ready, appends it to the room's log, and then writes to each member
/// once: so the cost of a line falls as the load rises.
package actor Server {
  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
  private nonisolated let executor: QueueExecutor
  nonisolated var queue: DispatchQueue { executor.queue }

  let configuration: Configuration
  var room: Room
  var connections = ConnectionTable()
  let log: Console
  let onStopped: @Sendable () -> Void

  private var signals: StopSignals?
  var listeners: [Listener] = []
  /// Members that there is room for.
  var maximumMembers = 0
  /// How many connections each address has, where that is limited.
  var quota: AddressQuota?
  /// Connections that there was no room for, and that are being told so.
  var refused = 0
  /// Peers on Unix sockets so far: such a peer has no port, and its number is its name.
  var unixPeers = 0

  let readiness: any Readiness
  private var ready: [ReadyConnection] = []
  /// What one connection is read into, in a turn.
  var input = [UInt8](repeating: 0, count: 16 << 10)
  /// Bytes that are read of each in this turn.
  var share = 16 << 10

  /// Up to where everybody who takes bytes has been served.
  var servedUpTo = LogOffset(0)
  /// Connections that something is due to although nothing was said.
  var due: [Connection] = []
  /// Connections that are not read because others have to catch up.
  var paused: [Connection] = []
  /// Connections that broke while they were written to, and how; a list, because members must not go while all are walked.
  var broken: [(Connection, SystemCallError)] = []

  /// The time as of this turn.
  var now = Moment.now
  private var deadlines = Deadlines()
  /// How often a connection is looked at that something is on its way to.
  let progressInterval: Duration
  /// When a crowded room stops to wait for its slowest members.
  var patienceEnds = Moment.never
  /// When the listeners are to be tried again, and how long it is to be the next time that descriptors are short.
  var acceptsAgain = Moment.never
  var acceptPause = Duration.milliseconds(10)
  /// When a stopping server gives up on goodbyes.
  var stopsBy = Moment.never
  var isStopping = false
  var hasStopped = false
  let timer: any DispatchSourceTimer
  private var timerIsSetTo = Moment.never

  /// - Parameters:
  ///   - log: takes the server's lines.
  ///   - onStopped: is called on the server's queue when a stop is complete.
  /// - Throws: if not even the event layer's own descriptor can be had.
  package init(
    _ configuration: Configuration, log: LogWriter, onStopped: @escaping @Sendable () -> Void
  ) throws(SystemCallError) {
    precondition(configuration.logBytes >= 16 * configuration.maximumLineBytes, "the log has to hold some lines")
    executor = QueueExecutor(label: "mychat.room")
    self.configuration = configuration
    room = Room(logBytes: configuration.logBytes, maximumLineBytes: configuration.maximumLineBytes)
    self.log = Console(writer: log)
    quota = configuration.maximumPerAddress.map { AddressQuota(limit: $0) }
    self.onStopped = onStopped
    progressInterval = configuration.giveUpAfter / 40
    switch configuration.eventLayer {
    case .portable: readiness = DispatchReadiness()
    case .epoll: readiness = try EpollReadiness()
    }
    timer = DispatchSource.makeTimerSource(queue: executor.queue)
  }

  /// Binds every address, then begins to take connections.
  /// - Returns: where the server listens now, with real ports.
  /// - Parameter stopsOnSignals: whether SIGINT, SIGTERM and SIGHUP stop the server from the moment that it listens. Until
  ///   then they end the process, as the name of an address may take minutes to resolve.
  /// - Throws: if one address cannot be had; then none is kept.
  @discardableResult
  package nonisolated func start(stopsOnSignals: Bool = false) throws(ListenError) -> [Address] {
    let result = queue.sync {
      assumeIsolated { server in Result { () throws(ListenError) in try server.open(stopsOnSignals: stopsOnSignals) } }
    }
    return try result.get()
  }

  /// Ends the server in good order: everybody gets what is on its way. Done when `onStopped` is called.
  package nonisolated func stop() {
    queue.async { self.assumeIsolated { $0.beginStopping() } }
  }

  private func open(stopsOnSignals: Bool) throws(ListenError) -> [Address] {
    // First of all: a timer that is first set when descriptors have run out would never fire.
    timer.setEventHandler { self.assumeIsolated { $0.timeHasCome() } }
    timer.schedule(deadline: .now())
    timer.activate()
    readiness.activate(on: queue) { self.assumeIsolated { $0.connectionsAreReady() } }
    maximumMembers = min(
      configuration.maximumMembers ?? .max, raiseDescriptorLimit() - Configuration.reservedDescriptors)
    for address in configuration.addresses {
      do throws(ListenError) { listeners += try Listener.all(for: address, besides: listeners) } catch {
        for listener in listeners { listener.close() }
        listeners = []
        throw error
      }
    }
    if stopsOnSignals { signals = StopSignals(stopping: self) }
    for (index, listener) in listeners.enumerated() {
      log.listening(on: listener.address)
      listener.activate(on: queue) { self.assumeIsolated { $0.peersAreWaiting(atListener: index) } }
    }
    log.flushPage()
    return listeners.map(\.address)
  }

  // MARK: Turns

  /// Bytes said after which everybody gets theirs before anybody else is heard.
  private static let mostSaidInTurn = 128 << 10
  /// Bytes that each may say in a turn, however many say something.
  private static let leastShare = 4 << 10
  /// How long turn may follow turn before listeners, timers and signals get theirs.
  private static let longestStay = Duration.milliseconds(5)

  func connectionsAreReady() {
    guard !hasStopped else { return }
    let sinceLastTurn = now.distance(to: .now)
    now = .now
    let leavesAt = now + Self.longestStay
    // In a busy room the next lines are close: waiting for them here saves libdispatch's way from one event to the next,
    // which is two switches of threads and four system calls.
    let wait: CInt = sinceLastTurn < .milliseconds(1) ? 1 : 0
    repeat {
      let isWatched = readiness.takeReady(into: &ready, within: wait)
      now = .now
      share = min(input.count, max(Self.leastShare, room.windowBytes / max(1, ready.count)))
      for index in ready.indices {
        guard let connection = connections[ready[index].token] else { continue }
        let can = ready[index].ready
        if can.contains(.writing) { writable(connection) }
        if can.contains(.reading) { readable(connection) }
        // Those who say much must not keep others waiting for what was said before.
        if room.log.head - servedUpTo > Self.mostSaidInTurn { finishTurn() }
      }
      finishTurn()
      if isWatched { return }
    } while now < leavesAt
  }

  /// Everything that a turn has brought goes out: lines to members, log lines, timers.
  func finishTurn() {
    deliver()
    weighRoom()
    log.flushPage()
    setTimer()
  }

  private func timeHasCome() {
    guard !hasStopped else { return }
    now = .now
    timerIsSetTo = .never
    while let due = deadlines.removeFirst(dueBy: now) {
      // One that was brought forward has been looked at since.
      if let connection = connections[due.token], connection.nextLook == due.moment { look(at: connection) }
    }
    if patienceEnds <= now {
      patienceEnds = .never
      room.releaseLaggards()
    }
    if acceptsAgain <= now { acceptAgain() }
    finishTurn()
    if stopsBy <= now { finishStopping() }
  }

  private func setTimer() {
    let next = min(min(deadlines.earliest, patienceEnds), min(acceptsAgain, stopsBy))
    guard next < timerIsSetTo else { return }
    timerIsSetTo = next
    timer.schedule(deadline: DispatchTime(uptimeNanoseconds: next.nanoseconds), leeway: .milliseconds(1))
  }

  /// Has `look` called for a connection at `moment` or before.
  func look(at connection: Connection, by moment: Moment) {
    guard moment < connection.nextLook else { return }
    connection.nextLook = moment
    deadlines.add(moment, for: connection.token)
  }

  /// Does what has become due for a connection by the time alone.
  private func look(at connection: Connection) {
    connection.nextLook = .never
    var next = Moment.never
    if connection.isAwaited {
      guard let again = progress(of: connection) else { return lose(connection) }
      next = again
    }
    if connection.phase == .ending {
      if connection.endsBy <= now { return close(connection) }
      next = min(next, connection.endsBy)
    }
    if connection.phase == .talking, let heldUntil = connection.heldUntil {
      if heldUntil > now {
        next = min(next, heldUntil)
      } else {
        // One that is not read would not be seen to break.
        if let error = connection.descriptor.takeError() { sendingFailed(connection, error) }
        if connection.phase == .talking {
          connection.heldUntil = nil
          resume(connection)
        }
      }
    }
    if connection.phase == .talking, connection.framer.awaitsSilence, !connection.isPaused {
      // What has come while the queue was busy belongs to the message.
      readable(connection)
      if connection.phase == .talking, connection.framer.awaitsSilence, !connection.isPaused {
        let deadline = connection.lastHeard + configuration.silence
        if deadline <= now { endMessage(of: connection) } else { next = min(next, deadline) }
      }
    }
    if connection.phase != .closed { look(at: connection, by: next) }
  }
}
