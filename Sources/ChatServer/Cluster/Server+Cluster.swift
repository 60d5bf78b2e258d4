import ChatRedis
import ChatWire

/// The room of several servers: what the link tells becomes what is said and who is here.
extension Server {
  func startCluster() {
    cluster?.start(on: queue, readiness: readiness) { self.assumeIsolated { $0.connectionsAreReady() } }
  }

  /// Takes what the link has told since the last turn.
  func takeEvents(of cluster: Cluster) {
    while let event = cluster.nextEvent() { apply(event) }
  }

  func apply(_ event: LinkEvent) {
    switch event {
    case .entered(let snapshot): enteredRoom(snapshot)
    case .said(let entry, _): entry.forEachPart { if case .record(let record) = $0 { apply(record, of: entry.server) } }
    case .refused(let operation): refused(operation)
    case .received(let letter): receive(letter)
    case .missed, .historyLost, .down, .up: break
    }
  }

  func holdForJournal(_ connection: Connection) {}

  /// Lets a member go on that waited for a decision of all servers: what it had sent since is given again.
  func releaseFromJournal(_ token: Token) { released.append(token) }
}
