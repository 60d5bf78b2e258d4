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
  let log: ServerLog
  private let onStopped: @Sendable () -> Void

  var listeners: [Listener] = []
  /// Members that there is room for.
  var maximumMembers = 0
  /// Peers on Unix sockets so far: such a peer has no port, and its number is its name.
  var unixPeers = 0

  private var readiness: (any Readiness)!  // Set in `start`, before anything can be reported.
  private var ready: [ReadyConnection] = []
  /// What one connection is read into, in a turn.
  private var input = [UInt8](repeating: 0, count: 64 << 10)

  /// Up to where everybody who takes bytes has been served.
  private var servedUpTo = LogOffset(0)
  /// Connections that something is due to although nothing was said.
  private var due: [Connection] = []
  /// Connections that are not read because the log is full.
  private var paused: [Connection] = []
  /// Connections that broke while they were written to; a list, because members must not go while all are walked.
  private var broken: [Connection] = []

  /// The time as of this turn.
  var now = Moment.now
  private var deadlines = Deadlines()
  /// When a full log stops to wait for its slowest members.
  private var patienceEnds = Moment.never
  /// When the listeners are to be tried again, and how long it is to be the next time that descriptors are short.
  var acceptsAgain = Moment.never
  var acceptPause = Duration.milliseconds(10)
  /// When a stopping server gives up on goodbyes.
  private var stopsBy = Moment.never
  private var isStopping = false
  private var hasStopped = false
  private var timer: any DispatchSourceTimer
  private var timerIsSetTo = Moment.never

  /// - Parameters:
  ///   - log: takes the server's lines.
  ///   - onStopped: is called on the server's queue when a stop is complete.
  package init(_ configuration: Configuration, log: LogWriter, onStopped: @escaping @Sendable () -> Void) {
    precondition(configuration.logBytes >= 16 * configuration.maximumLineBytes, "the log has to hold some lines")
    executor = QueueExecutor(label: "mychat.room")
    self.configuration = configuration
    room = Room(logBytes: configuration.logBytes)
    self.log = ServerLog(writer: log)
    self.onStopped = onStopped
    timer = DispatchSource.makeTimerSource(queue: executor.queue)
  }

  /// Binds every address, then begins to take connections.
  /// - Returns: where the server listens now, with real ports.
  /// - Throws: if one address cannot be had; then none is kept.
  @discardableResult
  package nonisolated func start() throws(ListenError) -> [Address] {
    let result = queue.sync { assumeIsolated { server in Result { () throws(ListenError) in try server.open() } } }
    return try result.get()
  }

  /// Ends the server in good order: everybody gets what is on its way. Done when `onStopped` is called.
  package nonisolated func stop() {
    queue.async { self.assumeIsolated { $0.beginStopping() } }
  }

  private func open() throws(ListenError) -> [Address] {
    // First of all: a timer that is first set when descriptors have run out would never fire.
    timer.setEventHandler { [unowned self] in assumeIsolated { $0.timeHasCome() } }
    timer.schedule(deadline: .now())
    timer.activate()
    do throws(SystemCallError) { readiness = try makeReadiness() } catch {
      throw ListenError(configuration.addresses[0], "\(error).")
    }
    maximumMembers = min(
      configuration.maximumMembers ?? .max, raiseDescriptorLimit() - Configuration.reservedDescriptors)
    for address in configuration.addresses {
      do throws(ListenError) { listeners += try Listener.all(for: address) } catch {
        for listener in listeners { listener.close() }
        listeners = []
        throw error
      }
    }
    for (index, listener) in listeners.enumerated() {
      log.listening(on: listener.address)
      listener.activate(on: queue) { [unowned self] in assumeIsolated { $0.peersAreWaiting(atListener: index) } }
    }
    log.handOver()
    return listeners.map(\.address)
  }

  private func makeReadiness() throws(SystemCallError) -> any Readiness {
    let report: @Sendable () -> Void = { [unowned self] in assumeIsolated { $0.connectionsAreReady() } }
    switch configuration.eventLayer {
    case .portable:
      return DispatchReadiness(queue: queue, report: report) { [unowned self] ready in
        assumeIsolated { ($0.readiness as? DispatchReadiness)?.add(ready) }
      }
    #if os(Linux)
      case .epoll: return try EpollReadiness(queue: queue, report: report)
    #endif
    }
  }

  // MARK: Turns

  private func connectionsAreReady() {
    guard !hasStopped else { return }
    now = .now
    // A few rounds without going back to libdispatch, which costs more than asking again; then others get their turn.
    for _ in 0..<8 {
      let mayBeMore = readiness.takeReady(into: &ready)
      for index in ready.indices {
        guard let connection = connections[ready[index].token] else { continue }
        let can = ready[index].ready
        if can.contains(.writing) { writable(connection) }
        if can.contains(.reading) { readable(connection) }
      }
      finishTurn()
      if !mayBeMore { return }
    }
  }

  /// Everything that a turn has brought goes out: lines to members, log lines, timers.
  func finishTurn() {
    deliver()
    if room.isFull { waitForRoom() }
    log.handOver()
    setTimer()
  }

  private func timeHasCome() {
    guard !hasStopped else { return }
    now = .now
    timerIsSetTo = .never
    while let token = deadlines.removeFirst(dueBy: now) {
      if let connection = connections[token] { look(at: connection) }
    }
    if patienceEnds <= now {
      patienceEnds = .never
      room.stopWaiting()
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
  private func look(at connection: Connection, by moment: Moment) {
    guard moment < connection.nextLook else { return }
    connection.nextLook = moment
    deadlines.add(moment, for: connection.token)
  }

  /// Does what has become due for a connection by the time alone.
  private func look(at connection: Connection) {
    connection.nextLook = .never
    if connection.isBlocked {
      let deadline = connection.lastProgress + configuration.giveUpAfter
      if deadline <= now { return lose(connection) }
      look(at: connection, by: deadline)
    }
    if connection.phase == .ending {
      if connection.endsBy <= now { return close(connection) }
      look(at: connection, by: connection.endsBy)
    }
    if connection.phase == .talking, connection.framer.awaitsSilence, !connection.isPaused {
      // What has come while the queue was busy belongs to the message.
      readable(connection)
      guard connection.phase == .talking, connection.framer.awaitsSilence, !connection.isPaused else { return }
      let deadline = connection.lastHeard + configuration.silence
      if deadline <= now { endMessage(of: connection) } else { look(at: connection, by: deadline) }
    }
  }

  // MARK: What comes in

  func admit(_ connection: Connection) {
    connections.insert(connection)
    readiness.watch(connection)
  }

  private func readable(_ connection: Connection) {
    guard !connection.hasEnded, !connection.isPaused else { return }
    if connection.phase == .talking, room.isFull { return pause(connection) }
    switch input.withUnsafeMutableBytes({ connection.descriptor.receive(into: $0) }) {
    case .bytes(let count):
      connection.lastHeard = now
      if connection.phase == .talking { hear(input.span.extracting(first: count), from: connection) }
      readiness.leftUnread(connection)
    case .wouldBlock:
      if connection.isMute { lose(connection) }
    case .ended:
      connection.hasEnded = true
      updateInterest(of: connection)
      streamHasEnded(connection)
    case .failed:
      lose(connection)
    }
  }

  /// Takes in what a member has sent; what finds no room in the log is kept, and the member is read no further.
  private func hear(_ bytes: Span<UInt8>, from connection: Connection) {
    let taken = connection.framer.consume(bytes) { frame, line in heard(frame, line, from: connection) }
    if taken < bytes.count, connection.phase == .talking {
      bytes.extracting(taken..<bytes.count).withUnsafeBufferPointer { connection.unread = Array($0) }
      pause(connection)
    } else if connection.framer.awaitsSilence {
      look(at: connection, by: now + configuration.silence)
    }
  }

  /// Acts on one frame. Returns false if the log has no room for it now.
  private func heard(_ frame: LineFramer.Frame, _ line: Span<UInt8>, from connection: Connection) -> Bool {
    // After `exit` nothing counts any more.
    guard connection.phase == .talking else { return true }
    switch frame {
    case .tooLong:
      tell(connection, Wording.tooLong(maximumLineBytes: configuration.maximumLineBytes))
      return true
    case .unterminated where !SafeText.isText(line):
      tell(connection, Wording.notText)
      return true
    case .line, .unterminated:
      switch Room.meaning(of: line) {
      case .blank: break
      case .leave:
        log.leftByCommand(connection.label)
        leave(connection)
      case .message:
        let start = room.log.head
        guard room.say(line, by: connection.member) else { return false }
        log.relayed(connection.label, from: start, in: room.log)
      }
      return true
    }
  }

  /// A pause, or the end of the stream, ends the message of a peer that sends no newlines.
  /// - Returns: false if the log has no room for it now; the connection waits then.
  @discardableResult
  private func endMessage(of connection: Connection) -> Bool {
    let isSaid = connection.framer.silence { frame, line in heard(frame, line, from: connection) }
    if !isSaid { pause(connection) }
    return isSaid
  }

  private func streamHasEnded(_ connection: Connection) {
    switch connection.phase {
    case .talking:
      guard endMessage(of: connection) else { return }
      if connection.isMute { return lose(connection) }
      leave(connection)
    case .ending: close(connection)
    case .leaving, .closed: break
    }
  }

  private func tell(_ connection: Connection, _ notice: [UInt8]) {
    connection.member.cursor.tell(notice)
    due.append(connection)
  }

  // MARK: A full log

  private func pause(_ connection: Connection) {
    guard !connection.isPaused else { return }
    connection.isPaused = true
    paused.append(connection)
    updateInterest(of: connection)
  }

  /// The log was found full in this turn: goes on if delivering has made room, and else waits, but not for ever.
  private func waitForRoom() {
    guard room.hasRoomAgain() else {
      if patienceEnds == .never { patienceEnds = now + configuration.patience }
      return
    }
    patienceEnds = .never
    let waiting = paused
    paused = []
    for connection in waiting where connection.phase == .talking {
      connection.isPaused = false
      if room.isFull {
        pause(connection)
        continue
      }
      updateInterest(of: connection)
      let unread = connection.unread
      connection.unread = []
      if !unread.isEmpty { hear(unread.span, from: connection) }
      if connection.hasEnded, !connection.isPaused { streamHasEnded(connection) }
      if connection.framer.awaitsSilence { look(at: connection, by: now + configuration.silence) }
    }
    // What was said just now goes out in a turn of its own, so that others get theirs in between.
    queue.async { [unowned self] in
      assumeIsolated {
        if !$0.hasStopped {
          $0.now = .now
          $0.finishTurn()
        }
      }
    }
  }

  // MARK: What goes out

  private func writable(_ connection: Connection) {
    guard connection.isBlocked else { return }
    connection.isBlocked = false
    due.append(connection)
  }

  private func deliver() {
    if room.log.head != servedUpTo {
      servedUpTo = room.log.head
      connections.forEach { deliver(to: $0) }
    } else {
      for connection in due { deliver(to: connection) }
    }
    due.removeAll(keepingCapacity: true)
    guard !broken.isEmpty else { return }
    for connection in broken { sendingFailed(connection) }
    broken.removeAll(keepingCapacity: true)
  }

  @inline(__always)
  private func deliver(to connection: Connection) {
    if connection.isBlocked || connection.isMute || connection.phase == .closed { return }
    if connection.member.cursor.isCaughtUp(with: room.log) {
      if connection.phase == .leaving { endSending(connection) }
      if !connection.interest.contains(.writing) { return }
    }
    send(to: connection)
  }

  private func send(to connection: Connection) {
    var sent = 0
    let outcome = connection.member.cursor.deliver(from: room.log, budget: 256 << 10, sent: &sent) { pieces in
      pieces.count == 1
        ? connection.descriptor.send(UnsafeRawBufferPointer(start: pieces[0].iov_base, count: pieces[0].iov_len))
        : connection.descriptor.send(pieces)
    }
    if sent > 0 || !connection.interest.contains(.writing) { connection.lastProgress = now }
    room.recount(connection.member)
    switch outcome {
    case .caughtUp:
      if connection.phase == .leaving { return endSending(connection) }
    case .blocked, .budgetSpent:
      connection.isBlocked = true
      look(at: connection, by: connection.lastProgress + configuration.giveUpAfter)
    case .failed:
      broken.append(connection)
      return
    }
    updateInterest(of: connection)
  }

  func updateInterest(of connection: Connection) {
    var interest: Interest = []
    if !connection.hasEnded, !connection.isPaused { interest.insert(.reading) }
    if connection.isBlocked { interest.insert(.writing) }
    guard interest != connection.interest else { return }
    readiness.setInterest(interest, of: connection)
    connection.interest = interest
  }

  // MARK: Goodbyes

  /// Takes a member out of the conversation: it still gets what was said until now, and nothing that it sends counts.
  private func leave(_ connection: Connection) {
    log.removed(connection.label)
    connection.phase = .leaving
    connection.unread = []
    connection.isPaused = false
    updateInterest(of: connection)
    connection.member.cursor.end(with: room.log)
    due.append(connection)
  }

  /// A peer that there is no room for is told so, and hears nothing else.
  func refuse(_ connection: Connection) {
    connection.phase = .leaving
    connection.member.cursor.end(with: room.log)
    tell(connection, Wording.full)
  }

  /// All that was due is sent. What the peer may still send is read and discarded: closing with unread input would reset
  /// the connection, and throw away bytes that are still on their way to it.
  private func endSending(_ connection: Connection) {
    room.remove(connection.member)
    if connection.hasEnded { return close(connection) }
    connection.descriptor.shutdownSending()
    connection.phase = .ending
    connection.endsBy = now + configuration.goodbye
    look(at: connection, by: connection.endsBy)
  }

  /// A peer that takes nothing more has perhaps said something before: that still counts, so it is read to its end.
  private func sendingFailed(_ connection: Connection) {
    guard connection.phase == .talking, !connection.hasEnded else { return lose(connection) }
    room.remove(connection.member)
    connection.isMute = true
    connection.isBlocked = false
    updateInterest(of: connection)
    readiness.leftUnread(connection)
  }

  /// The connection broke, or its peer is given up on.
  private func lose(_ connection: Connection) {
    if connection.phase == .talking {
      log.lost(connection.label)
      log.removed(connection.label)
    }
    close(connection)
  }

  private func close(_ connection: Connection) {
    guard connection.phase != .closed else { return }
    connection.phase = .closed
    room.remove(connection.member)
    readiness.forget(connection)
    connections.remove(connection.token)
    if isStopping, connections.count == 0 { finishStopping() }
  }

  // MARK: The end

  private func beginStopping() {
    guard !isStopping else { return }
    isStopping = true
    now = .now
    stopsBy = now + configuration.goodbye
    for listener in listeners { listener.close() }
    listeners = []
    acceptsAgain = .never
    connections.forEach { if $0.phase == .talking { leave($0) } }
    finishTurn()
    if connections.count == 0 { finishStopping() }
  }

  private func finishStopping() {
    guard !hasStopped else { return }
    hasStopped = true
    connections.forEach { close($0) }
    readiness.cancel()
    timer.cancel()
    log.handOver()
    onStopped()
  }
}
