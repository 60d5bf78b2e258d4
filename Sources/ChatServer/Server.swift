import ChatWire
import Dispatch
import Glibc

/// The chat server: one room, its listeners and its connections.
///
/// An actor whose executor is one serial dispatch queue: every event handler runs on that queue and enters by
/// `assumeIsolated`, and the compiler proves that nothing else touches the state. No job is ever awaited in here.
///
/// Everything happens in turns, see `Turn.swift`. What every turn touches is `@exclusivity(unchecked)`, because checks of
/// access would be a third of its instructions.
package actor Server {
  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
  private nonisolated let executor: QueueExecutor
  nonisolated var queue: DispatchQueue { executor.queue }

  /// Where the server is between its start and its end.
  enum Stage: Equatable {
    case running
    /// What members had sent before the stop is said, until this moment.
    case hearingOut(until: Moment)
    /// Nobody is heard any more, and what was submitted to the link is to be read back, until this moment.
    case draining(until: Moment)
    /// What could not be said in time is counted, until this moment.
    case counting(until: Moment)
    /// Goodbyes are under way, until this moment.
    case closing(until: Moment)
    case stopped
  }

  let configuration: Configuration
  @exclusivity(unchecked) var room: Room
  @exclusivity(unchecked) var connections = ConnectionTable()
  let log: Log
  let console: Console
  /// Where what is said is kept; nil for nowhere.
  let transcript: Transcript?
  var moderation: Moderation
  /// Through which the room is shared with other servers; nil for a room of this server alone.
  let cluster: Cluster?
  /// Who and what waits for the link, where there is one.
  var linkQueue = LinkQueue()
  /// Who is told how the server does; nil if nobody has asked.
  let serviceManager: ServiceManager?
  let onStopped: @Sendable () -> Void

  var stage = Stage.running
  var signals: StopSignals?
  var listeners: [Listener] = []
  /// Members that there is a place for.
  var maximumMembers = 0
  /// How many connections each address has, where that is limited.
  var quota: AddressQuota?
  var counts = Counters()
  /// Lines of an earlier session that the log had from the start.
  let restoredLines: Int
  var metrics: Metrics
  /// Connections that there was no place for, and that are being told so.
  var refusedCount = 0
  /// Why connections were turned away in the last minute, as the log has it, and how many more there were since.
  var turnedAway: [TurnedAway: Int] = [:]

  /// Who is here by name.
  @exclusivity(unchecked) var people = People()
  /// Who is asked for who they are; nil at a server without a Unix socket.
  var identification: Identification?
  /// Connections of proxies that have not said yet whom they pass on; nil at a server that awaits none.
  var awaitedHeaders: AwaitedHeaders?
  /// Answers that their askers have not read yet.
  var answers: [Token: Answer] = [:]
  /// Askers that have read all of their answers that is made, in the order in which they get more; and the same as a set.
  @exclusivity(unchecked) var askers: [Token] = []
  var awaitedPieces: Set<Token> = []
  /// What has changed since the oldest of these began.
  var changes = RosterChanges()
  /// The slots of all who are here, in the order in which they are listed; nil if that has to be found out.
  var rosterOrder: [UInt32]?
  /// Whether that was found out in this turn.
  var hasSortedRoster = false
  /// Who came and went and is not announced yet.
  var arrivals = Arrivals()
  /// What is under way between this server and others about who is here, where the room is shared.
  var presence = Presence()
  /// The minute it is, since 1970, and when it ends.
  var minute: Int32 = 0
  var minuteEndsAt = Moment.now

  /// Members that had to wait when a stop was requested or have had to since, and that are not heard out yet.
  var heardOut: Set<Token> = []

  let readiness: any Readiness
  @exclusivity(unchecked) var ready: [ReadyConnection] = []
  /// What one connection is read into, in a turn.
  @exclusivity(unchecked) var input = [UInt8](repeating: 0, count: 64 << 10)
  /// Bytes that are read of each connection in this turn.
  var readShare = 16 << 10

  /// Up to where everybody who takes bytes has been served.
  var servedUpTo = LogOffset(0)
  /// The slot at which the next delivery to all begins. It moves on, so that nobody is always first.
  var firstSlotServed = 0
  /// Connections that something is due to although nothing was said.
  @exclusivity(unchecked) var due: [Connection] = []
  /// Connections that broke while they were written to, and how. Collected and closed after the walk, because closing
  /// during it would change what is being walked.
  @exclusivity(unchecked) var broken: [(Connection, SystemCallError)] = []
  /// Members that are not read because others have to catch up. One counts only while its hold says so.
  @exclusivity(unchecked) var heldBack: [Token] = []
  /// Connections to be read in the next turn although nothing was reported for them.
  @exclusivity(unchecked) var released: [Token] = []
  /// A turn is on its way through the queue.
  var isTurnScheduled = false

  /// The time as of this turn.
  var now = Moment.now
  @exclusivity(unchecked) var deadlines = Deadlines()
  /// How often a connection is checked that something is on its way to.
  let progressInterval: Duration
  /// When a crowded room stops to wait for its slowest members.
  var patienceEndsAt = Moment.never
  /// When the listeners are tried again, and how long it takes the next time that descriptors are short.
  var acceptResumesAt = Moment.never
  var acceptPause = Duration.milliseconds(10)
  /// What can go on in place of this program; nil if its file is not to be found.
  let successor: Successor?
  var isTakeOverUnderWay = false
  /// What this one goes on with, until it has begun to.
  private var handedOver: HandedOver?
  let timer: any DispatchSourceTimer
  var timerFiresAt = Moment.never

  /// - Parameters:
  ///   - log: takes the server's lines.
  ///   - handedOver: what another program has left to this one; nil for a room in which nobody is.
  ///   - onStopped: is called on the server's queue when a stop is complete.
  /// - Throws: `SystemCallError` if not even the event layer's own descriptor can be had, `FileError` if one of the
  ///   files that it was told of cannot be used.
  package init(
    _ configuration: Configuration, log: Log, continuing handedOver: sending HandedOver? = nil,
    onStopped: @escaping @Sendable () -> Void
  ) throws {
    precondition(configuration.logBytes >= 16 * configuration.maximumLineBytes, "the log has to hold some lines")
    executor = QueueExecutor(label: "mychat.room")
    self.configuration = configuration
    var room = Room(logBytes: configuration.logBytes, maximumLineBytes: configuration.maximumLineBytes)
    let console = Console(log)
    if let path = configuration.transcript, log.isFile(at: path) { throw TranscriptFile.error(ofLogAt: path) }
    if let handedOver {
      swap(&room, &handedOver.room)
      transcript = handedOver.transcript.map { Transcript(continuing: $0) }
      moderation = try Moderation(configuration, bans: handedOver.bans, directory: handedOver.stateDirectory)
      metrics = Metrics(file: configuration.metricsFile.map { MetricsFile(at: $0) })
    } else {
      transcript = try configuration.transcript.map { path throws(FileError) in
        try Transcript(at: path, restoring: &room, maximumLineBytes: configuration.maximumLineBytes) {
          console.file($0)
        }
      }
      moderation = try Moderation(configuration) {
        console.file($0)
        StandardOutput.write("\($0)\n", to: STDERR_FILENO)
      }
      metrics = Metrics(
        file: try configuration.metricsFile.map { path throws(FileError) in try MetricsFile(tried: path) })
    }
    successor = Successor.ofThisProgram()
    servedUpTo = room.log.head
    restoredLines = handedOver?.restoredLines ?? room.log.headLine
    self.room = room
    self.log = log
    self.console = console
    cluster = configuration.redis.map { Cluster($0, continuing: handedOver?.link, console: console) }
    serviceManager = try configuration.notifySocket.map { place throws(SystemCallError) in try ServiceManager(place) }
    quota = configuration.maximumPerAddress.map { AddressQuota(limit: $0) }
    self.onStopped = onStopped
    progressInterval = configuration.progressLimits.silent / 40
    switch configuration.eventLayer {
    case .portable: readiness = DispatchReadiness()
    case .epoll: readiness = try EpollReadiness()
    }
    if !configuration.proxyAddresses.isEmpty { awaitedHeaders = AwaitedHeaders(watchedBy: try EpollReadiness()) }
    timer = DispatchSource.makeTimerSource(queue: executor.queue)
    self.handedOver = handedOver
  }

  /// Binds every address, then begins to take connections.
  /// - Parameters:
  ///   - stopsOnSignals: whether SIGINT, SIGTERM and SIGHUP stop the server from the moment that it listens (SIGHUP reopens
  ///     files instead, where there are some). Until then they end the process, because the name of an address may take minutes to
  ///     resolve.
  ///   - inherited: stand for the addresses that they are bound to, and come first of all.
  /// - Returns: where the server listens now, with real ports.
  /// - Throws: if one address cannot be had; then none is kept.
  @discardableResult
  package nonisolated func start(
    stopsOnSignals: Bool = false, inheriting inherited: InheritedSockets = InheritedSockets()
  ) throws(ListenError) -> [Address] {
    let result = queue.sync {
      assumeIsolated { server in
        Result { () throws(ListenError) in try server.open(stopsOnSignals: stopsOnSignals, inheriting: inherited) }
      }
    }
    return try result.get()
  }

  /// Ends the server in good order: what was sent before is said, and everybody gets what is on its way. Done when
  /// `onStopped` is called.
  package nonisolated func stop() {
    queue.async { self.assumeIsolated { $0.stopRequested() } }
  }

  /// Whether there are files that `reopenFiles` opens anew.
  nonisolated var hasFilesToReopen: Bool { configuration.transcript != nil || log.isInFile }

  /// Opens the paths of the transcript and of the log anew, because the files were renamed.
  func reopenFiles() {
    let tell: @Sendable (String) -> Void = { text in
      self.queue.async {
        self.assumeIsolated {
          $0.console.file(text)
          $0.console.flushPage()
        }
      }
    }
    log.reopen(tell: tell)
    transcript?.reopen(tell: tell)
  }

  private func open(stopsOnSignals: Bool, inheriting inherited: InheritedSockets) throws(ListenError) -> [Address] {
    // First of all, because a timer that is first set when descriptors have run out never fires.
    timer.setEventHandler { self.assumeIsolated { $0.timerFired() } }
    timer.schedule(deadline: .now())
    timer.activate()
    readiness.activate(on: queue) { self.assumeIsolated { $0.connectionsAreReady() } }
    awaitedHeaders?.readiness.activate(on: queue) { self.assumeIsolated { $0.headersAreReady() } }
    startCluster()
    maximumMembers = min(
      configuration.maximumMembers ?? .max, raiseDescriptorLimit() - Configuration.reservedDescriptors)
    if let handedOver { goOn(with: handedOver) } else { try listen(inheriting: inherited) }
    if stopsOnSignals { try takeSignals(leavingHangup: handedOver?.leavesHangup) }
    handedOver = nil
    for (index, listener) in listeners.enumerated() {
      listener.activate(on: queue) { self.assumeIsolated { $0.peersAreWaiting(atListener: index) } }
      if acceptResumesAt != .never { listener.pause() }
    }
    saveMetrics()
    console.flushPage()
    beginService()
    return listeners.map(\.address)
  }

  private func takeSignals(leavingHangup leftHangup: Bool?) throws(ListenError) {
    do throws(SystemCallError) { signals = try StopSignals(stopping: self, leftHangup: leftHangup) } catch {
      for listener in listeners { listener.close() }
      throw ListenError(description: "Signals cannot be taken: \(error).")
    }
  }

  private func listen(inheriting inherited: InheritedSockets) throws(ListenError) {
    let metricsAddresses: [Address]
    do throws(ListenError) {
      listeners = try inherited.listeners(configuration)
      for address in listeners.isEmpty ? configuration.addressesOrStandard : configuration.addresses {
        listeners += try Listener.all(for: address, besides: listeners, configuration)
      }
      for address in configuration.proxyAddresses {
        listeners += try Listener.all(for: address, besides: listeners, isForProxies: true, configuration)
      }
      try configuration.demandUnixSocket(among: listeners.filter { !$0.isForProxies }.map(\.address))
      metricsAddresses = try openMetrics()
    } catch {
      for listener in listeners { listener.close() }
      listeners = []
      throw error
    }
    if listeners.contains(where: \.provesLogins) { identification = Identification() }
    counts.address = listeners.first?.address
    for listener in listeners {
      if listener.isForProxies {
        console.awaitingProxies(at: listener.address)
      } else {
        console.listening(on: listener.address)
      }
    }
    for address in metricsAddresses { console.metrics(at: address) }
  }
}
