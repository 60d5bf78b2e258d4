import ChatWire

/// Why a member is not read for now.
enum Hold: Equatable {
  /// Others have to catch up first, or to be answered in this turn.
  case backpressure
  /// It has to take first what it asked for.
  case answer
  /// It sent more than `--rate` allows; it may go on at this moment.
  case rate(until: Moment)
  /// The link to the other servers takes no more, or what it asked for has to be decided by all of them first, or it wants
  /// to leave and has not heard yet that all of its lines are said.
  case journal
  /// The system is asked whether the name that it wants is a login.
  case login
}

/// What became of one line that a member sent.
enum Verdict: Equatable {
  case taken
  /// It is not taken yet: it has to be given again when the hold is over.
  case wait(Hold)
  /// It was `exit`, or the member has put itself out; nothing after it counts.
  case leave

  /// As a pattern, because comparing the payloads of every line's verdict would cost what a line must not.
  var isTaken: Bool { if case .taken = self { true } else { false } }
}

/// What a member has sent that is not said yet, and whether it may go on.
struct Inbound {
  // The small ones come last, because a server has one of these for each connection.

  /// Bytes taken from the socket that wait for the end of `hold`.
  var held: [UInt8] = []
  /// When bytes last came from it.
  var lastReceived: Moment
  /// How much it sends. While the room is crowded bulk senders are held, and those who say a line now and then are not.
  var bytes = ByteRateMeter()
  /// How far ahead of `--rate` it is.
  var rate = RateMeter()
  /// What becomes of its lines.
  var lines = Handling.said
  /// Why it is not read; nil if it is.
  var hold: Hold?
  /// The peer ended its stream.
  var hasEnded = false
  var isToldOfRate = false
  /// It was told that the link to the other servers is down.
  var isToldOfLink = false

  enum Handling: Equatable {
    case said
    /// They are said, but it ended its stream at this moment, and its place is not kept for ever.
    case saidAfterDeparture(at: Moment)
    /// Their time is over. This many were not said.
    case counted(Int)
  }

  var isCounted: Bool { if case .counted = lines { true } else { false } }
}

extension Inbound: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (held, lastReceived) = (try reader.read(), try reader.read())
    (bytes, rate, lines, hold) = (try reader.read(), try reader.read(), try reader.read(), try reader.read())
    (hasEnded, isToldOfRate, isToldOfLink) = (try reader.read(), try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) {
    writer.write(held, lastReceived, bytes, rate, lines, hold, hasEnded, isToldOfRate, isToldOfLink)
  }
}

extension Inbound.Handling: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .said
    case 1: self = .saidAfterDeparture(at: try reader.read())
    case 2: self = .counted(try reader.read())
    case let tag: throw reader.unknown(tag, "way to handle lines")
    }
  }

  func write(to writer: inout StateWriter) {
    switch self {
    case .said: writer.write(UInt8(0))
    case .saidAfterDeparture(let departure): writer.write(UInt8(1), departure)
    case .counted(let count): writer.write(UInt8(2), count)
    }
  }
}

extension Hold: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .backpressure
    case 1: self = .answer
    case 2: self = .rate(until: try reader.read())
    case 3: self = .journal
    case 4: self = .login
    case let tag: throw reader.unknown(tag, "kind of hold")
    }
  }

  func write(to writer: inout StateWriter) {
    switch self {
    case .backpressure: writer.write(UInt8(0))
    case .answer: writer.write(UInt8(1))
    case .rate(let until): writer.write(UInt8(2), until)
    case .journal: writer.write(UInt8(3))
    case .login: writer.write(UInt8(4))
    }
  }
}
