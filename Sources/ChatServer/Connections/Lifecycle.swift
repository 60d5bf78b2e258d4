import ChatWire

/// How far a connection's life has come.
///
/// Each mutation says what happened, and returns what the server has to do about it. No connection can be in two states at a
/// time, so there is no combination of facts that "cannot occur".
enum Lifecycle: Equatable {
  /// In the room: what it sends is said, and it hears the others.
  case member
  /// Sending to it failed, so it hears nothing more. It is read to its end, because it may have said something before.
  /// `inputIsComplete` if it ended its stream in order; a stream that was torn may end within a line.
  case unreachable(inputIsComplete: Bool)
  /// It still gets what was said until it left. What it sends is discarded.
  case leaving
  /// Our side of the stream has ended. Its end is awaited, because closing with unread input would reset the connection
  /// under what the peer has still to read.
  case lingering(until: Moment)
  case closed

  /// What the server has to do next for a connection.
  enum Step: Equatable {
    case nothing
    /// Send what is due until the end of its stream, and discard its input.
    case flush
    /// Read it to its end although nothing can be sent to it.
    case readToEnd
    /// End our side of the stream, and check the connection again at this moment.
    case shutDownSending(until: Moment)
    /// Say what the end of the stream completes, then leave.
    case endMessageAndLeave
    /// Close the descriptor; `isLost` if the room is to be told that the connection broke.
    case close(isLost: Bool)
  }

  /// Whether what it sends counts.
  var isHeard: Bool {
    switch self {
    case .member, .unreachable: true
    case .leaving, .lingering, .closed: false
    }
  }

  /// It leaves: by `exit`, by the end of its stream, or because the server has no place for it or stops.
  mutating func leave() -> Step {
    switch self {
    case .member:
      self = .leaving
      return .flush
    case .unreachable: return close(isLost: false)
    case .leaving, .lingering, .closed: return .nothing
    }
  }

  /// All that was due to it is sent.
  /// - Parameter deadline: when to give up waiting for the peer's end.
  mutating func allIsSent(inputHasEnded: Bool, lingeringUntil deadline: Moment) -> Step {
    guard self == .leaving else { return .nothing }
    if inputHasEnded { return close(isLost: false) }
    self = .lingering(until: deadline)
    return .shutDownSending(until: deadline)
  }

  /// The kernel takes nothing more for it.
  /// - Parameters:
  ///   - endedInOrder: whether the peer closed its stream before (EPIPE), and did not reset it (ECONNRESET).
  ///   - isHeld: whether some of its input waits for its turn.
  mutating func sendingFailed(endedInOrder: Bool, inputHasEnded: Bool, isHeld: Bool) -> Step {
    // After a reset, complete lines still in the kernel's buffer are relayed; held input and an unfinished line are lost.
    let hasMoreToSay = endedInOrder ? isHeld || !inputHasEnded : !isHeld && !inputHasEnded
    guard self == .member, hasMoreToSay else { return lose() }
    self = .unreachable(inputIsComplete: endedInOrder)
    return .readToEnd
  }

  /// The peer ended its stream, and all of it was read.
  mutating func inputEnded() -> Step {
    switch self {
    case .member, .unreachable(inputIsComplete: true): return .endMessageAndLeave
    case .unreachable(inputIsComplete: false): return lose()
    case .lingering: return close(isLost: false)
    case .leaving, .closed: return .nothing
    }
  }

  /// The connection broke, or its peer is given up.
  mutating func lose() -> Step {
    switch self {
    case .member, .unreachable: return close(isLost: true)
    case .leaving, .lingering: return close(isLost: false)
    case .closed: return .nothing
    }
  }

  private mutating func close(isLost: Bool) -> Step {
    self = .closed
    return .close(isLost: isLost)
  }
}

extension Lifecycle: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .member
    case 1: self = .unreachable(inputIsComplete: try reader.read())
    case 2: self = .leaving
    case 3: self = .lingering(until: try reader.read())
    case 4: self = .closed
    case let tag: throw reader.unknown(tag, "time of a connection's life")
    }
  }

  func write(to writer: inout StateWriter) {
    switch self {
    case .member: writer.write(UInt8(0))
    case .unreachable(let inputIsComplete): writer.write(UInt8(1), inputIsComplete)
    case .leaving: writer.write(UInt8(2))
    case .lingering(let deadline): writer.write(UInt8(3), deadline)
    case .closed: writer.write(UInt8(4))
    }
  }
}
