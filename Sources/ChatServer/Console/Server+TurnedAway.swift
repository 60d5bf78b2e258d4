/// Why connections are turned away.
enum TurnedAway: Hashable {
  /// What is wrong at a proxy's address, with that address.
  case byFault(String)
  /// What the peers are told.
  case byNotice(String)
}

/// What the log says of connections that are turned away: the first for a reason is named, and those of the next minute are counted,
/// because a peer can come back without end.
extension Server {
  private static let foldingTime = Duration.seconds(60)

  /// - Parameter peer: as console lines show it.
  func logTurnedAway(_ reason: TurnedAway, _ peer: @autoclosure () -> String = "") {
    if let count = turnedAway[reason] {
      turnedAway[reason] = count + 1
    } else {
      console.turnedAway(reason, peer())
      count(reason)
    }
  }

  private func count(_ reason: TurnedAway) {
    turnedAway[reason] = 0
    after(Self.foldingTime) { $0.unfold(reason) }
  }

  private func unfold(_ reason: TurnedAway) {
    guard let count = turnedAway.removeValue(forKey: reason), count > 0 else { return }
    console.turnedAway(reason, more: count)
    self.count(reason)
  }

  /// Tells of all that were counted.
  func unfoldTurnedAway() {
    for (reason, count) in turnedAway where count > 0 { console.turnedAway(reason, more: count) }
    turnedAway = [:]
  }
}
