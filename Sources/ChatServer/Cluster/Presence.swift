import ChatRedis
import ChatWire

/// What is under way between this server and the others about its members. Empty where the room is not shared.
struct Presence {
  /// Names that members of this server have asked for and that all servers have to grant.
  var claims: [Token: NameClaim] = [:]
  /// The same for those that come back into a room that has lost them. What a member has in `claims` is decided after it.
  var comebacks: [Token: NameClaim] = [:]
  /// Private lines to members of other servers, by their senders, who wait to be told what became of them.
  var letters: [Token: SentLetter] = [:]
  /// Answers to those of others that have found no place at their servers, and are sent again.
  var unanswered: [Letter] = []
  /// What operators do to keep order, by who does it.
  var acts: [Token: SharedAct] = [:]

  /// Members that have left and that others ignore. Lines of theirs may still come, and stay hidden until it is read that they
  /// left.
  var departures: [MemberID: Departure] = [:]
  /// Whether the room's history was lost, and the room was not entered again since.
  var isHistoryLost = false
  /// Members of other servers that were in the room when it lost its history, and have not come back. They may have a moment
  /// for that, in which nobody here takes their names.
  var missing: Set<MemberID> = []

  /// Members of servers that have gone lately, until it is known whether this server was the one that took theirs off. That one
  /// announces who left.
  var lostWithServer: [ServerID: LostMembers] = [:]
  /// How long it may take until that is known.
  static let maximumReapingTime = Duration.seconds(10)
  /// Servers that this one has taken off, until it reads their `gone` in the room.
  var reaped: Set<ServerID> = []

  struct Departure {
    let token: Token
    let viewers: [Token]
  }

  struct LostMembers {
    let names: [MemberName]
    let until: Moment
  }

  /// Whether a member has asked for something that it is to get, or to be told of, before it leaves.
  func owes(_ token: Token) -> Bool { letters[token] != nil || acts[token] != nil || claims[token]?.purpose == .rename }

  /// Whether a member waits for something that is under way.
  func awaits(_ token: Token) -> Bool {
    !claims.isEmpty && claims[token] != nil || !comebacks.isEmpty && comebacks[token] != nil
      || !letters.isEmpty && letters[token] != nil || !acts.isEmpty && acts[token] != nil
  }

  /// A member of this server leaves, and waits for nothing any more.
  /// - Returns: the keys of names that it may be given all the same.
  mutating func leave(_ token: Token) -> [String] {
    letters[token] = nil
    acts[token] = nil
    return [claims.removeValue(forKey: token), comebacks.removeValue(forKey: token)].flatMap {
      $0?.operation.keys ?? []
    }
  }
}

struct SentLetter: Equatable {
  let reader: MemberID
  /// What that one was called.
  let name: MemberName
  /// When its sender waits no longer.
  var until: Moment

  /// How long an answer may take while the link is there: longer than it takes to find that the other server has gone.
  static let patience = Duration.seconds(10)
}

/// What an operator does that concerns all servers: each does its part when it reads the record.
struct SharedAct: Equatable {
  /// What has happened when it is done.
  let record: Record
  /// What brings that about, and what is said of it.
  let operations: [Operation]
  /// What stands in the log of the operator's server then.
  let note: String
  /// What the operator is answered then; nil for nothing.
  let answer: [UInt8]?

  init(record: Record, operations: [Operation], note: String, answer: Reply? = nil) {
    self.record = record
    self.operations = operations
    self.note = note
    self.answer = answer?.bytes
  }
}

extension Presence: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (claims, comebacks) = (try reader.read(), try reader.read())
    (letters, unanswered, acts) = (try reader.read(), try reader.read(), try reader.read())
    (departures, isHistoryLost) = (try reader.read(), try reader.read())
    (missing, lostWithServer, reaped) = (try reader.read(), try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) {
    writer.write(claims, comebacks, letters, unanswered, acts, departures, isHistoryLost)
    writer.write(missing, lostWithServer, reaped)
  }
}

extension Presence.Departure: StateCoded {
  init(from reader: inout StateReader) throws(StateError) { (token, viewers) = (try reader.read(), try reader.read()) }
  func write(to writer: inout StateWriter) { writer.write(token, viewers) }
}

extension Presence.LostMembers: StateCoded {
  init(from reader: inout StateReader) throws(StateError) { (names, until) = (try reader.read(), try reader.read()) }
  func write(to writer: inout StateWriter) { writer.write(names, until) }
}

extension SentLetter: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    self.init(reader: try reader.read(), name: try reader.read(), until: try reader.read())
  }

  func write(to writer: inout StateWriter) { writer.write(reader, name, until) }
}

extension SharedAct: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (record, operations) = (try reader.read(), try reader.read())
    (note, answer) = (try reader.read(), try reader.read())
    guard !operations.isEmpty else { throw .impossible("an operator did nothing") }
  }

  func write(to writer: inout StateWriter) { writer.write(record, operations, note, answer) }
}
