import ChatWire
import Glibc

/// The connection to the server. Any thread may send or receive; one of each at a time.
package final class ServerConnection: Sendable {
  private let socket: FileDescriptor

  private init(_ socket: consuming FileDescriptor) { self.socket = socket }

  /// Connects to the first of the address's hosts that answers.
  package static func open(to address: Address) throws(ConnectionFailure) -> ServerConnection {
    let candidates: [SocketAddress]
    do { candidates = try address.resolved() } catch { throw ConnectionFailure(Wording.cannotFind(error)) }
    var reason = SystemCallError("connect", code: EADDRNOTAVAIL)
    for candidate in candidates {
      do {
        return try ServerConnection(open(to: candidate))
      } catch {
        // A host that refuses is there; that says more than another of its addresses that cannot be reached.
        if reason.code != ECONNREFUSED { reason = error }
      }
    }
    throw ConnectionFailure(Wording.cannotConnect(to: address, because: reason))
  }

  private static func open(to address: SocketAddress) throws(SystemCallError) -> FileDescriptor {
    let socket = try FileDescriptor.socket(for: address)
    try socket.connect(to: address)
    // A line is worth a packet: without this a second line waits until the first is acknowledged.
    if address.family != AF_UNIX { try socket.set(.noDelay, to: 1) }
    try socket.setBlocking(false)
    return socket
  }

  /// Receives what is there, once there is something.
  /// - Parameter patience: milliseconds to wait, or -1 for as long as it takes. `.wouldBlock` says that they are over.
  package func receive(into buffer: UnsafeMutableRawBufferPointer, patience: CInt) -> Transfer {
    while true {
      let outcome = socket.receive(into: buffer)
      guard outcome == .wouldBlock else { return outcome }
      var entry = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
      if poll(&entry, 1, patience) == 0 { return .wouldBlock }
    }
  }

  /// Sends all of `bytes`, waiting for the server as long as it takes, or until the connection ends.
  /// - Parameter patience: milliseconds that the server may take nothing, or -1 for as long as it likes.
  /// - Returns: how many bytes were sent; fewer than there are if the connection has ended, or the patience.
  package func send(_ bytes: some Sequence<UInt8>, patience: CInt = -1) -> Int {
    let bytes = ContiguousArray(bytes)
    return bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        switch socket.send(UnsafeRawBufferPointer(rebasing: rest)) {
        case .bytes(let count):
          rest = rest.dropFirst(count)
        case .wouldBlock:
          var entry = pollfd(fd: socket.number, events: Int16(POLLOUT), revents: 0)
          if poll(&entry, 1, patience) == 0 { return bytes.count - rest.count }
        case .ended, .failed:
          return bytes.count - rest.count
        }
      }
      return bytes.count
    }
  }

  /// Bytes sent that the server's machine has not acknowledged yet .
  package var unacknowledgedBytes: Int { socket.unacknowledgedBytes() }

  /// Whether the server ends its stream within so many milliseconds, as one does that lets nobody in.
  package func isEnded(within milliseconds: CInt) -> Bool {
    // POLLRDHUP of <poll.h>, which Swift's Glibc hides.
    var entry = pollfd(fd: socket.number, events: 0x2000, revents: 0)
    return poll(&entry, 1, milliseconds) > 0
  }

  /// Whether the server's machine has acknowledged all that was sent, the end of the stream too.
  package var hasDeliveredAll: Bool { socket.takeError() == nil && unacknowledgedBytes == 0 }

  /// The name that a server gives this client before it takes another: the port of its own end. Empty on a Unix socket.
  package var ownName: String {
    guard let port = try? socket.localAddress().port, port != 0 else { return "" }
    return String(port)
  }

  /// Ends it in both directions, and wakes whoever waits for it.
  package func shutdown() { _ = Glibc.shutdown(socket.number, CInt(SHUT_RDWR)) }

  /// Leaves as both kinds of server understand it: one without framing reads exactly `exit`, for others the end of the
  /// stream ends the line.
  /// - Returns: whether `exit` was sent whole.
  func leave() -> Bool {
    let isSent = send(ClientLine.exitWord) == ClientLine.exitWord.count
    shutdownSending()
    return isSent
  }

  /// Tells the server that nothing more will come. Receiving goes on.
  package func shutdownSending() { socket.shutdownSending() }
}
