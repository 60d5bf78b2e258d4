import ChatWire

/// One who takes part in a room. Whoever has more to know of a member, a connection say, is a kind of it: so what a
/// delivery touches lies together in memory.
///
/// Confined to whatever owns the room.
package class Member {
  package final var cursor: Cursor
  /// Its place in the room's list; -1 when it is not in the room.
  final var place = -1
  /// What its lines begin with: its name, a colon and a space.
  package final let prefix: [UInt8]

  /// A member that is not in the room yet.
  init(name: MemberName, cursor: consuming Cursor) {
    prefix = ServerLine.messagePrefix(of: name)
    self.cursor = cursor
  }
}
