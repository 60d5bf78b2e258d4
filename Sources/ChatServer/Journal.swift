import ChatWire

/// How a line gets its place in the room's order: it is submitted, and once it is committed it counts as said.
///
/// This server alone orders its room, so a line is committed as soon as it is submitted. Whatever has to happen because a
/// line was said belongs into `committed`, and nothing but that depends on when it happens.
extension Server {
  /// What a member says to everybody.
  enum Speech {
    case message, action
  }

  /// Gives a member's line to the room.
  @inline(__always)
  func submit(_ line: Span<UInt8>, as speech: Speech, by connection: Connection) -> Verdict {
    let start = room.log.head
    let outcome =
      switch speech {
      case .message: room.say(line, by: connection)
      case .action: room.act(line, by: connection)
      }
    switch outcome {
    case .said:
      committed(from: start, by: connection)
      return .taken
    case .logFull: return .wait(.backpressure)
    case .tooLong:
      tell(connection, .lineTooLong(maximumBytes: configuration.maximumLineBytes))
      return .taken
    }
  }

  /// A line of a member has its place in the log, from `start` to its head.
  @inline(__always)
  private func committed(from start: LogOffset, by connection: Connection) {
    console.relayed(from: connection.label, at: start, in: room.log)
  }
}
