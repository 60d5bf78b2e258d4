import Glibc

extension FileDescriptor {
  /// A new stream socket of the family of `address`; exec(3) closes it.
  package static func socket(for address: SocketAddress) throws(SystemCallError) -> FileDescriptor {
    let number = Glibc.socket(address.family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw SystemCallError("socket") }
    return FileDescriptor(owning: number)
  }

  /// A new Unix socket for datagrams; exec(3) closes it.
  package static func datagramSocket() throws(SystemCallError) -> FileDescriptor {
    let number = Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw SystemCallError("socket") }
    return FileDescriptor(owning: number)
  }

  /// Connects, waiting as long as it takes; a non-blocking socket waits until `deadline` at most.
  /// - Parameter stop: a descriptor that ends the wait once it can be read; -1 for none.
  /// - Throws: `ETIMEDOUT` where the peer has not answered by `deadline`, or `stop` came first; `EAGAIN` if a Unix
  ///   listener's backlog is full.
  package borrowing func connect(
    to address: SocketAddress, until deadline: Moment = .never, unless stop: CInt = -1
  ) throws(SystemCallError) {
    while address.withPointer({ Glibc.connect(number, $0, $1) }) != 0 {
      switch errno {
      case EISCONN: return
      // The attempt goes on by itself (connect(2)). It is over once the socket is writable.
      case EINTR, EINPROGRESS, EALREADY:
        guard wait(for: POLLOUT, until: deadline, unless: stop) else {
          throw SystemCallError("connect", code: ETIMEDOUT)
        }
        // A peer may have accepted the connection and reset it already: the first receive tells that, and what came before.
        guard let error = takeError(), error.code != ECONNRESET else { return }
        throw SystemCallError("connect", code: error.code)
      // No event says when a Unix listener has a place again.
      case EAGAIN where !deadline.hasPassed:
        let again = min(deadline, .now + .milliseconds(10))
        if Self.wait(for: POLLIN, on: stop, until: again) { throw SystemCallError("connect", code: ETIMEDOUT) }
      default: throw SystemCallError("connect")
      }
    }
  }

  /// Begins to connect a non-blocking socket. If it is not connected at once, it can be written when the attempt is over, and
  /// `takeError` says how that went.
  /// - Returns: whether it is connected.
  /// - Throws: `EAGAIN` if a Unix listener's backlog is full.
  package borrowing func beginConnecting(to address: SocketAddress) throws(SystemCallError) -> Bool {
    guard address.withPointer({ Glibc.connect(number, $0, $1) }) != 0 else { return true }
    switch errno {
    case EINTR, EINPROGRESS: return false
    default: throw SystemCallError("connect")
    }
  }

  package borrowing func bind(to address: SocketAddress) throws(SystemCallError) {
    guard address.withPointer({ Glibc.bind(number, $0, $1) }) == 0 else { throw SystemCallError("bind") }
  }

  package borrowing func listen(backlog: CInt) throws(SystemCallError) {
    guard Glibc.listen(number, backlog) == 0 else { throw SystemCallError("listen") }
  }

  /// Whether connections can be accepted from it (socket(7), SO_ACCEPTCONN), each a stream of bytes.
  /// - Throws: `ENOTSOCK` for what is no socket.
  package borrowing func isListening() throws(SystemCallError) -> Bool {
    guard try get(SO_TYPE) == CInt(SOCK_STREAM.rawValue) else { return false }
    return try get(SO_ACCEPTCONN) != 0
  }

  private borrowing func get(_ option: CInt) throws(SystemCallError) -> CInt {
    var value: CInt = 0
    var size = socklen_t(MemoryLayout<CInt>.size)
    guard getsockopt(number, SOL_SOCKET, option, &value, &size) == 0 else { throw SystemCallError("getsockopt") }
    return value
  }

  /// The address that this end is bound to.
  package borrowing func localAddress() throws(SystemCallError) -> SocketAddress {
    var result: CInt = 0
    let address = SocketAddress(filledBy: { getsockname(number, $0, $1) }, result: &result)
    guard result == 0 else { throw SystemCallError("getsockname") }
    return address
  }

  /// The address of the other end.
  package borrowing func peerAddress() throws(SystemCallError) -> SocketAddress {
    var result: CInt = 0
    let address = SocketAddress(filledBy: { getpeername(number, $0, $1) }, result: &result)
    guard result == 0 else { throw SystemCallError("getpeername") }
    return address
  }

  /// The user whose process connected this Unix socket (unix(7), SO_PEERCRED). Fixed at that moment, whoever has that end now.
  package borrowing func peerUserID() throws(SystemCallError) -> uid_t {
    // `struct ucred` of <sys/socket.h>, which Swift's Glibc hides.
    var credentials: (process: pid_t, user: uid_t, group: gid_t) = (0, 0, 0)
    var size = socklen_t(MemoryLayout.size(ofValue: credentials))
    guard getsockopt(number, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 else {
      throw SystemCallError("getsockopt")
    }
    return credentials.user
  }

  package borrowing func set(_ option: SocketOption, to value: CInt) throws(SystemCallError) {
    var value = value
    guard setsockopt(number, option.level, option.name, &value, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
      throw SystemCallError("setsockopt")
    }
  }

  /// Receives what is there, at most `buffer.count` bytes.
  package borrowing func receive(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    Self.transfer("recv") { recv(number, buffer.baseAddress, buffer.count, 0) }
  }

  /// The same, but what is there stays there.
  package borrowing func peek(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    Self.transfer("recv") { recv(number, buffer.baseAddress, buffer.count, CInt(MSG_PEEK)) }
  }

  /// Sends what fits, without a SIGPIPE where the peer has gone.
  @inline(__always)
  package borrowing func send(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    Self.transfer("send") { Glibc.send(number, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL)) }
  }

  /// Sends what fits of several pieces, in order, in one call.
  package borrowing func send(_ pieces: UnsafeMutableBufferPointer<iovec>) -> Transfer {
    var message = msghdr()
    message.msg_iov = pieces.baseAddress
    message.msg_iovlen = pieces.count
    return Self.transfer("sendmsg") { sendmsg(number, &message, CInt(MSG_NOSIGNAL)) }
  }

  /// Sends one datagram, or nothing if the peer's buffer is full.
  package borrowing func send(_ bytes: UnsafeRawBufferPointer, to address: SocketAddress) -> Transfer {
    let flags = CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT)
    return Self.transfer("sendto") {
      address.withPointer { sendto(number, bytes.baseAddress, bytes.count, flags, $0, $1) }
    }
  }

  /// Bytes sent that the peer's machine has not acknowledged yet (tcp(7), SIOCOUTQ).
  package borrowing func unacknowledgedBytes() -> Int {
    var count: CInt = 0
    return ioctl(number, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
  }

  /// Bytes that have arrived and were not received yet (FIONREAD, tcp(7)).
  package borrowing func unreadBytes() -> Int {
    var count: CInt = 0
    return ioctl(number, UInt(FIONREAD), &count) == 0 ? Int(count) : 0
  }

  /// Whether the peer's machine answers what was sent to it (tcp(7), TCP_INFO): by acknowledgements, or by replies to
  /// window probes. True for a Unix socket.
  /// - Parameter limit: how long an answer may be missing; longer where the kernel itself asks less often.
  package borrowing func isPeerAnswering(within limit: Duration) -> Bool {
    var information = tcp_info()
    var size = socklen_t(MemoryLayout<tcp_info>.size)
    guard getsockopt(number, CInt(IPPROTO_TCP), TCP_INFO, &information, &size) == 0 else { return true }
    // One probe or one segment may be in flight.
    if information.tcpi_probes < 2 && information.tcpi_retransmits < 2 { return true }
    // A peer whose buffer is full may answer without taking a segment, which is then retransmitted.
    let sinceAnswer = Duration.milliseconds(information.tcpi_last_ack_recv)
    let interval = Duration.microseconds(information.tcpi_rto)
    return sinceAnswer < (interval > limit ? interval * 5 / 4 : limit)
  }

  /// Whether the peer ends its stream by `deadline`. What it sent before may still be unread.
  package borrowing func peerEnds(until deadline: Moment) -> Bool {
    // POLLRDHUP of <poll.h>, which Swift's Glibc hides.
    wait(for: 0x2000, until: deadline)
  }

  /// Takes the connection's pending error (socket(7), SO_ERROR); nil if there is none. Taking it clears it.
  package borrowing func takeError() -> SystemCallError? {
    var code: CInt = 0
    var size = socklen_t(MemoryLayout<CInt>.size)
    guard getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &size) == 0, code != 0 else { return nil }
    return SystemCallError("recv", code: code)
  }

  /// Ends this side's stream. Receiving goes on.
  package borrowing func shutdownSending() { _ = shutdown(number, CInt(SHUT_WR)) }
}
