import ChatWire

/// What has happened in a server since its start, one line a fact.
package struct Counters: Sendable, Equatable {
  /// Connections that got a place in the room.
  package internal(set) var accepted = 0
  /// Connections that were told that there is no place for them, and those cut off without being told.
  package internal(set) var refused = 0
  /// Members that left by `exit`, by the end of their stream, or because the server stopped.
  package internal(set) var left = 0
  /// Members whose connection broke, or that were given up.
  package internal(set) var lost = 0
  /// Lines that members sent and that could not be said in time.
  package internal(set) var dropped = 0
  /// Lines said in the room.
  package internal(set) var said = 0
  /// Members that are not read just now because others have to catch up.
  package internal(set) var heldBack = 0
}

extension Server {
  /// The counters as of now.
  package nonisolated var counters: Counters {
    queue.sync {
      assumeIsolated { server in
        var counters = server.counts
        counters.said = server.room.log.headLine
        counters.heldBack = Set(server.heldBack).count { server.connections[$0]?.inbound.hold == .backpressure }
        return counters
      }
    }
  }
}

/// What is not found out anew.
extension Counters: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    (accepted, refused) = (try reader.read(), try reader.read())
    (left, lost, dropped) = (try reader.read(), try reader.read(), try reader.read())
  }

  package func write(to writer: inout StateWriter) { writer.write(accepted, refused, left, lost, dropped) }
}
