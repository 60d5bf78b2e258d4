import CLinux
import ChatWire
import Glibc
import TestSupport

/// Nanoseconds on the clock that never jumps.
func nanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// One connection to the server. Confined to its swarm's thread.
final class Peer {
  enum State: Equatable {
    case open
    /// The server has ended its stream in order.
    case ended
    /// The connection broke, with this errno.
    case broken(CInt)
    /// This end has closed.
    case closed
  }

  /// Its place among all peers that its swarm ever had.
  let index: Int
  let port: UInt16
  fileprivate let number: CInt
  fileprivate(set) var state = State.open
  /// What it still has to say, from `sent` on.
  private(set) var outgoing: [UInt8] = []
  private var sent = 0
  /// False for one that leaves what comes to the kernel.
  fileprivate(set) var isReading = true
  /// The start of a line that has not ended yet.
  fileprivate var partial: [UInt8] = []
  /// Bytes that came.
  fileprivate(set) var received = 0
  /// Whether the kernel tells when it takes more.
  fileprivate var awaitsRoom = false

  fileprivate init(index: Int, number: CInt, port: UInt16) {
    self.index = index
    self.number = number
    self.port = port
  }

  deinit { if state != .closed { Glibc.close(number) } }

  var unsentBytes: Int { outgoing.count - sent }
  var endedWithinLine: Bool { !partial.isEmpty }

