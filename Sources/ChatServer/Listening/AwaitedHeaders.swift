import ChatWire

/// A connection of a proxy, of whose header some bytes have still to come. What comes after the header is left to the kernel, so these
/// bytes are all that there is to know of it.
final class ProxiedPeer {
  /// Nil once it was taken.
  private var descriptor: FileDescriptor?
  /// Those that have come.
  private(set) var bytes: [UInt8]
  let listener: Listener
  /// When it is given up.
  let until: Moment

  enum Received {
    /// More has to come.
    case part
    case whole(ProxyHeader.Peer)
    case broken(ProxyHeader.Fault)
    /// It has ended; `wasSilent` if nothing came from it.
    case ended(wasSilent: Bool)
  }

  /// - Parameter bytes: what has come of the header already.
  init(_ descriptor: consuming FileDescriptor, at listener: Listener, having bytes: [UInt8] = [], until: Moment) {
    self.descriptor = consume descriptor
    self.bytes = bytes
    self.listener = listener
    self.until = until
  }

  var number: CInt { withDescriptor(else: -1) { $0.number } }

  /// Its connection; nil if that was taken already.
  func takeDescriptor() -> FileDescriptor? { descriptor.take() }

  /// Takes what has come of the header, and not a byte behind it.
  func receive() -> Received {
    withUnsafeTemporaryAllocation(byteCount: ProxyHeader.maximumBytes, alignment: 1) { buffer in
      let count: Int
      switch withDescriptor(else: .ended, { $0.peek(into: buffer) }) {
      case .bytes(let peeked): count = peeked
      case .wouldBlock: return .part
      case .ended, .failed: return .ended(wasSilent: bytes.isEmpty)
      }
      let header: ProxyHeader?
      do throws(ProxyHeader.Fault) { header = try ProxyHeader.parse(bytes + buffer[..<count]) } catch {
        return .broken(error)
      }
      let end = header.map { $0.byteCount - bytes.count } ?? count
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<end])
      guard case .bytes(part.count) = withDescriptor(else: .ended, { $0.receive(into: part) }) else {
        return .ended(wasSilent: false)
      }
      bytes += part
      return header.map { .whole($0.peer) } ?? .part
    }
  }

  private func withDescriptor<Result>(else none: Result, _ body: (borrowing FileDescriptor) -> Result) -> Result {
    switch descriptor {
    case .some(let descriptor): body(descriptor)
    case nil: none
    }
  }
}

/// The connections of proxies whose headers have not come yet, at a server that listens for proxies. They have places in the room.
///
/// Confined to the server's queue.
struct AwaitedHeaders {
  /// A set of their own, so that those of members know nothing of them.
  let readiness: EpollReadiness
  private var peers: [Token: ProxiedPeer] = [:]
  private var generation: UInt32 = 0
  /// Whether the server comes back to them when the first one's time is over.
  var isTimed = false

  init(watchedBy readiness: EpollReadiness) { self.readiness = readiness }

  var all: some Collection<ProxiedPeer> { peers.values }

  var count: Int { peers.count }

  mutating func add(_ peer: ProxiedPeer) {
    generation &+= 1
    let token = Token(slot: 0, generation: generation)
    peers[token] = peer
    readiness.watch(peer.number, as: token, keptOpenBy: peer)
  }

  subscript(token: Token) -> ProxiedPeer? { peers[token] }

  mutating func remove(_ token: Token) {
    guard let peer = peers.removeValue(forKey: token) else { return }
    readiness.forget(peer.number, as: token, interest: .reading)
  }

  /// When the first one's time is over; nil if there is none.
  var deadline: Moment? { peers.values.map(\.until).min() }

  /// Those whose time is over.
  func late(at now: Moment) -> [Token] { peers.filter { $0.value.until <= now }.map(\.key) }

  /// Drops all of them.
  mutating func cancel() {
    for token in Array(peers.keys) { remove(token) }
    readiness.cancel()
  }

  // MARK: What the log says of those that came to nothing
}
