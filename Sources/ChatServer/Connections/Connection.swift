import ChatWire

/// A member with a socket: its descriptor, what it has sent so far, and how far its goodbye has come.
///
/// Confined to the server's queue. The descriptor is closed when the last who holds the connection lets go.
final class Connection: Member {
  enum Phase: Equatable {
    /// In the room: what it sends is heard.
    case talking
    /// It has left, and still gets what was said until then. What it sends is discarded.
    case leaving
    /// Our side has ended; its last bytes are awaited, so that closing does not reset the connection under what it has
    /// still to read.
    case ending
    case closed
  }

  let descriptor: FileDescriptor
  var phase = Phase.talking
  /// What the event layer is to tell of.
  var interest: Interest = .reading
  /// Set while the kernel takes no more bytes for it.
  var isBlocked = false
  /// Set when sending has failed: it hears nothing more, and is read to its end.
  var isMute = false
  /// Set with `isMute` if its stream was cut off, perhaps within a line.
  var isTorn = false
  /// Set when it had sent more than was read of it the last time: then it waits where one that says a line now and then is
  /// heard.
  var isPouring = false
  /// Set while it is not read, because others have to catch up or it sends faster than it may.
  var isPaused = false
  /// Set when the peer has ended its stream.
  var hasEnded = false

  let token: Token
  var framer: LineFramer
  /// The peer as log lines show it, as in `('127.0.0.1', 54321)`.
  let label: [UInt8]
  /// What its lines begin with in the server's own log; empty until it says something.
  var consolePrefix: [UInt8] = []
  /// Taken from the socket, and not said yet because it has to wait.
  var unread: [UInt8] = []
  /// Set while bytes are on their way to it, or wait for it to take some: it is looked at now and then.
  var isAwaited = false
  /// When its side was last seen to have taken a byte, or had nothing to take. Known only while it is awaited.
  var lastProgress: Moment
  /// Bytes that the kernel has got for it, and how many of them its side had when it was last looked at.
  var handedOver = 0
  var acknowledged = 0
  /// When something last came from it.
  var lastHeard: Moment
  /// How fast it has been sending, where that is limited.
  var pace = Pace()
  /// Until when it is not read because it sent too fast; nil if that is not why.
  var heldUntil: Moment?
  var isToldOfRate = false
  /// Set when there was no room for it, and it is only told so.
  var isRefused = false
  /// What its address counts as, where connections are counted.
  var addressKey: AddressQuota.Key?
  /// When it ends even if the peer does not; set with the phase `ending`.
  var endsBy = Moment.never
  /// The earliest of its entries among the server's deadlines.
  var nextLook = Moment.never

  init(
    descriptor: consuming FileDescriptor, token: Token, name: MemberName, label: [UInt8], framer: LineFramer,
    cursor: consuming Cursor, now: Moment
  ) {
    self.descriptor = descriptor
    self.token = token
    self.label = label
    self.framer = framer
    lastProgress = now
    lastHeard = now
    super.init(name: name, cursor: cursor)
  }
}
