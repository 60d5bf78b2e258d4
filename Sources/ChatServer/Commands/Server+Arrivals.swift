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
    if configuration.announces {
      announceSoon()
      arrivals.noteJoined(connection.token)
    }
  }

  /// A member has left the conversation, however it did. Its names are free.
  func noteDeparture(of connection: Connection) {
    guard people.names.name(of: connection.token) != nil else { return }
    recordRosterChange(of: connection)
    for viewer in people.ignorers(of: connection.token) {
      connections[viewer]?.cursor.ignore(prefixes: [], of: connection.token, from: room.log)
    }
    people.leave(connection.token)
    guard configuration.announces, stage == .running else { return }
    announceSoon()
    arrivals.noteLeft(connection.token, connection.name)
  }

  private func announceSoon() {
    if arrivals.isEmpty { announceArrivals(after: Self.gathering) }
  }

  private func announceArrivals(after pause: DispatchTimeInterval) {
    queue.asyncAfter(deadline: .now() + pause) { self.assumeIsolated { $0.announceArrivals() } }
  }

  private func announceArrivals() {
    guard stage == .running else { return }
    now = .now
    beginMinuteIfDue()
    guard room.makeSpace(for: 4 << 10) else { return announceArrivals(after: Self.retryPause) }
    for notice in arrivals.take(name: { people.name(of: $0) }) { announce(notice.text) }
    finishTurn()
    scheduleTurnIfNeeded()
  }
}
