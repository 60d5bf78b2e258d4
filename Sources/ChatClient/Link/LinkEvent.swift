import ChatWire

/// What happens on a link, for those parts that show the conversation.
package enum LinkEvent: Equatable, Sendable {
  case lines(ReceivedLines)
  /// ssh has said something: lines that are safe to show, each with its newline.
  case words([UInt8])
  /// The server has sent a message without newline: it is of SEED.md's kind, unless a line was torn. Told once a connection.
  case unframed
  /// The connection has ended and is being made again. These lines may or may not have arrived; they have no newline.
  case lost(uncertain: [[UInt8]])
  /// The next attempt to connect comes in so many seconds; 0 while it is made.
  case waiting(seconds: Int)
  /// There is a connection again, on which the server knows this client by this name, and on which the greeting was sent first.
  case restored(ownName: [UInt8], greeting: [UInt8])
  /// The last event.
  case ended(Ending)
}

/// Why nothing more will come.
package enum Ending: Equatable, Sendable {
  /// The server has ended its stream in order.
  case closed
  /// The connection broke.
  case broken
  /// The goodbye was not answered in time.
  case unconfirmed
  /// The person left while there was no connection.
  case abandoned
  /// The server is none of a chat.
  case foreign(OtherProtocol)
  /// What was received could not be handed on.
  case output(SystemCallError)
}
