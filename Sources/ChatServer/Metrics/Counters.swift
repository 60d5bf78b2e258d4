import ChatWire

/// What has happened in a server since its start, and how it stands now, one line a fact.
package struct Counters: Sendable, Equatable {
  /// When the server started.
  package internal(set) var startedAt = WallTime.now
  /// The first of the addresses on which it listens, which tells it from other servers of this machine; nil before.
  package internal(set) var address: Address?

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
  /// Lines said in the room, those of the server itself included.
  package internal(set) var said = 0
  /// Bytes handed to the kernel for all connections.
  package internal(set) var bytesSent = 0

  // What is so now.

  /// Connections that have a place in the room, those included that are leaving.
  package internal(set) var members = 0
  /// Members that have still to get something of the log because their connections take no more bytes.
  package internal(set) var behind = 0
  /// Members that are not read just now because others have to catch up.
  package internal(set) var heldBack = 0
  /// Bytes of the log that the slowest of the members who are waited for has still to get.
  package internal(set) var lagBytes = 0
  /// Bytes that the log can hold.
  package internal(set) var logBytes = 0
  /// Whether the room is shared at the moment; nil where it is this server's alone.
  package internal(set) var isRedisUp: Bool?
}

extension Server {
  /// The counters as of now.
  package nonisolated var counters: Counters { queue.sync { assumeIsolated { $0.currentCounters } } }

  var currentCounters: Counters {
    var counters = counts
    counters.said = room.log.headLine - restoredLines
    counters.members = connections.count - refusedCount
    for member in room.members {
      let lag = room.log.head - member.cursor.position
      if lag > 0 || member.cursor.isOvertaken { counters.behind += 1 }
      if member.cursor.isProtected { counters.lagBytes = max(counters.lagBytes, lag) }
    }
    counters.heldBack = Set(heldBack).count { connections[$0]?.inbound.hold == .backpressure }
    counters.logBytes = room.log.capacity
    // What those sent that have gone is counted already.
    for connection in connections.all { counters.bytesSent += connection.bytesSent }
    counters.isRedisUp = cluster?.isWorking
    return counters
  }
}

/// What is not found out anew.
extension Counters: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    (startedAt, address) = (try reader.read(), try reader.read())
    (accepted, refused) = (try reader.read(), try reader.read())
    (left, lost, dropped) = (try reader.read(), try reader.read(), try reader.read())
    bytesSent = try reader.read()
  }

  package func write(to writer: inout StateWriter) {
    writer.write(startedAt, address, accepted, refused, left, lost, dropped, bytesSent)
  }
}
