import ChatWire
import Dispatch

/// What is said when members come and go. Nothing of it is, unless the server was asked for it.
extension Server {
  /// How long arrivals are gathered.
  private static let gathering = DispatchTimeInterval.milliseconds(500)
  /// Until the log is looked at again that had no space for the announcement.
  private static let retryPause = DispatchTimeInterval.milliseconds(50)

  /// Tells a member that has just come what there is to know.
  func welcome(_ connection: Connection) {
    for line in configuration.welcome { connection.cursor.tell(ServerLine.notice(line)) }
    if let topic = configuration.topic { connection.cursor.tell(ServerLine.notice("Topic: \(topic)")) }
    if !configuration.welcome.isEmpty || configuration.topic != nil { due.append(connection) }
    if configuration.replayedLines > 0, room.log.head > room.log.tail {
      ask(.last(lines: configuration.replayedLines), connection)
    }
    if cluster == nil { noteArrival(of: connection.token) }
  }

  /// Has it told that a member has come, if the server was asked for that.
  func noteArrival(of token: Token) {
    guard configuration.announces, stage == .running else { return }
    announceSoon()
    arrivals.noteJoined(token)
  }

  /// A member has left the conversation, however it did. Its names are free.
  func noteDeparture(of connection: Connection) {
    if let cluster { shareDeparture(of: connection, through: cluster) }
    guard people.names.name(of: connection.token) != nil else { return }
    recordRosterChange(of: connection)
    // Where the room is shared, lines of it may still come.
    if cluster == nil { endIgnoring(of: connection.token, by: people.ignorers(of: connection.token)) }
    people.leave(connection.token)
    noteDeparture(of: connection.token, connection.name)
  }

  /// Nothing that is said from now on is a member's that has left.
  func endIgnoring(of token: Token, by viewers: [Token]) {
    for viewer in viewers { connections[viewer]?.cursor.ignore(prefixes: [], of: token, from: room.log) }
  }

  /// Has it told that a member has gone, if the server was asked for that.
  /// - Parameter token: nil for a member of another server.
  func noteDeparture(of token: Token?, _ name: MemberName) {
    // Those at other servers are told of the members of one that stops.
    guard configuration.announces, stage == .running || cluster != nil else { return }
    announceSoon()
    arrivals.noteLeft(token, name)
  }

  private func announceSoon() {
    if arrivals.isEmpty { announceArrivalsSoon() }
  }

  /// Announces those that are not announced yet, after a moment in which others may come.
  func announceArrivalsSoon() { announceArrivals(after: Self.gathering) }

  private func announceArrivals(after pause: DispatchTimeInterval) {
    queue.asyncAfter(deadline: .now() + pause) { self.assumeIsolated { $0.announceArrivals() } }
  }

  private func announceArrivals() {
    guard stage == .running else { return }
    now = .now
    beginMinuteIfDue()
    guard cluster.map({ $0.hasSpace }) ?? room.makeSpace(for: 4 << 10) else {
      return announceArrivals(after: Self.retryPause)
    }
    for notice in arrivals.take(name: { people.name(of: $0) }) { announce(notice.text) }
    finishTurn()
    scheduleTurnIfNeeded()
  }
}
