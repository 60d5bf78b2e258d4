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

/// A peer that waits for its login, as it is handed over. Who it is the kernel says again.
struct SavedArrival: StateCoded {
  let descriptor: CInt
  /// Of the listener at which it came.
  let listenerIndex: Int
  let until: Moment

  init(descriptor: CInt, listenerIndex: Int, until: Moment) {
    (self.descriptor, self.listenerIndex, self.until) = (descriptor, listenerIndex, until)
  }

  init(from reader: inout StateReader) throws(StateError) {
    (descriptor, listenerIndex, until) = (try reader.read(), try reader.read(), try reader.read())
    guard descriptor > 2 else { throw .impossible("a peer that waits is closed") }
  }

  func write(to writer: inout StateWriter) { writer.write(descriptor, listenerIndex, until) }
}

/// A connection of a proxy whose header has not come whole, as it is handed over.
struct SavedProxiedPeer: StateCoded {
  let descriptor: CInt
  /// Of the listener at which it came.
  let listenerIndex: Int
  /// What has come of the header.
  let bytes: [UInt8]
  let until: Moment

  init(descriptor: CInt, listenerIndex: Int, bytes: [UInt8], until: Moment) {
    (self.descriptor, self.listenerIndex, self.bytes, self.until) = (descriptor, listenerIndex, bytes, until)
  }

  init(from reader: inout StateReader) throws(StateError) {
    (descriptor, listenerIndex) = (try reader.read(), try reader.read())
    (bytes, until) = (try reader.read(), try reader.read())
    guard descriptor > 2, bytes.count < ProxyHeader.maximumBytes else {
      throw .impossible("a connection of a proxy has no header to come")
    }
  }

  func write(to writer: inout StateWriter) { writer.write(descriptor, listenerIndex, bytes, until) }
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
