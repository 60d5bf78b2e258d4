import Dispatch

/// Sends on a serial queue of its own, so that a server that does not read never holds up who types.
///
/// What waits here was typed by a person, so it has no bound of its own. That a line could not be sent is not told:
/// whoever receives on the same connection learns of its end.
package final class Sender: Sendable {
  private let connection: Connection
  private let queue = DispatchQueue(label: "mychat.send")

  package init(_ connection: Connection) { self.connection = connection }

  package func send(_ bytes: [UInt8]) {
    queue.async { [connection] in _ = connection.send(bytes) }
  }

  /// Says goodbye once all before it is sent.
  package func leave() {
    queue.async { [connection] in _ = OutgoingLine.leave(connection) }
  }
}
