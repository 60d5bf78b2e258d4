/// The keys of a room. All have the hash tag `{mychat:ROOM}`, so that a Redis Cluster keeps a room together and can hold many.
package struct RoomKeys: Hashable, Sendable {
  /// What all keys of the room begin with.
  package let prefix: String

  /// - Parameter room: a name without `}`, as `RedisAddress` allows them.
  package init(room: String) { prefix = "{mychat:\(room)}:" }

  /// A stream: what is said.
  package var log: String { prefix + "log" }
  /// A hash: the history's epoch and totals, the room's pace, and for each server its sequence, its fence, and what failed lately.
  package var meta: String { prefix + "meta" }
  /// A hash: who is here, by `MemberID`.
  package var people: String { prefix + "people" }
  /// A hash: the member that has a key of a name.
  package var names: String { prefix + "names" }
  /// A sorted set: when each server was heard last, in milliseconds of Redis's clock.
  package var beats: String { prefix + "beats" }
  /// A sorted set: when each server was taken off that is not here any more, likewise.
  package var gone: String { prefix + "gone" }
  /// A hash: bans by their target.
  package var bans: String { prefix + "bans" }
  /// A stream: letters to a server.
  package func box(of server: ServerID) -> String { "\(prefix)box:\(server)" }

  /// As the script gets them.
  var arguments: [String] { [log, meta, people, names, beats, gone, bans, prefix + "box:"] }
}