  /// Sends what the kernel takes.
  fileprivate func flush() {
    while sent < outgoing.count {
      let count = outgoing.withUnsafeBytes { Glibc.send(number, $0.baseAddress! + sent, $0.count - sent, nosignal) }
      if count > 0 {
        sent += count
      } else if errno == EAGAIN {
        break
      } else if errno != EINTR {
        state = .broken(errno)
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

  fileprivate func queue(_ bytes: some Sequence<UInt8>) { outgoing.append(contentsOf: bytes) }

  func finishSending() { shutdown(number, CInt(SHUT_WR)) }

  fileprivate func close(resetting: Bool) {
    guard state != .closed else { return }
    if resetting {
      var linger = linger(l_onoff: 1, l_linger: 0)
      setsockopt(number, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    }
    Glibc.close(number)
    state = .closed
  }
}

private let nosignal = CInt(MSG_NOSIGNAL)

/// Up to 20,000 peers on one thread, over one epoll set. What comes is handed on line by line and not kept.
final class Swarm {
  private(set) var peers: [Peer?] = []
  private let target: SocketAddress
  private let set: FileDescriptor
  private var events = [epoll_event](repeating: epoll_event(), count: 1024)
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 64)
  /// Peers that are connected.
  private(set) var openCount = 0
  /// The indexes of peers whose stream the server has ended, in the order of that; taken by whoever closes them.
  private var ended: [Int] = []
  /// A peer that is always read before what others got is looked at, so that it is the first to hear of nearly everything.
  private(set) var leader: Peer?
  private let leaderBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 262_144, alignment: 64)

  init(connectingTo address: Address) throws {
    guard let first = try address.resolved().first else { throw TestFailure("\(address) resolves to nothing") }
    target = first
    let number = epoll_create1(CInt(EPOLL_CLOEXEC))
    guard number >= 0 else { throw SystemCallError("epoll_create1") }
    set = FileDescriptor(owning: number)
  }

  deinit {
    buffer.deallocate()
    leaderBuffer.deallocate()
  }

  /// Connects a peer that only listens, before all others.
  func addLeader() throws -> Peer {
    let peer = try add()
    leader = peer
    return peer
  }

  /// Connects one more peer.
  /// - Parameters:
  ///   - source: the address it comes from, of 127.0.0.0/8; nil for the kernel's choice.
  ///   - receiveBuffer: bytes asked of the kernel for what has come and was not read.
  @discardableResult
  func add(from source: String? = nil, receiveBuffer: CInt? = nil) throws -> Peer {
    let number = socket(target.family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw SystemCallError("socket") }
    if var receiveBuffer { setsockopt(number, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4) }
    if let source {
      // IP_BIND_ADDRESS_NO_PORT (ip(7)): the port is chosen by connect, which needs it to be free for this target only.
      var yes: CInt = 1
      setsockopt(number, CInt(IPPROTO_IP), 24, &yes, 4)
      let bound = try Address.internet(host: source, port: 0).resolved()[0].withPointer { bind(number, $0, $1) }
      guard bound == 0 else { throw SystemCallError("bind") }
    }
    guard target.withPointer({ connect(number, $0, $1) }) == 0 else {
      let error = SystemCallError("connect")
      Glibc.close(number)
      throw error
    }
    var yes: CInt = 1
    setsockopt(number, CInt(IPPROTO_TCP), TCP_NODELAY, &yes, 4)
    _ = fcntl(number, F_SETFL, O_NONBLOCK)
    var result: CInt = 0
    let local = SocketAddress(filledBy: { getsockname(number, $0, $1) }, result: &result)
    let peer = Peer(index: peers.count, number: number, port: local.port)
    peers.append(peer)
    openCount += 1
    watch(peer, EPOLL_CTL_ADD)
    return peer
  }

  func add(_ count: Int, from source: String? = nil, receiveBuffer: CInt? = nil) throws -> [Peer] {
    try (0..<count).map { _ in try add(from: source, receiveBuffer: receiveBuffer) }
  }

  private func watch(_ peer: Peer, _ operation: CInt) {
    var event = epoll_event()
    if peer.isReading { event.events |= EPOLLIN.rawValue }
    if peer.awaitsRoom { event.events |= EPOLLOUT.rawValue }
    // A peer that does not read leaves even a hang-up alone.
    if event.events == 0 { event.events = EPOLLONESHOT.rawValue }
    event.data.u64 = UInt64(peer.index)
    epoll_ctl(set.number, operation, peer.number, &event)
  }

  /// Sends `bytes`, what the kernel does not take at once later.
  func say(_ bytes: some Sequence<UInt8>, by peer: Peer) {
    guard peer.state == .open else { return }
    peer.queue(bytes)
    flush(peer)
  }

  private func flush(_ peer: Peer) {
    peer.flush()
    let awaits = peer.unsentBytes > 0 && peer.state == .open
    if awaits != peer.awaitsRoom {
      peer.awaitsRoom = awaits
      watch(peer, EPOLL_CTL_MOD)
    }
  }

  func setReading(_ isReading: Bool, of peer: Peer) {
    guard peer.state == .open, peer.isReading != isReading else { return }
    peer.isReading = isReading
    watch(peer, EPOLL_CTL_MOD)
  }

  func close(_ peer: Peer, resetting: Bool = false) {
    guard peer.state != .closed else { return }
    if peers[peer.index] != nil { openCount -= 1 }
    peer.close(resetting: resetting)
    peers[peer.index] = nil
  }

  /// Closes those whose stream the server has ended since the last time.
  func closeEnded() {
    for index in ended { if let peer = peers[index] { close(peer) } }
    ended.removeAll()
  }

  func closeAll(resetting: Bool = false) {
    for peer in peers { if let peer { close(peer, resetting: resetting) } }
  }

  /// Sends and receives until `isDone`, which is asked after every round, at least each millisecond, and may act meanwhile.
  /// - Parameters:
  ///   - lines: gets what came from the start of a line on, who got it and when, and says how many bytes, whole lines, it
  ///     has taken in at once.
  ///   - line: gets each of the other lines, without its LF.
  func run(
    within limit: Duration, _ what: @autoclosure () -> String, until isDone: (_ now: UInt64) throws -> Bool,
    lines: (Peer, UnsafeRawBufferPointer, UInt64) throws -> Int = { _, _, _ in 0 },
    line: (Peer, UnsafeRawBufferPointer, UInt64) throws -> Void
  ) throws {
    let deadline = Deadline(within: limit)
    while try !isDone(nanoseconds()) {
      if deadline.hasPassed { throw TestFailure("waited \(limit) for \(what())") }
      let count = epoll_wait(set.number, &events, CInt(events.count), 1)
      guard count > 0 else { continue }
      for event in events[..<Int(count)] {
        guard let peer = peers[Int(event.data.u64)] else { continue }
        if event.events & EPOLLOUT.rawValue != 0 { flush(peer) }
        if peer.isReading, event.events & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
          try read(peer, lines, line)
        }
        if peer.state != .open, peer.state != .closed {
          epoll_ctl(set.number, EPOLL_CTL_DEL, peer.number, nil)
        }
      }
    }
  }

  private func read(
    _ peer: Peer, _ lines: (Peer, UnsafeRawBufferPointer, UInt64) throws -> Int,
    _ line: (Peer, UnsafeRawBufferPointer, UInt64) throws -> Void
  ) throws {
    let count = receive(peer, into: buffer)
    guard count > 0 else { return }
    let now = nanoseconds()
    if let leader, leader !== peer, leader.state == .open {
      while true {
        let count = receive(leader, into: leaderBuffer)
        if count <= 0 { break }
        try cut(UnsafeRawBufferPointer(rebasing: leaderBuffer[..<count]), of: leader, now, lines, line)
      }
    }
    try cut(UnsafeRawBufferPointer(rebasing: buffer[..<count]), of: peer, now, lines, line)
  }

  private func receive(_ peer: Peer, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = recv(peer.number, buffer.baseAddress, buffer.count, 0)
    if count > 0 {
      peer.received += count
    } else if count == 0 {
      peer.state = .ended
      ended.append(peer.index)
    } else if errno != EAGAIN && errno != EINTR {
      peer.state = .broken(errno)
    }
    return count
  }

  private func cut(
    _ bytes: UnsafeRawBufferPointer, of peer: Peer, _ now: UInt64,
    _ lines: (Peer, UnsafeRawBufferPointer, UInt64) throws -> Int,
    _ line: (Peer, UnsafeRawBufferPointer, UInt64) throws -> Void
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
