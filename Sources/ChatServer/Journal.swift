import ChatWire

/// How a line gets its place in the room's order: it is submitted, and once it is committed it counts as said.
///
/// A server that alone orders its room commits a line as soon as it is submitted. One that shares its room submits it to the
/// link, and commits what all servers read there in one order: `Server+Cluster.swift`. Whatever has to happen because a line was
/// said belongs into `committed`, and nothing but that depends on when it happens.
extension Server {
  /// What a member says to everybody.
  enum Speech {
    case message, action
  }

  /// Gives a member's line to the room.
  @inline(__always)
  func submit(_ line: Span<UInt8>, as speech: Speech, by connection: Connection) -> Verdict {
    if let cluster { return submit(line, as: speech, by: connection, to: cluster) }
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

  /// Gives a member's line to the room of several servers. Nobody hears it, and nothing says that it was said, before it is
  /// read back.
  @inline(never)
  private func submit(_ text: Span<UInt8>, as speech: Speech, by connection: Connection, to cluster: Cluster) -> Verdict
  {
    guard cluster.hasSpace, !isUndecided(connection) else { return .wait(.journal) }
    let prefix =
      switch speech {
      case .message: connection.prefix
      case .action: ServerLine.actionPrefix(of: connection.name)
      }
    guard let line = room.line(text, behind: prefix) else {
      tell(connection, .lineTooLong(maximumBytes: configuration.maximumLineBytes))
      return .taken
    }
    cluster.submit(.say(line: line, speaker: connection.token.bits))
    if cluster.isDown { tellOfLink(connection) }
    return .taken
  }

  /// A line of a member has its place in the log, from `start` to its head.
  @inline(__always)
  func committed(from start: LogOffset, by connection: Connection) {
    console.relayed(from: connection.label, at: start, in: room.log)
  }
}
