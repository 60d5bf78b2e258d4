import ChatRedis
import ChatWire

/// The room of several servers: what the link tells becomes what is said and who is here.
extension Server {
  /// Members that get on in a turn because the link takes more. Each that finds no space again has cost a turn its time.
  private static let maximumReleasedForSpace = 64
  /// How often it is looked whether the peer of a member that is held is still there.
  private static let peerCheckInterval = Duration.seconds(1)

  func startCluster() {
    cluster?.start(on: queue, readiness: readiness) { self.assumeIsolated { $0.connectionsAreReady() } }
  }

  // MARK: Events

  /// Takes what the link has told since the last turn, as far as the log has space, and sends what this turn has brought.
  func takeEvents(of cluster: Cluster) {
    takeEvents: while stage.isRoomOpen, let event = linkQueue.event ?? cluster.nextEvent() {
      linkQueue.event = nil
      guard !isLinkTooFast, apply(event) else {
        linkQueue.event = event
        break takeEvents
      }
      if room.log.head - servedUpTo > Self.maximumBytesSaidInTurn {
        deliverToAll()
        room.measureLag()
      }
    }
    cluster.flush()
  }

  /// Whether others say so much that the members of this server have to catch up first: the link is held back as a member is
  /// that sends in bulk. Without that the log would be full all the time, and its slowest readers would be given up.
  private var isLinkTooFast: Bool {
    stage == .running && room.isCrowded && linkQueue.bytes.isBulkSender(at: now)
  }

  /// - Returns: false if the log has no space for it yet; then nothing was done.
  private func apply(_ event: LinkEvent) -> Bool {
    switch event {
    case .said(let entry, let speakers): return commit(entry, speakers: speakers)
    case .missed(let lines): return announceHere(.linesSkipped(lines))
    case .historyLost:
      guard announceHere(.historyLost) else { return false }
      presence.isHistoryLost = true
    case .entered(let snapshot): enteredRoom(snapshot)
    case .refused(let operation): refused(operation)
    case .received(let letter): receive(letter)
    case .down: linkIsDown()
    case .up: linkIsBack()
    case .reaped(let servers): serversWereReaped(servers)
    }
    return true
  }

  /// Says what all servers have heard at this place of the room's order.
  private func commit(_ entry: Entry, speakers: [UInt64?]) -> Bool {
    guard makeSpaceForEvent(entry.body.count) else { return false }
    // All that is said comes by the link, so its fair share is what all members of a room have together.
    linkQueue.bytes.count(entry.body.count, at: now, fairBytesPerSecond: room.log.capacity / 2)
    var index = 0
    entry.forEachPart { part in
      switch part {
      case .record(let record): apply(record, of: entry.server)
      case .line(let line):
        commit(line, by: index < speakers.count ? speakers[index].map(Token.init(bits:)) : nil)
        index += 1
      }
    }
    return true
  }

  private func commit(_ line: ArraySlice<UInt8>, by speaker: Token?) {
    let start = room.log.head
    let connection = speaker.flatMap { connections[$0] }
    room.commit(line, by: connection?.lifecycle.isHeard == true ? connection : nil)
    if let connection {
      committed(from: start, by: connection)
    } else if let label = speaker.flatMap({ linkQueue.gone[$0] }) {
      console.relayed(from: label, at: start, in: room.log)
    }
  }

  /// Tells the members of this server alone.
  private func announceHere(_ notice: Notice) -> Bool {
    let line = notice.line
    return makeSpaceForEvent(line.count) && room.announce(line)
  }

  /// Whether the log has space, after a delivery where that is needed.
  private func makeSpaceForEvent(_ bytes: Int) -> Bool {
    if room.makeSpace(for: bytes) { return true }
    deliverToAll()
    return room.makeSpace(for: bytes)
  }

  // MARK: Members that wait

  /// A member is held because of the link. What lets it go on is found out in `endTurn`, or is told to `releaseFromJournal`.
  func holdForJournal(_ connection: Connection) {
    guard let cluster else { return }
    if isUndecided(connection) {
      // Whoever decides lets it go on.
    } else if !cluster.hasSpace {
      linkQueue.forSpace.append(connection.token)
    } else {
      linkQueue.toLeave.insert(connection.token)
    }
    if cluster.isDown { tellOfLink(connection) }
    schedule(checkOf: connection, by: now + Self.peerCheckInterval)
  }

