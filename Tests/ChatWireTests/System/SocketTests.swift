import ChatWire
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct SocketTests {
  static let addresses: [Address] = [
    .internet(host: "127.0.0.1", port: 0), .internet(host: "::1", port: 0), .internet(host: "localhost", port: 0),
  ]

  @Test(arguments: addresses) func `What is sent arrives, and the ends know their addresses`(address: Address) throws {
    let listener = try listeningSocket(at: address)
    let bound = try listener.localAddress()
    #expect(bound.port != 0)
    let peer = try Dialogue(connectingTo: bound.address)
    let socket = try accepted(listener)
    var result: CInt = -1
    let from = SocketAddress(filledBy: { getpeername(socket.number, $0, $1) }, result: &result)
    #expect(result == 0 && from.address == peer.localAddress.address)
    #expect(from.host == bound.host)
    #expect(receive(socket) == (.wouldBlock, ""))

    try peer.send("hello")
    try waitUntilReadable(socket)
    #expect(receive(socket) == (.bytes(5), "hello"))
    #expect("you\n".utf8.withBytes { socket.send($0) } == .bytes(4))
    try peer.expect("you")
    try peer.finishSending()
    try waitUntilReadable(socket)
    #expect(receive(socket) == (.ended, ""))
    #expect("still\n".utf8.withBytes { socket.send($0) } == .bytes(6))
    socket.shutdownSending()
    try peer.expect("still")
    try peer.expectClosed()
  }

  @Test func `A Unix socket of the longest path carries lines, and has neither host nor port`() throws {
    let directory = try TemporaryDirectory()
    let name = String(repeating: "s", count: Address.maximumPathBytes - directory.path.utf8.count - 1)
    let address = Address.unix(path: directory.file(name))
    let listener = try listeningSocket(at: address)
    let bound = try listener.localAddress()
    #expect(bound.address == address)
    #expect(bound.host == "" && bound.port == 0)
    let peer = try Dialogue(connectingTo: address)
    let socket = try accepted(listener)
    try peer.send("hello")
    #expect(receive(socket) == (.bytes(5), "hello"))
  }

  @Test func `Several pieces go out in one call, in order`() throws {
    let listener = try listeningSocket(at: .internet(host: "127.0.0.1", port: 0))
    let peer = try Dialogue(connectingTo: try listener.localAddress().address)
    let socket = try accepted(listener)
    var bytes = Array("one\ntwo\nthree\n".utf8)
    let outcome = bytes.withUnsafeMutableBytes { bytes in
      var pieces = [(0, 4), (4, 4), (8, 6)].map { iovec(iov_base: bytes.baseAddress! + $0.0, iov_len: $0.1) }
      return pieces.withUnsafeMutableBufferPointer { socket.send($0) }
    }
    #expect(outcome == .bytes(14))
    for line in ["one", "two", "three"] { try peer.expect(line) }
  }

  @Test func `A reset fails to receive, and says so`() throws {
    let listener = try listeningSocket(at: .internet(host: "127.0.0.1", port: 0))
    let peer = try Dialogue(connectingTo: try listener.localAddress().address)
    let socket = try accepted(listener)
    try peer.reset()
    try waitUntilReadable(socket)
    #expect(receive(socket) == (.failed(SystemCallError("recv", code: ECONNRESET)), ""))
    #expect("x".utf8.withBytes { socket.send($0) } == .failed(SystemCallError("send", code: EPIPE)))
  }

  @Test func `A peer that takes nothing blocks the sender at some point`() throws {
    let listener = try listeningSocket(at: .internet(host: "127.0.0.1", port: 0))
    let peer = try Dialogue(connectingTo: try listener.localAddress().address, receiveBuffer: 4096)
    let socket = try accepted(listener)
    try setBuffer(SO_SNDBUF, of: socket, to: 4096)
    let block = [UInt8](repeating: 7, count: 65_536)
    var sent = 0
    var isBlocked = false
    for _ in 0..<10_000 where !isBlocked {
      switch block.withUnsafeBytes({ socket.send($0) }) {
      case .bytes(let count): sent += count
      case let outcome:
        #expect(outcome == .wouldBlock)
        isBlocked = true
      }
    }
    #expect(isBlocked)
    #expect(try peer.expectBytes(sent).count == sent)
  }

  @Test func `A port that is taken and one where nobody listens are told apart`() throws {
    let listener = try listeningSocket(at: .internet(host: "127.0.0.1", port: 0))
    let taken = try listener.localAddress()
    let second = try FileDescriptor.socket(for: taken)
    #expect(throws: SystemCallError("bind", code: EADDRINUSE)) { try second.bind(to: taken) }

    // Bound but not listening: nobody else can get the port meanwhile.
    let bound = try FileDescriptor.socket(for: taken)
    try bound.bind(to: try #require(try Address(parsing: "127.0.0.1:0").resolved().first))
    let silent = try bound.localAddress()
    let client = try FileDescriptor.socket(for: silent)
    #expect(throws: SystemCallError("connect", code: ECONNREFUSED)) { try client.connect(to: silent) }
  }

  @Test func `Connecting to a Unix socket that has no place left goes on until the deadline, or until there is one`()
    throws
  {
    let directory = try TemporaryDirectory()
    let target = try #require(try Address.unix(path: directory.file("s")).resolved().first)
    let listener = try FileDescriptor.socket(for: target)
    try listener.bind(to: target)
    try listener.listen(backlog: 0)
    let first = try FileDescriptor.socket(for: target)
    try first.connect(to: target)
    let second = try FileDescriptor.socket(for: target)
    try second.setBlocking(false)
    let start = Moment.now
    #expect(throws: SystemCallError("connect", code: EAGAIN)) {
      try second.connect(to: target, until: start + .milliseconds(30))
    }
    #expect(start.distance(to: .now) >= .milliseconds(30))
    let accepted = try accepted(listener)
    try second.connect(to: target, until: .now)
    #expect("hi".utf8.withBytes { second.send($0) } == .bytes(2))
    #expect(receive(accepted) == (.wouldBlock, ""))
  }

  @Test func `A name gives each of its addresses once, with the port`() throws {
    let found = try Address.internet(host: "localhost", port: 7).resolved().map(\.address)
    #expect(Set(found).count == found.count)
    #expect(found.contains(.internet(host: "127.0.0.1", port: 7)) || found.contains(.internet(host: "::1", port: 7)))
    #expect(try Address.internet(host: "127.0.0.1", port: 7).resolved().count == 1)
  }

  @Test func `A name that nobody has is an error that names it`() throws {
    let error = try #require(throws: ResolutionError.self) {
      try Address.internet(host: "nosuchhost.invalid", port: 7).resolved()
    }
    #expect(error.host == "nosuchhost.invalid")
    #expect(error.description.hasPrefix("nosuchhost.invalid: ") && !error.reason.isEmpty)
  }

  @Test func `Each option that is used is one that the kernel takes`() throws {
    let address = try #require(try Address.internet(host: "::1", port: 0).resolved().first)
    let socket = try FileDescriptor.socket(for: address)
    let options: [SocketOption] = [
      .reuseAddress, .keepAlive, .ipv6Only, .noDelay, .keepAliveIdle, .keepAliveInterval, .keepAliveCount,
    ]
    for option in options { #expect(throws: Never.self) { try socket.set(option, to: 1) } }
    #expect(throws: Never.self) { try socket.set(.unsentLowWater, to: 30_000) }
    #expect(fcntl(socket.number, F_GETFD) & FD_CLOEXEC != 0, "programs that are started do not get it")
  }

  /// The next connection; it does not block.
  private func accepted(_ listener: borrowing FileDescriptor) throws -> FileDescriptor {
    let number = accept(listener.number, nil, nil)
    try #require(number >= 0)
    let socket = FileDescriptor(owning: number)
    try socket.setBlocking(false)
    return socket
  }

  private func waitUntilReadable(_ socket: borrowing FileDescriptor) throws {
    var entry = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
    let count = poll(&entry, 1, 30_000)
    try #require(count == 1, "nothing came within 30 s")
  }

  private func receive(_ socket: borrowing FileDescriptor) -> (Transfer, String) {
    withUnsafeTemporaryAllocation(byteCount: 100, alignment: 1) { buffer in
      let outcome = socket.receive(into: buffer)
      guard case .bytes(let count) = outcome else { return (outcome, "") }
      return (outcome, String(decoding: buffer[..<count], as: UTF8.self))
    }
  }
}
