import ChatWire

/// A member with a socket.
///
/// Confined to the server's queue. The descriptor is closed when the last reference to the connection goes.
final class Connection: Member {
  /// How it was let in; decided once, when it was accepted.
  enum Admission: Equatable {
    /// It has a place in the room, and counts against its address where connections per address are limited.
    case member(AddressQuota.Key?)
    /// There is no place for it: it is only told so.
    case refused
  }

  // What a delivery reads comes first.
  let descriptor: FileDescriptor
  @exclusivity(unchecked) var lifecycle = Lifecycle.member
  /// Set while the kernel takes no more bytes for it.
  @exclusivity(unchecked) var isBlocked = false
  /// What the event layer was last told to report.
  @exclusivity(unchecked) var interest: Interest = .reading
  /// Bytes handed to the kernel so far.
  @exclusivity(unchecked) var bytesSent = 0
  /// Nil while nothing is on its way to it.
  @exclusivity(unchecked) var progress: ProgressWatch?

  let token: Token
  let admission: Admission
  /// Accesses are checked, because lines are handled while it is being changed.
  var framer: LineFramer
  @exclusivity(unchecked) var inbound: Inbound
  /// The peer as console lines show it.
  let label: Console.PeerLabel
  /// The minute in which it came, since 1970.
  let joinedAt: Int32
  /// Its earliest entry in `Deadlines`; later ones are stale.
  var nextCheckAt = Moment.never

  init(
    descriptor: consuming FileDescriptor, token: Token, admission: Admission, name: MemberName,
    label: Console.PeerLabel,
    framer: LineFramer, cursor: consuming Cursor, now: Moment, minute: Int32
  ) {
    self.descriptor = descriptor
    self.token = token
    self.admission = admission
    self.label = label
    self.framer = framer
    joinedAt = minute
    inbound = Inbound(lastReceived: now)
    super.init(name: name, cursor: cursor)
  }

  /// The peer's numeric address; nil on a Unix socket. From the label, because the kernel's would be that of a proxy.
  var peerAddress: SocketAddress? { label.address }
}
