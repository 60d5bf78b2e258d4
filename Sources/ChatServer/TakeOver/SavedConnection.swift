import ChatWire

/// A connection as one program hands it over to the next, before anything is done with it.
final class SavedConnection {
  let descriptor: CInt
  let token: Token
  let admission: Connection.Admission
  let name: MemberName
  let label: Console.PeerLabel
  let joinedAt: Int32
  let lifecycle: Lifecycle
  let isBlocked: Bool
  let bytesSent: Int
  let progress: ProgressWatch?
  let inbound: Inbound
  let nextCheckAt: Moment
  let framer: LineFramer
  let isInRoom: Bool
  var cursor: Cursor

  init(
    from reader: inout StateReader, maximumLineBytes: Int, in log: borrowing RoomLog
  ) throws(StateError) {
    let (descriptor, token): (CInt, Token) = (try reader.read(), try reader.read())
    let (admission, name): (Connection.Admission, MemberName) = (try reader.read(), try reader.read())
    let (label, joinedAt): (Console.PeerLabel, Int32) = (try reader.read(), try reader.read())
    let (lifecycle, isBlocked): (Lifecycle, Bool) = (try reader.read(), try reader.read())
    let (bytesSent, progress): (Int, ProgressWatch?) = (try reader.read(), try reader.read())
    let (inbound, nextCheckAt): (Inbound, Moment) = (try reader.read(), try reader.read())
    let framer = try LineFramer(from: &reader, maximumLineBytes: maximumLineBytes, overlong: .skip)
    let isInRoom: Bool = try reader.read()
    guard descriptor > 2, lifecycle != .closed else { throw .impossible("a connection is closed") }
    guard isInRoom == (lifecycle == .member || lifecycle == .leaving) else {
      throw .impossible("a connection is in the room and is not")
    }
    (self.descriptor, self.token, self.admission, self.name) = (descriptor, token, admission, name)
    (self.label, self.joinedAt, self.lifecycle) = (label, joinedAt, lifecycle)
    (self.isBlocked, self.bytesSent, self.progress) = (isBlocked, bytesSent, progress)
    (self.inbound, self.nextCheckAt) = (inbound, nextCheckAt)
    (self.framer, self.isInRoom) = (framer, isInRoom)
    cursor = try Cursor(from: &reader, in: log, isInRoom: isInRoom)
  }
}

extension Connection {
  func write(to writer: inout StateWriter) {
    writer.write(descriptor.number, token, admission, name, label, joinedAt)
    writer.write(lifecycle, isBlocked, bytesSent, progress, inbound, nextCheckAt)
    framer.write(to: &writer)
    writer.write(place >= 0)
    cursor.write(to: &writer)
  }

  /// - Parameter saved: its cursor is taken.
  convenience init(continuing saved: SavedConnection, in log: borrowing RoomLog) {
    self.init(
      descriptor: FileDescriptor(owning: saved.descriptor), token: saved.token, admission: saved.admission,
      name: saved.name, label: saved.label, framer: saved.framer, cursor: Cursor(joining: log), now: .now,
      minute: saved.joinedAt)
    swap(&cursor, &saved.cursor)
    (lifecycle, isBlocked, bytesSent) = (saved.lifecycle, saved.isBlocked, saved.bytesSent)
    (progress, inbound) = (saved.progress, saved.inbound)
  }
}

extension Connection.Admission: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .refused
    case 1: self = .member(try reader.read())
    case let tag: throw reader.unknown(tag, "kind of admission")
    }
  }

  func write(to writer: inout StateWriter) {
    switch self {
    case .refused: writer.write(UInt8(0))
    case .member(let key): writer.write(UInt8(1), key)
    }
  }
}
