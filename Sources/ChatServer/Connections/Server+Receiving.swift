import ChatWire

/// What comes in: from bytes to lines, and from lines to what they mean.
extension Server {
  func readable(_ connection: Connection) {
    guard !connection.hasEnded, !connection.isPaused else { return }
    if connection.phase == .talking, room.isLogFull || room.isCrowded && connection.isPouring {
      return pause(connection)
    }
    let share = share
    let received = input.withUnsafeMutableBytes {
      connection.descriptor.receive(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<share]))
    }
    switch received {
    case .bytes(let count):
      connection.lastHeard = now
      connection.isPouring = count == share
      if connection.phase == .talking { hear(input.span.extracting(first: count), from: connection) }
      readiness.leftUnread(connection)
    case .wouldBlock:
      if connection.isMute { lose(connection) }
    case .ended:
      connection.hasEnded = true
      updateInterest(of: connection)
      streamHasEnded(connection)
    case .failed:
      lose(connection)
    }
  }

  /// Takes in what a member has sent; what finds no room in the log is kept, and the member is read no further.
  func hear(_ bytes: Span<UInt8>, from connection: Connection) {
    let taken = connection.framer.consume(bytes) { frame, line in heard(frame, line, from: connection) }
    if taken < bytes.count, connection.phase == .talking {
      bytes.extracting(taken..<bytes.count).withUnsafeBufferPointer { connection.unread = Array($0) }
      pause(connection)
    } else if connection.framer.awaitsSilence {
      look(at: connection, by: now + configuration.silence)
    }
  }

  /// Acts on one frame. Returns false if the log has no room for it now.
  func heard(_ frame: LineFramer.Frame, _ line: Span<UInt8>, from connection: Connection) -> Bool {
    // After `exit` nothing counts any more.
    guard connection.phase == .talking else { return true }
    let meaning = ClientLine(line)
    if meaning == .blank, frame != .tooLong { return true }
    let paceBefore = connection.pace
    if let rate = configuration.rate, let until = connection.pace.wait(at: now, for: rate) {
      connection.heldUntil = until
      if !connection.isToldOfRate {
        connection.isToldOfRate = true
        tell(connection, .slowed(linesPerSecond: rate.linesPerSecond))
      }
      return false
    }
    switch frame {
    case .tooLong:
      tell(connection, .lineTooLong(maximumBytes: configuration.maximumLineBytes))
      return true
    case .unterminated where !SafeText.isText(line):
      tell(connection, .notText)
      return true
    case .line, .unterminated:
      switch meaning {
      case .blank: break
      case .exit:
        log.leftByCommand(connection.label)
        leave(connection)
      case .message:
        let start = room.log.head
        switch room.say(line, by: connection) {
        case .said:
          if connection.consolePrefix.isEmpty {
            connection.consolePrefix = Console.consolePrefix(for: connection.label)
          }
          log.relayed(connection.consolePrefix, from: start, in: room.log)
        case .tooLong:
          tell(connection, .lineTooLong(maximumBytes: configuration.maximumLineBytes))
        case .logFull:
          connection.pace = paceBefore
          return false
        }
      }
      return true
    }
  }

  /// A pause, or the end of the stream, ends the message of a peer that sends no newlines.
  /// - Returns: false if the log has no room for it now; the connection waits then.
  @discardableResult
  func endMessage(of connection: Connection) -> Bool {
    let isSaid = connection.framer.silence { frame, line in heard(frame, line, from: connection) }
    if !isSaid { pause(connection) }
    return isSaid
  }

  func streamHasEnded(_ connection: Connection) {
    switch connection.phase {
    case .talking:
      if connection.isTorn { return lose(connection) }
      // The message that the end completes may be `exit`.
      guard endMessage(of: connection), connection.phase == .talking else { return }
      if connection.isMute { return lose(connection) }
      leave(connection)
    case .ending: close(connection)
    case .leaving, .closed: break
    }
  }

  func tell(_ connection: Connection, _ notice: Notice) {
    connection.cursor.tell(notice.line)
    due.append(connection)
  }
}
