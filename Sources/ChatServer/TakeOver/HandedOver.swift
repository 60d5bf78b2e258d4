import ChatRedis
import ChatWire
import Glibc

/// All that a server hands over to the program that goes on in its place, read whole before any of it is used.
///
/// `Server.state` writes it, in the order in which it is read here. What can be found out anew is not in it, and neither is what
/// the command line says.
package final class HandedOver {
  /// What stays open cannot become something else.
  let fixed: Fixed
  /// Whether SIGHUP was ignored from the start.
  let leavesHangup: Bool
  package let log: Log.Saved
  let transcript: Transcript.Saved?
  /// The state directory, which holds a lock; nil if there is none.
  let stateDirectory: CInt?
  let bans: BanList
  let listeners: [Listener.Saved]
  let link: Cluster.Saved?

  var room: Room
  let table: ConnectionTable
  let connections: [SavedConnection]
  let people: People
  let answers: [Token: Answer]
  let askers: [Token]
  let changes: RosterChanges
  let arrivals: Arrivals
  let presence: Presence
  let linkQueue: LinkQueue
  let counts: Counters
  let restoredLines: Int
  /// What is known of accounts; nil at a server without a Unix socket.
  let accounts: LoginDirectory?
  /// Peers that wait outside for their logins.
  let arriving: [SavedArrival]
  /// Connections of proxies that have still to say whom they pass on.
  let proxied: [SavedProxiedPeer]
  let heldBack: [Token]
  let released: [Token]
  let patienceEndsAt: Moment
  let acceptResumesAt: Moment

  package init(_ state: [UInt8], for configuration: Configuration = Configuration()) throws(StateError) {
    var reader = try StateReader(state)
    let fixed: Fixed = try reader.read()
    let (leavesHangup, log): (Bool, Log.Saved) = (try reader.read(), try reader.read())
    let (transcript, stateDirectory): (Transcript.Saved?, CInt?) = (try reader.read(), try reader.read())
    let (bans, listeners): (BanList, [Listener.Saved]) = (try reader.read(), try reader.read())
    let link = try reader.read(Bool.self) ? try Cluster.Saved(from: &reader, to: configuration.redis) : nil
    let room = try Room(
      from: &reader, logBytes: configuration.logBytes, maximumLineBytes: configuration.maximumLineBytes)
    let table: ConnectionTable = try reader.read()
    var connections: [SavedConnection] = []
    for _ in 0..<(try reader.count()) {
      connections.append(
        try SavedConnection(from: &reader, maximumLineBytes: configuration.maximumLineBytes, in: room.log))
    }
    let (people, answers): (People, [Token: Answer]) = (try reader.read(), try reader.read())
    let (askers, changes): ([Token], RosterChanges) = (try reader.read(), try reader.read())
    let (arrivals, presence): (Arrivals, Presence) = (try reader.read(), try reader.read())
    let (linkQueue, counts): (LinkQueue, Counters) = (try reader.read(), try reader.read())
    let (restoredLines, accounts): (Int, LoginDirectory?) = (try reader.read(), try reader.read())
    let (arriving, proxied): ([SavedArrival], [SavedProxiedPeer]) = (try reader.read(), try reader.read())
    let (heldBack, released): ([Token], [Token]) = (try reader.read(), try reader.read())
    let (patienceEndsAt, acceptResumesAt): (Moment, Moment) = (try reader.read(), try reader.read())
    try reader.finish()

    guard Set(connections.map(\.token)).count == connections.count,
      connections.allSatisfy({ table.hasPlace(for: $0.token) })
    else { throw .impossible("two connections have one place") }
    guard (arriving.map(\.listenerIndex) + proxied.map(\.listenerIndex)).allSatisfy(listeners.indices.contains) else {
      throw .impossible("somebody waits at no listener")
    }
    for answer in answers.values {
      let isPossible =
        switch answer {
        case .roster(let roster): roster.isPossible(after: changes, slotCount: table.slotCount)
        case .earlier(let lines): lines.isPossible(in: room.log)
        case .bans, .nothing: true
        }
      guard isPossible else { throw .impossible("an answer is about what is not there") }
    }
    (self.fixed, self.leavesHangup, self.log) = (fixed, leavesHangup, log)
    (self.transcript, self.stateDirectory, self.bans) = (transcript, stateDirectory, bans)
    (self.listeners, self.link, self.table, self.connections) = (listeners, link, table, connections)
    (self.people, self.answers, self.askers, self.changes) = (people, answers, askers, changes)
    (self.arrivals, self.presence, self.linkQueue, self.counts) = (arrivals, presence, linkQueue, counts)
    (self.restoredLines, self.accounts) = (restoredLines, accounts)
    (self.arriving, self.proxied) = (arriving, proxied)
    (self.heldBack, self.released) = (heldBack, released)
    (self.patienceEndsAt, self.acceptResumesAt) = (patienceEndsAt, acceptResumesAt)
    self.room = room
  }

  /// Whether a program was started to go on, and has not taken that yet.
  package static var isThere: Bool { getenv(Successor.variable) != nil }

  /// What a program was started with to go on with; nil if it was not started for that.
  package static func inherited(for configuration: Configuration) throws -> HandedOver? {
    guard let text = getenv(Successor.variable), let number = CInt(String(cString: text)) else { return nil }
    unsetenv(Successor.variable)
    return try HandedOver(reading: FileDescriptor(owning: number), for: configuration)
  }

  /// Throws if a program could not go on.
  /// - Parameters:
  ///   - number: of the descriptor of what it would go on with, which is closed.
  ///   - logFile: where its log would go; nil for standard output.
  package static func check(_ number: CInt, for configuration: Configuration, logFile: String?) throws {
    let handedOver = try HandedOver(reading: FileDescriptor(owning: number), for: configuration)
    try handedOver.fixed.check(Fixed(configuration))
    try configuration.demandUnixSocket(among: handedOver.listeners.filter { !$0.isForProxies }.map(\.address))
    try configuration.checkForTakeOver(logFile: logFile == handedOver.log.path ? nil : logFile)
  }

  private convenience init(
    reading descriptor: consuming FileDescriptor, for configuration: Configuration
  ) throws {
    let state = try MemoryFile.contents(of: descriptor)
    try self.init(state, for: configuration)
  }
}

