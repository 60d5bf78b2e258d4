import ChatWire

/// Someone who takes part in a room. `Connection` subclasses this so that everything a delivery touches is in one
/// allocation.
///
/// Confined to whatever owns the room.
package class Member {
  @exclusivity(unchecked) package final var cursor: Cursor
  /// Its index in the room's list of members; -1 while it is not in the room.
  final var place: Int32 = -1
  /// What its lines begin with: its name, a colon and a space.
  package final let prefix: [UInt8]

  /// Makes a member that is not in the room yet.
  init(name: MemberName, cursor: consuming Cursor) {
    prefix = ServerLine.messagePrefix(of: name)
    self.cursor = cursor
  }
}
