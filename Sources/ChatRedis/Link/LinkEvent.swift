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

extension LinkEvent: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .entered(try reader.read())
    case 1: self = .said(try reader.read(), speakers: try reader.read())
    case 2: self = .refused(try reader.read())
    case 3: self = .received(try reader.read())
    case 4: self = .reaped(try reader.read())
    case 5: self = .missed(lines: try reader.read())
    case 6: self = .historyLost
    case 7: self = .down
    case 8: self = .up
    case let tag: throw reader.unknown(tag, "event of the link")
    }
  }

  package func write(to writer: inout StateWriter) {
    switch self {
    case .entered(let snapshot): writer.write(UInt8(0), snapshot)
    case .said(let entry, let speakers): writer.write(UInt8(1), entry, speakers)
    case .refused(let operation): writer.write(UInt8(2), operation)
    case .received(let letter): writer.write(UInt8(3), letter)
    case .reaped(let servers): writer.write(UInt8(4), servers)
    case .missed(let lines): writer.write(UInt8(5), lines)
    case .historyLost: writer.write(UInt8(6))
    case .down: writer.write(UInt8(7))
    case .up: writer.write(UInt8(8))
    }
  }
}

extension Snapshot: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    self.init(people: try reader.read(), bans: try reader.read(), slowSeconds: try reader.read())
  }

  package func write(to writer: inout StateWriter) { writer.write(people, bans, slowSeconds) }
}
