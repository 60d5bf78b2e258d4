import ChatWire

/// What a server has done to the room in a turn. The script does all that stand in one turn together, in order.
package enum Operation: Equatable, Sendable {
  /// Says one line.
  /// - line: with its newline, at most `Entry.maximumLineBytes`.
  /// - speaker: the member of this server whose line it is; nil for the server's own.
  case say(line: [UInt8], speaker: UInt64?)
  /// Writes a record that changes nothing in Redis.
  case record(Record)
  /// Has a member known under a name, unless another member has one of the keys. It may be a member that is new.
  case claim(Claim)
  /// A member has gone: its name and all of its keys are free.
  /// - keys: those that it has.
  case release(MemberID, keys: [String])
  /// Keeps a ban, in the place of an earlier one of the same target.
  case ban(target: String, line: String)
  case unban(target: String)
  /// Sets the room's seconds between two lines of one member.
  case slow(seconds: Int)
  /// Gives another server something for one of its members, or an answer to that.
  case post(Letter, to: ServerID)

  /// Asks for a name.
  package struct Claim: Equatable, Sendable {
    package var member: MemberID
    /// The member as it is to be known.
    package var person: Person
    /// All keys that nobody else may have.
    package var keys: [String]
    /// Keys that the member has and gives up for those.
    package var givenUp: [String]
    /// What is written if it succeeds: `joined` or `renamed`.
    package var record: Record
    /// A line that is said then, with its newline; nil for none.
    package var announcement: [UInt8]?

    package init(
      member: MemberID, person: Person, keys: [String], givenUp: [String] = [], record: Record,
      announcement: [UInt8]? = nil
    ) {
      self.member = member
      self.person = person
      self.keys = keys
      self.givenUp = givenUp
      self.record = record
      self.announcement = announcement
    }
  }
}

/// What goes from one server to another, and not into the room.
package enum Letter: Hashable, Sendable {
  /// A private line. `name` is the sender's; the text is as it was sent.
  case line(from: MemberID, name: MemberName, to: MemberID, text: [UInt8])
  /// What became of one that the member sent.
  case answer(to: MemberID, Outcome)

  package enum Outcome: Hashable, Sendable {
    case delivered(to: MemberName)
    case deliveredToAway(MemberName, text: String)
    case ignored(by: MemberName)
    case tooFarBehind(MemberName)
    /// There is no such member any more.
    case gone
    /// The member left before it had this many lines that were said to be delivered.
    case leftUnread(MemberName, lines: Int)
  }
}

extension Operation: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .say(line: try reader.read(), speaker: try reader.read())
    case 1: self = .record(try reader.read())
    case 2: self = .claim(try reader.read())
    case 3: self = .release(try reader.read(), keys: try reader.read())
    case 4: self = .ban(target: try reader.read(), line: try reader.read())
    case 5: self = .unban(target: try reader.read())
    case 6: self = .slow(seconds: try reader.read())
    case 7: self = .post(try reader.read(), to: try reader.read())
    case let tag: throw reader.unknown(tag, "kind of operation")
    }
  }

  package func write(to writer: inout StateWriter) {
    switch self {
    case .say(let line, let speaker): writer.write(UInt8(0), line, speaker)
    case .record(let record): writer.write(UInt8(1), record)
    case .claim(let claim): writer.write(UInt8(2), claim)
    case .release(let member, let keys): writer.write(UInt8(3), member, keys)
    case .ban(let target, let line): writer.write(UInt8(4), target, line)
    case .unban(let target): writer.write(UInt8(5), target)
    case .slow(let seconds): writer.write(UInt8(6), seconds)
    case .post(let letter, let server): writer.write(UInt8(7), letter, server)
    }
  }
}

extension Operation.Claim: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    self.init(
      member: try reader.read(), person: try reader.read(), keys: try reader.read(), givenUp: try reader.read(),
      record: try reader.read(), announcement: try reader.read())
  }

  package func write(to writer: inout StateWriter) {
    writer.write(member, person, keys, givenUp, record, announcement)
  }
}
