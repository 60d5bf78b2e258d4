import ChatWire
import Glibc

/// One peer on a real socket, for one test on one thread. It never reads unless told to, so it can be as slow as a test needs.
/// Every wait has a deadline, and errors name what was expected and what came.
package final class Dialogue {
  /// Nil once closed.
  private var socket: FileDescriptor?
  /// Received and not yet asked for, oldest first.
  private var received: [UInt8] = []
  /// Set when the peer has ended its stream.
  private var hasEnded = false

  package let localAddress: SocketAddress
  /// How long each step may take.
  package var limit = generousLimit

  /// The port by which the server knows this peer; 0 on a Unix socket.
  package var localPort: UInt16 { localAddress.port }

  /// Two of these never have one port, even at different servers, because the second would get another name in a room that
  /// these share.
  /// - Parameters:
  ///   - source: the address of this machine that it comes from; nil for the kernel's choice.
  ///   - port: the port of that address; 0 for the kernel's choice.
  ///   - receiveBuffer: bytes asked of the kernel for what has come and was not read; small to be a slow reader.
  package init(
    connectingTo address: Address, from source: String? = nil, port: UInt16 = 0, receiveBuffer: CInt? = nil
  ) throws {
    guard let target = try address.resolved().first else { throw TestFailure("\(address) resolves to nothing") }
    let socket = try connectedSocket(
      to: target, from: source, port: port, hasOwnPort: source == nil && target.family != AF_UNIX,
      receiveBuffer: receiveBuffer)
    localAddress = try socket.localAddress()
    self.socket = consume socket
  }

  package convenience init(port: UInt16, receiveBuffer: CInt? = nil) throws {
    try self.init(connectingTo: .internet(host: "127.0.0.1", port: port), receiveBuffer: receiveBuffer)
  }

  /// The accepting end of a connection.
  init(accepted socket: consuming FileDescriptor) throws {
    try socket.setBlocking(false)
    localAddress = try socket.localAddress()
    self.socket = consume socket
  }

  /// Sends all of `text` as it stands; a line's newline is the caller's to write.
  package func send(_ text: String) throws { try send(Array(text.utf8)) }

  package func send(_ bytes: [UInt8]) throws {
    var deadline = Moment.now + limit
    var sent = 0
    while sent < bytes.count {
      let outcome = try withSocket { socket in bytes[sent...].withUnsafeBytes { socket.send($0) } }
      switch outcome {
      case .bytes(let count):
        sent += count
        deadline = .now + limit
      case .wouldBlock:
        guard try FileDescriptor.wait(for: POLLOUT, on: number(), until: deadline) else {
          throw TestFailure("sent \(sent) of \(bytes.count) bytes, and for \(limit) the peer took no more")
        }
      case .ended: break
      case .failed(let error): throw TestFailure("sent \(sent) of \(bytes.count) bytes, then \(error)")
      }
    }
  }

  /// Sends as much as goes without waiting.
  /// - Returns: bytes sent, from the front of `bytes`.
  package func sendWithoutWaiting(_ bytes: ArraySlice<UInt8>) throws -> Int {
    switch try withSocket({ socket in bytes.withUnsafeBytes { socket.send($0) } }) {
    case .bytes(let count): return count
    case .wouldBlock, .ended: return 0
    case .failed(let error): throw error
    }
  }

  /// Bytes sent that the other end has not acknowledged.
  package var unacknowledgedBytes: Int { get throws { try withSocket { $0.unacknowledgedBytes() } } }

  /// Says that nothing more will come from here; receiving goes on.
  package func finishSending() throws { try withSocket { $0.shutdownSending() } }

  /// Reads no more: the kernel refuses what is sent to it on a Unix socket (shutdown(2)). Sending goes on.
  package func finishReceiving() throws { _ = shutdown(try number(), CInt(SHUT_RD)) }

  /// Closes. If something has come and was not read, the kernel makes a reset of it.
  package func close() { socket = nil }

  /// Breaks the connection off: the server sees a reset.
  package func reset() throws {
    resetWhenClosed(try number())
    close()
  }

  /// The next line, without its newline.
  package func expectLine() throws -> String {
    let deadline = Moment.now + limit
    while true {
      if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: received[..<end], as: UTF8.self)
        received.removeFirst(end + 1)
        return line
      }
      try fill(by: deadline, for: "a line")
    }
  }

  /// The next line has to be `line`.
  package func expect(_ line: String) throws {
    let came: String
    do { came = try expectLine() } catch { throw TestFailure("expected \(line.debugDescription): \(error)") }
    guard came == line else { throw TestFailure("expected \(line.debugDescription), came \(came.debugDescription)") }
  }

  /// Waits until everything received and not yet asked for is `text`; it stays to be asked for.
  package func expectAll(_ text: String) throws {
    try eventually("\(text.debugDescription); came \(shown(received))", within: limit) {
      try peek() == Array(text.utf8)
    }
  }

  /// Whether bytes or the end of the stream wait in the kernel's buffer; they stay there.
  package var hasSomething: Bool {
    get throws { try FileDescriptor.wait(for: POLLIN, on: number(), until: .now) }
  }

  /// The bytes of one receive, for programs without framing: all that is there, at least one byte; "" at the end.
  package func receiveOnce() throws -> String {
    let deadline = Moment.now + limit
    if received.isEmpty, !hasEnded { try fill(by: deadline, for: "anything", orEnd: true) }
    defer { received = [] }
    return String(decoding: received, as: UTF8.self)
  }

  /// Exactly so many bytes.
  package func expectBytes(_ count: Int) throws -> [UInt8] {
    let deadline = Moment.now + limit
    while received.count < count { try fill(by: deadline, for: "\(count) bytes") }
    defer { received.removeFirst(count) }
    return Array(received.prefix(count))
  }

  /// Everything up to the end of the stream.
  package func receiveAll() throws -> [UInt8] {
    let deadline = Moment.now + limit
    while !hasEnded { try fill(by: deadline, for: "the end", orEnd: true) }
    defer { received = [] }
    return received
  }

  /// The peer ends its stream in order, without another byte before.
  package func expectClosed() throws {
    let deadline = Moment.now + limit
    while !hasEnded && received.isEmpty { try fill(by: deadline, for: "the end", orEnd: true) }
    guard received.isEmpty else { throw TestFailure("expected the end, came \(shown(received))") }
  }

  /// Takes in what is there now, without waiting.
  /// - Returns: all that has come and was not asked for yet; it stays to be asked for.
  package func peek() throws -> [UInt8] {
    while !hasEnded, try FileDescriptor.wait(for: POLLIN, on: number(), until: .now) {
      try fill(by: .now, for: "anything", orEnd: true)
    }
    return received
  }

  private func fill(by deadline: Moment, for what: String, orEnd: Bool = false) throws {
    if hasEnded { throw TestFailure("expected \(what), the peer closed after \(shown(received))") }
    guard try FileDescriptor.wait(for: POLLIN, on: number(), until: deadline) else {
      throw TestFailure("expected \(what) within \(limit), came \(shown(received))")
    }
    let outcome = try withSocket { socket in
      withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
        let outcome = socket.receive(into: buffer)
        if case .bytes(let count) = outcome { received.append(contentsOf: buffer[..<count]) }
        return outcome
      }
    }
    switch outcome {
    case .bytes, .wouldBlock: return
    case .ended:
      hasEnded = true
      if !orEnd { throw TestFailure("expected \(what), the peer closed after \(shown(received))") }
    case .failed(let error): throw TestFailure("expected \(what), came \(shown(received)) and then \(error)")
    }
  }

  private func withSocket<Result>(_ body: (borrowing FileDescriptor) throws -> Result) throws -> Result {
    switch socket {
    case .some(let socket): return try body(socket)
    case nil: throw TestFailure("this end is closed already")
    }
  }

  private func number() throws -> CInt { try withSocket { $0.number } }
}

