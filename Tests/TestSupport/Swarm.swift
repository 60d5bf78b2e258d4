import ChatWire
import Glibc

/// One connection to the server. Confined to its swarm's thread.
package final class Peer {
  package enum State: Equatable {
    case open
    /// The server has ended its stream in order.
    case ended
    /// The connection broke, with this errno.
    case broken(CInt)
    /// This end has closed.
    case closed
  }

  /// Its index in the swarm's `peers`; never reused.
  package let index: Int
  package let port: UInt16
  /// The numeric address that it comes from.
  package let host: String
  fileprivate let number: CInt
  /// Nil once closed.
  private var socket: FileDescriptor?
  package fileprivate(set) var state = State.open
  /// Bytes to send; those before `sent` have been sent.
  private var outgoing: [UInt8] = []
  private var sent = 0
  /// False while it leaves incoming bytes in the kernel's buffer.
  fileprivate var isReading = true
  /// The received start of an unfinished line.
  fileprivate var partial: [UInt8] = []
  /// Whether the poller reports when the socket is writable.
  fileprivate var awaitsSpace = false

  fileprivate init(index: Int, socket: consuming FileDescriptor) throws {
    self.index = index
    let address = try socket.localAddress()
    (port, host) = (address.port, address.host)
    number = socket.number
    self.socket = consume socket
  }

  package var unsentBytes: Int { outgoing.count - sent }

  /// Bytes that the kernel has taken and that have not come to the server's machine yet. On a busy machine that takes a while, also
  /// where both are the same.
  package var unacknowledgedBytes: Int {
    var count: CInt = 0
    return ioctl(number, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
  }

  fileprivate func queue(_ bytes: some Sequence<UInt8>) { outgoing.append(contentsOf: bytes) }

  /// Sends what the kernel takes.
  fileprivate func flush() {
    sending: while sent < outgoing.count {
      switch sendOnce() {
      case .bytes(let count): sent += count
      case .wouldBlock, .ended: break sending
      case .failed(let error):
        state = .broken(error.code)
        return
      }
    }
    if sent == outgoing.count {
      outgoing.removeAll(keepingCapacity: true)
      sent = 0
    } else if sent > 1 << 20 {
      outgoing.removeFirst(sent)
      sent = 0
    }
  }

  private func sendOnce() -> Transfer {
    switch socket {
    case .some(let socket): outgoing[sent...].withUnsafeBytes { socket.send($0) }
    case nil: .ended
    }
  }

  fileprivate func receive(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    switch socket {
    case .some(let socket): socket.receive(into: buffer)
    case nil: .ended
    }
  }

  package func finishSending() { shutdown(number, CInt(SHUT_WR)) }

  fileprivate func close(resetting: Bool) {
    if resetting { resetWhenClosed(number) }
    socket = nil
    state = .closed
  }
}

/// Up to 20,000 peers on one thread, over one epoll set. Each sends as fast as the kernel takes it; received lines are passed
/// to the caller and not kept.
package final class Swarm {
  package typealias HearLine = (_ peer: Peer, _ bytes: UnsafeRawBufferPointer, _ now: UInt64) throws -> Void
  package typealias HearLines = (_ peer: Peer, _ bytes: UnsafeRawBufferPointer, _ now: UInt64) throws -> Int

  package private(set) var peers: [Peer?] = []
  private let target: SocketAddress
  private let poller: Poller
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 64)
  /// The number of connected peers.
  package private(set) var openCount = 0
  /// Indexes of peers whose stream the server has ended since the last `closeEnded`.
  private var ended: [Int] = []
  /// A peer that is read before the bytes of any other are judged, so that it hears nearly every line first.
  private var leader: Peer?
  private let leaderBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 262_144, alignment: 64)

  package init(connectingTo address: Address) throws {
    guard let first = try address.resolved().first else { throw TestFailure("\(address) resolves to nothing") }
    target = first
    poller = try Poller()
  }

  deinit {
    buffer.deallocate()
    leaderBuffer.deallocate()
  }

  /// Connects a peer that only listens, before all others.
  package func addLeader(to other: SocketAddress? = nil, hasOwnPort: Bool = false) throws -> Peer {
    let peer = try add(to: other, hasOwnPort: hasOwnPort)
    leader = peer
    return peer
  }

  /// Connects one more peer.
  /// - Parameters:
  ///   - other: where it connects to; nil for where the swarm does.
  ///   - source: the address it comes from, of 127.0.0.0/8; nil for the kernel's choice.
  ///   - hasOwnPort: whether no other connection may have its port, to whatever target.
  ///   - receiveBuffer: bytes asked of the kernel for what has come and was not read.
  @discardableResult
  package func add(
    to other: SocketAddress? = nil, from source: String? = nil, hasOwnPort: Bool = false, receiveBuffer: CInt? = nil
  ) throws -> Peer {
    let socket = try connectedSocket(
      to: other ?? target, from: source, hasOwnPort: hasOwnPort, receiveBuffer: receiveBuffer)
    try socket.set(.noDelay, to: 1)
    let peer = try Peer(index: peers.count, socket: socket)
    peers.append(peer)
    openCount += 1
    try poller.add(peer.number, index: peer.index)
    return peer
  }

  package func add(_ count: Int, from source: String? = nil, receiveBuffer: CInt? = nil) throws -> [Peer] {
    try (0..<count).map { _ in try add(from: source, receiveBuffer: receiveBuffer) }
  }

  private func updateInterest(in peer: Peer) {
    try? poller.change(peer.number, index: peer.index, read: peer.isReading, write: peer.awaitsSpace)
  }

  /// Sends `bytes`: now what the kernel takes, the rest during `run`.
  package func say(_ bytes: some Sequence<UInt8>, by peer: Peer) {
    guard peer.state == .open else { return }
    peer.queue(bytes)
    flush(peer)
  }

  private func flush(_ peer: Peer) {
    peer.flush()
    let awaits = peer.unsentBytes > 0 && peer.state == .open
    if awaits != peer.awaitsSpace {
      peer.awaitsSpace = awaits
      updateInterest(in: peer)
    }
  }

  package func setReading(_ isReading: Bool, of peer: Peer) {
    guard peer.state == .open, peer.isReading != isReading else { return }
    peer.isReading = isReading
    updateInterest(in: peer)
  }

  package func close(_ peer: Peer, resetting: Bool = false) {
    guard peer.state != .closed else { return }
    if peers[peer.index] != nil { openCount -= 1 }
    peer.close(resetting: resetting)
    peers[peer.index] = nil
  }

  /// Closes those whose stream the server has ended since the last time.
  package func closeEnded() {
    for index in ended { if let peer = peers[index] { close(peer) } }
    ended.removeAll()
  }

  package func closeAll() { for case let peer? in peers { close(peer) } }

  /// Sends and receives until `isDone` returns true. It is called after every round, at least each millisecond, and may make
  /// peers act.
  /// - Parameters:
  ///   - what: completes "waited for".
  ///   - lines: called with received bytes that begin at the start of a line; returns how many of them, always whole lines,
  ///     it has consumed.
  ///   - line: called with each line that `lines` has not consumed, without its LF.
  /// - Throws: `TestFailure` if `limit` passes first.
  package func run(
    within limit: Duration = generousLimit, _ what: @autoclosure () -> String,
    until isDone: (_ now: UInt64) throws -> Bool, lines: HearLines = { _, _, _ in 0 }, line: HearLine
  ) throws {
    let deadline = Moment.now + limit
    while try !isDone(monotonicNanoseconds()) {
      if deadline.hasPassed { throw TestFailure("waited \(limit) for \(what())") }
      for position in 0..<poller.wait(milliseconds: 1) {
        let ready = poller.ready(position)
        guard let peer = peers[ready.index] else { continue }
        if ready.canWrite { flush(peer) }
        if peer.isReading, ready.canRead { try read(peer, lines, line) }
        if peer.state != .open, peer.state != .closed { poller.remove(peer.number) }
      }
    }
  }

  private func read(_ peer: Peer, _ lines: HearLines, _ line: HearLine) throws {
    guard let bytes = receive(peer, into: buffer) else { return }
    let now = monotonicNanoseconds()
    if let leader, leader !== peer, leader.state == .open {
      while let bytes = receive(leader, into: leaderBuffer) { try cut(bytes, of: leader, now, lines, line) }
    }
    try cut(bytes, of: peer, now, lines, line)
  }

  /// - Returns: the received bytes; nil if there are none now, or the stream has ended.
  private func receive(_ peer: Peer, into buffer: UnsafeMutableRawBufferPointer) -> UnsafeRawBufferPointer? {
    switch peer.receive(into: buffer) {
    case .bytes(let count): return UnsafeRawBufferPointer(rebasing: buffer[..<count])
    case .wouldBlock: break
    case .ended:
      peer.state = .ended
      ended.append(peer.index)
    case .failed(let error): peer.state = .broken(error.code)
    }
    return nil
  }

  private func cut(
    _ bytes: UnsafeRawBufferPointer, of peer: Peer, _ now: UInt64, _ lines: HearLines, _ line: HearLine
  ) throws {
    var rest = bytes
    if peer.partial.isEmpty { rest = UnsafeRawBufferPointer(rebasing: rest[try lines(peer, rest, now)...]) }
    while let start = rest.baseAddress, let newline = memchr(start, 0x0A, rest.count) {
      let length = UnsafeRawPointer(newline) - start
      let bytes = UnsafeRawBufferPointer(rebasing: rest[..<length])
      if peer.partial.isEmpty {
        try line(peer, bytes, now)
      } else {
        peer.partial.append(contentsOf: bytes)
        let whole = peer.partial
        peer.partial.removeAll(keepingCapacity: true)
        try whole.withUnsafeBytes { try line(peer, $0, now) }
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[(length + 1)...])
      rest = UnsafeRawBufferPointer(rebasing: rest[try lines(peer, rest, now)...])
      if rest.isEmpty { break }
    }
    peer.partial.append(contentsOf: rest)
  }
}

/// A schedule of equal intervals that makes up for delays: latency is measured from when a line was due.
package struct Pace {
  private let interval: UInt64
  private var next: UInt64

  package init(everyNanoseconds interval: UInt64, from start: UInt64) {
    self.interval = interval
    next = start
  }

  package mutating func forEachDue(by now: UInt64, _ body: (UInt64) throws -> Void) rethrows {
    while next <= now {
      try body(next)
      next += interval
    }
  }
}
