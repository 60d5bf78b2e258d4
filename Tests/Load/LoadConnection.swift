import ChatWire

/// One connection to the server under load.
struct LoadConnection: ~Copyable {
  let socket: FileDescriptor
  /// The start of a piece of the stream whose end has not come yet.
  var unfinished = ByteQueue()
  /// Bytes that the kernel has not taken yet.
  var outgoing = ByteQueue()
  /// Whether it is known to be in the room.
  var isInRoom = false
  /// Whether the poller tells when more can be sent.
  var awaitsRoomToSend = false

  /// Connects to one of `addresses`, the first that answers.
  init(to addresses: [SocketAddress]) throws(SystemCallError) {
    var lastError = SystemCallError("connect", code: 0)
    for address in addresses {
      do throws(SystemCallError) {
        let socket = try FileDescriptor.socket(for: address)
        try socket.connect(to: address)
        try socket.setBlocking(false)
        if case .internet = address.address { try socket.set(.noDelay, to: 1) }
        self.socket = socket
        return
      } catch {
        lastError = error
      }
    }
    throw lastError
  }
}