  /// Lets a member go on that waited for a decision of all servers: what it had sent since is given again.
  func releaseFromJournal(_ token: Token) {
    // Others go on when what holds them is over.
    if case .journal? = connections[token]?.inbound.hold { released.append(token) }
  }

  /// Lets those go on that what they waited for has come about.
  func endTurn(of cluster: Cluster) {
    cluster.flush()
    if !linkQueue.forSpace.isEmpty, cluster.hasSpace {
      released += linkQueue.takeForSpace(atMost: Self.maximumReleasedForSpace)
    }
    if !linkQueue.toLeave.isEmpty {
      let free = linkQueue.toLeave.filter { uncommittedLines(of: $0) == 0 }
      linkQueue.toLeave.subtract(free)
      released += free
    }
    if !linkQueue.gone.isEmpty { linkQueue.gone = linkQueue.gone.filter { uncommittedLines(of: $0.key) > 0 } }
    // The delivery of this turn has made space. Otherwise the room is crowded, and its patience ends some time.
    if linkQueue.event != nil, !room.isCrowded { scheduleTurn() }
  }

  /// Without reading, a reset is not noticed, so it is asked for. What was submitted before is said all the same.
  func checkJournalHold(of connection: Connection) {
    guard case .journal? = connection.inbound.hold, connection.lifecycle.isHeard else { return }
    if let error = connection.descriptor.takeError() { sendingFailed(connection, error) }
    guard case .journal? = connection.inbound.hold, connection.lifecycle.isHeard else { return }
    schedule(checkOf: connection, by: now + Self.peerCheckInterval)
  }

  // MARK: Lines that are not read back

  /// Lines of a member that were submitted, and that are not in the log yet.
  func uncommittedLines(of token: Token) -> Int {
    guard let cluster else { return 0 }
    return cluster.uncommittedLines(of: token.bits) + linkQueue.waitingLines(of: token.bits)
  }

  /// What becomes of them if nothing is read back any more.
  func unsaidLines(of token: Token) -> UnsaidLines {
    let lines = uncommittedLines(of: token)
    guard lines > 0, let cluster else { return UnsaidLines() }
    let unsent = cluster.unsentLines(of: token.bits)
    return UnsaidLines(unsent: unsent, uncertain: lines - unsent)
  }

  /// Whether a member that wants to leave has to wait until its lines are said, and until it is told what became of what it
  /// asked for.
  func hasUncommittedLines(_ connection: Connection) -> Bool {
    cluster != nil && stage.isRoomOpen && connection.lifecycle.isHeard
      && (uncommittedLines(of: connection.token) > 0 || presence.owes(connection.token))
  }

  /// What others have heard has to be said here as well before the server stops: it waits for its slowest members no longer.
  func makeWayForEvents() { if linkQueue.event != nil { room.releaseLaggards() } }

  /// Whether all that was submitted is in the log.
  var isLinkDrained: Bool { cluster.map { $0.isDrained && linkQueue.event == nil } ?? true }

  /// Keeps in mind how the console shows a member that goes while lines of it are under way.
  func noteGone(_ connection: Connection) {
    if uncommittedLines(of: connection.token) > 0 { linkQueue.gone[connection.token] = connection.label }
  }

  /// Ends the link when everybody has left. What is not read back now never will be.
  func endLink() {
    guard let cluster else { return }
    for (token, label) in linkQueue.gone {
      drop(unsaidLines(of: token), of: label)
    }
    linkQueue = LinkQueue()
    cluster.leave(saying: arrivals.take { people.name(of: $0) }.map(\.line))
  }

  // MARK: What members are told of the link

  /// Tells a member once that the link is down.
  func tellOfLink(_ connection: Connection) {
    guard !connection.inbound.isToldOfLink, case .member = connection.lifecycle else { return }
    connection.inbound.isToldOfLink = true
    tell(connection, .linkDown)
  }

  private func linkIsDown() {
    for connection in connections.all {
      if connection.inbound.hold == .journal || isUndecided(connection) || uncommittedLines(of: connection.token) > 0 {
        tellOfLink(connection)
      }
    }
  }

  private func linkIsBack() {
    extendLetters()
    for connection in connections.all where connection.inbound.isToldOfLink {
      connection.inbound.isToldOfLink = false
      if case .member = connection.lifecycle { tell(connection, .linkBack) }
    }
  }
}

extension Server.Stage {
  /// Whether what the link tells is still said here.
  var isRoomOpen: Bool {
    switch self {
    case .running, .hearingOut, .counting, .draining: true
    case .closing, .stopped: false
    }
  }
}