/// Connects without blocking from then on.
/// - Parameters:
///   - source: the address of this machine that it comes from; nil for the kernel's choice.
///   - port: the port of that address; 0 for the kernel's choice.
///   - hasOwnPort: whether no other connection of this machine has its port, to whatever target.
///   - receiveBuffer: bytes asked of the kernel for what has come and was not read.
func connectedSocket(
  to target: SocketAddress, from source: String? = nil, port: UInt16 = 0, hasOwnPort: Bool = false,
  receiveBuffer: CInt? = nil
) throws -> FileDescriptor {
  let socket = try FileDescriptor.socket(for: target)
  if let receiveBuffer { try setBuffer(SO_RCVBUF, of: socket, to: receiveBuffer) }
  if hasOwnPort {
    // By default connect shares a port among connections to different targets.
    try socket.bind(to: try Address.internet(host: source ?? target.host, port: 0).resolved()[0])
  } else if let source {
    // IP_BIND_ADDRESS_NO_PORT (ip(7)): connect chooses the port, which has to be free for this target only.
    var yes: CInt = 1
    setsockopt(socket.number, CInt(IPPROTO_IP), 24, &yes, 4)
    // A fixed port is reserved by a socket of this process.
    if port != 0 { try socket.set(.reuseAddress, to: 1) }
    try socket.bind(to: try Address.internet(host: source, port: port).resolved()[0])
  }
  try socket.connect(to: target)
  try socket.setBlocking(false)
  return socket
}

/// Asks the kernel for a socket buffer of so many bytes, for input (SO_RCVBUF) or output (SO_SNDBUF).
package func setBuffer(_ name: CInt, of socket: borrowing FileDescriptor, to bytes: CInt) throws {
  var bytes = bytes
  guard setsockopt(socket.number, SOL_SOCKET, name, &bytes, 4) == 0 else { throw SystemCallError("setsockopt") }
}

/// Makes closing the socket a reset.
package func resetWhenClosed(_ socket: CInt) {
  var linger = linger(l_onoff: 1, l_linger: 0)
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
}
