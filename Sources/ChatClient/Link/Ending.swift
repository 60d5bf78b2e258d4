import ChatWire

/// Why nothing more will come.
package enum Ending: Equatable, Sendable {
  /// The server has ended its stream, or the connection is broken.
  case connection
  /// What was received could not be handed on.
  case output(SystemCallError)
}
