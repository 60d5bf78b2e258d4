import ChatWire
import Dispatch
import Glibc
import Synchronization

/// The connection to the server. Any thread may send or receive; one of each at a time.
package final class ServerConnection: Sendable {
  private let socket: FileDescriptor
  /// What the socket leads to; nil where that is the server itself.
  private let ssh: SSHProcess?

  /// - Parameter socket: connected and non-blocking.
  init(_ socket: consuming FileDescriptor, through ssh: SSHProcess? = nil) {
    self.socket = socket
    self.ssh = ssh
  }

  /// Connects to the first of the address's hosts that answers.
  /// - Parameters:
  ///   - deadline: shared by the address's hosts, as many as are not tried yet.
  ///   - stop: ends the attempt once it is called.
  package static func open(
    to address: Address, until deadline: Moment, unless stop: Wakeup? = nil
  ) throws(ConnectionFailure) -> ServerConnection {
    var candidates = try resolve(address, until: deadline, unless: stop)[...]
    var reason = SystemCallError("connect", code: EADDRNOTAVAIL)
    while let candidate = candidates.first {
      let share = Moment.now.distance(to: max(.now, deadline)) / candidates.count
      candidates = candidates.dropFirst()
      do {
        return try ServerConnection(open(to: candidate, until: .now + share, unless: stop))
      } catch {
        // A host that refuses is there; that says more than another of its addresses that cannot be reached.
        if reason.code != ECONNREFUSED { reason = error }
      }
    }
    throw ConnectionFailure(Wording.cannotConnect(to: address, because: reason))
  }

  /// Resolves on a queue of its own, because nothing interrupts getaddrinfo(3).
  private static func resolve(
    _ address: Address, until deadline: Moment, unless stop: Wakeup?
  ) throws(ConnectionFailure) -> [SocketAddress] {
    final class Answer: Sendable {
      let result = Mutex<Result<[SocketAddress], ResolutionError>?>(nil)
    }
    let answer = Answer()
    do {
      let done = try Wakeup()
      DispatchQueue(label: "mychat.resolve").async {
        let result = Result { () throws(ResolutionError) in try address.resolved() }
        answer.result.withLock { $0 = result }
        done.call()
      }
      _ = FileDescriptor.wait(for: POLLIN, on: done.descriptor, until: deadline, unless: stop?.descriptor ?? -1)
    } catch { throw ConnectionFailure("\(error)") }
    switch answer.result.withLock({ $0 }) {
    case .success(let candidates): return candidates
    case .failure(let error): throw ConnectionFailure(Wording.cannotFind(error))
    case nil:
      throw ConnectionFailure(Wording.cannotConnect(to: address, because: SystemCallError("connect", code: ETIMEDOUT)))
    }
  }

  private static func open(
    to address: SocketAddress, until deadline: Moment, unless stop: Wakeup?
  ) throws(SystemCallError) -> FileDescriptor {
    let socket = try FileDescriptor.socket(for: address)
    try socket.setBlocking(false)
    try socket.connect(to: address, until: deadline, unless: stop?.descriptor ?? -1)
    // Each line goes out at once. Otherwise a second one would wait until the first is acknowledged.
    if address.family != AF_UNIX { try socket.set(.noDelay, to: 1) }
    return socket
  }

  /// Receives what is there, at most `buffer.count` bytes.
  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    let outcome = socket.receive(into: buffer)
    guard let ssh else { return outcome }
    return switch outcome {
    case .bytes, .wouldBlock: outcome
    // ssh closes its stream in any case. Its status is the relay's, which is 0 only where the server has ended its own.
    case .ended, .failed: ssh.waitForExit() == .status(0) ? .ended : .failed(SystemCallError("recv", code: ECONNRESET))
    }
  }

  /// Waits until something has come, of the server or of ssh.
  /// - Returns: false if the deadline or `stop` came first.
  func isReadable(until deadline: Moment, unless stop: Wakeup? = nil) -> Bool {
    guard let ssh else { return socket.wait(for: POLLIN, until: deadline, unless: stop?.descriptor ?? -1) }
    return FileDescriptor.waitForInput(
      of: socket.number, ssh.words.descriptor, until: deadline, unless: stop?.descriptor ?? -1)
  }

  /// Whether ssh carries the connection.
  var isOverSSH: Bool { ssh != nil }

  /// What ssh, or a program at the host, has said meanwhile: lines that are safe to show, each with its newline.
  /// - Parameter isLast: whether the connection has ended.
  func takeWords(isLast: Bool = false) -> [UInt8] { ssh?.words.take(isLast: isLast) ?? [] }

  /// Ends an ssh that has not ended by itself, as with a host that does not answer.
  func dismissSSH() { ssh?.terminate() }

  /// Sends all of `bytes`, waiting for the server until `deadline`, or until the connection ends.
  /// - Returns: how many bytes were sent; fewer than there are if the connection has ended, or the time.
  func send(_ bytes: some Sequence<UInt8>, until deadline: Moment = .never) -> Int {
    let bytes = Array(bytes)
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = sendSome(rest, until: deadline)
      if count == 0 { break }
      rest = rest.dropFirst(count)
    }
    return bytes.count - rest.count
  }

  /// Sends what fits of `bytes`, as soon as something does.
  /// - Returns: how many bytes were sent; 0 if the connection has ended, or the time.
  func sendSome(_ bytes: ArraySlice<UInt8>, until deadline: Moment = .never) -> Int {
    while true {
      switch bytes.withUnsafeBytes({ socket.send($0) }) {
      case .bytes(let count): return count
      case .wouldBlock where socket.wait(for: POLLOUT, until: deadline): continue
      case .wouldBlock, .ended, .failed: return 0
      }
    }
  }

  /// Bytes sent that the server's machine has not acknowledged yet; over ssh, those that ssh has not read.
  var unacknowledgedBytes: Int { socket.unacknowledgedBytes() }

  /// Whether the server ends its stream within so many milliseconds, as one that is full does.
  func isEnded(within milliseconds: CInt) -> Bool {
    socket.peerEnds(until: .now + .milliseconds(Int(milliseconds)))
  }

  /// Whether the server's machine has acknowledged all lines that were sent.
  /// - Parameter hasLeft: whether `exit` and the end of the stream were sent behind them.
  func hasDeliveredLines(hasLeft: Bool) -> Bool {
    // A relay that ended in order had the server's own end of the stream, which comes after the server has read all.
    if isOverSSH { return true }
    // The end of the stream counts as a byte.
    return socket.takeError() == nil && unacknowledgedBytes <= (hasLeft ? ClientLine.exitWord.count + 1 : 0)
  }

  /// The name that the server gives this client at first: the port of its own end. Empty on a Unix socket, and over ssh.
  var ownName: [UInt8] {
    guard let port = try? socket.localAddress().port, port != 0 else { return [] }
    return MemberName(port: port).bytes
  }

  /// Whether the server, which has ended its stream, still reads, as one does that leaves in order; a socket that nobody has any more
  /// answers with a reset. A blank line is sent for that, which says nothing. Over ssh nobody knows.
  var isStillRead: Bool {
    if isOverSSH { return false }
    // Several times, because a tunnel, such as that of ssh, ends its own socket only at the second write after the reset it has got.
    for _ in 0..<4 {
      let isSent = send([UInt8(ascii: "\n")], until: .now) == 1
      if !isSent || socket.wait(for: 0, until: .now + Self.resetTime) { return false }
    }
    return true
  }

  /// How long a reset may take to come.
  private static let resetTime = Duration.milliseconds(250)

  /// Ends the connection in both directions, and with it every wait on it.
  func shutdown() {
    _ = Glibc.shutdown(socket.number, CInt(SHUT_RDWR))
    dismissSSH()
  }

  /// How long after the last line `exit` is sent: a server of SEED.md's kind would read both as one message.
  static let goodbyePause = Duration.milliseconds(60)

  /// Leaves as both kinds of server understand it: one without framing reads exactly `exit`, for others the end of the
  /// stream ends the line. Receiving goes on.
  func leave(sayingExit: Bool = true, until deadline: Moment = .never) {
    if sayingExit { _ = send(ClientLine.exitWord, until: deadline) }
    socket.shutdownSending()
  }
}
