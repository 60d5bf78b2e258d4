import ChatWire

/// What the link to Redis tells its server, in order.
package enum LinkEvent: Equatable, Sendable {
  /// The server is in the room, for the first time or because what it knew no longer holds: it forgets all members of other
  /// servers, takes those of the snapshot, and claims the names of its own members that the snapshot lacks.
  case entered(Snapshot)
  /// A turn has its place in the room's order.
  /// - speakers: of a turn of this server, who said each of its lines (as in `Operation.say`); empty for others' turns.
  case said(Entry, speakers: [UInt64?])
  /// A claim failed because another member has one of the keys, or a letter because its reader's server has gone or does not
  /// read.
  case refused(Operation)
  case received(Letter)
  /// This server has taken others off that were silent for too long. Their `gone` in the room may come before or after.
  case reaped([ServerID])
  /// So many lines were said that this server can no longer read.
  case missed(lines: Int)
  /// What this server knew of the room was lost in Redis; `entered` follows.
  case historyLost
  /// There has been no link for two seconds, or from the start.
  case down
  /// There is one again. Comes only after `down`.
  case up
}

/// The room as it is at a position of its stream.
package struct Snapshot: Equatable, Sendable {
  package var people: [MemberID: Person]
  /// Bans as they stand in a file of bans.
  package var bans: [String]
  package var slowSeconds: Int

  package init(people: [MemberID: Person], bans: [String], slowSeconds: Int) {
    self.people = people
    self.bans = bans
    self.slowSeconds = slowSeconds
  }
}
