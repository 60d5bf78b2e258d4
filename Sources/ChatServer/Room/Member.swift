import ChatWire

/// Someone who takes part in a room. `Connection` subclasses this so that everything a delivery touches is in one
/// allocation.
///
/// Confined to whatever owns the room.
package class Member {
  @exclusivity(unchecked) package final var cursor: Cursor
  /// Its index in the room's list of members; -1 while it is not in the room.
  final var place: Int32 = -1
  /// What its messages begin with: its name, a colon and a space.
  package final var prefix: [UInt8] { namePrefix.bytes }
  @exclusivity(unchecked) private(set) final var namePrefix: NamePrefix

  /// Not copyable, so that saying a line borrows the bytes from the member rather than count one more reference to them.
  struct NamePrefix: ~Copyable {
    let bytes: [UInt8]
  }

  /// Makes a member that is not in the room yet.
  init(name: MemberName, cursor: consuming Cursor) {
    namePrefix = NamePrefix(bytes: ServerLine.messagePrefix(of: name))
    self.cursor = cursor
  }

  /// What it is called now; `prefix` is this and two bytes.
  package final var name: MemberName { MemberName(bytes: Array(prefix.dropLast(2))) }

  /// Gives it another name. What it has said keeps the old one.
  package final func rename(to name: MemberName) {
    namePrefix = NamePrefix(bytes: ServerLine.messagePrefix(of: name))
  }
}