/// What of a configuration a running server keeps open.
struct Fixed: Equatable, StateCoded {
  let addresses: [Address]
  let proxyAddresses: [Address]
  /// Of the files of Unix sockets.
  let socketMode: mode_t
  let socketGroup: gid_t?
  let transcript: String?
  let stateDirectory: String?
  /// The room of a Redis.
  let redis: String?

  init(_ configuration: Configuration) {
    (addresses, proxyAddresses) = (configuration.addresses, configuration.proxyAddresses)
    (socketMode, socketGroup) = (configuration.socketAccess.mode, configuration.socketAccess.group)
    (transcript, stateDirectory) = (configuration.transcript, configuration.stateDirectory)
    redis = configuration.redis.map { "\($0)" }
  }

  /// - Throws: if the program that goes on is told to keep open something else.
  func check(_ other: Fixed) throws(NeedsRestart) {
    guard Set(addresses) == Set(other.addresses), Set(proxyAddresses) == Set(other.proxyAddresses) else {
      throw NeedsRestart(changed: "The addresses to listen on have")
    }
    if socketMode != other.socketMode { throw NeedsRestart(changed: "--socket-mode has") }
    if socketGroup != other.socketGroup { throw NeedsRestart(changed: "--socket-group has") }
    if transcript != other.transcript { throw NeedsRestart(changed: "--transcript has") }
    if stateDirectory != other.stateDirectory { throw NeedsRestart(changed: "--state-directory has") }
    if redis != other.redis { throw NeedsRestart(changed: "--redis has") }
  }

  struct NeedsRestart: Error, CustomStringConvertible {
    /// As in `--redis has`.
    let changed: String
    var description: String { "\(changed) changed, and that takes a restart." }
  }

  init(from reader: inout StateReader) throws(StateError) {
    (addresses, proxyAddresses) = (try reader.read(), try reader.read())
    (socketMode, socketGroup) = (try reader.read(), try reader.read())
    (transcript, stateDirectory, redis) = (try reader.read(), try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) {
    writer.write(addresses, proxyAddresses, socketMode, socketGroup, transcript, stateDirectory, redis)
  }
}
