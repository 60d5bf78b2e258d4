import ChatWire
import Glibc

/// Many peers on one thread: all send what they have as fast as it goes and read whatever comes, driven by one poll(2). For
/// tests with hundreds of connections and gigabytes on the wire; what comes is handed on and not kept.
package final class Crowd {
  package struct Peer: ~Copyable {
    let socket: FileDescriptor
    package let port: UInt16
    /// Bytes still to be sent start here in `outgoing`.
    fileprivate var sent = 0
    /// What it has to say; more may be put after it at any time.
    package var outgoing: [UInt8] = []
    /// False for a peer that leaves what comes to the kernel.
    package var isReading = true
    /// Ends its sending side as soon as all of `outgoing` is sent.
    package var finishesSending = false
    package fileprivate(set) var hasFinishedSending = false
    /// The server has ended this stream.
    package fileprivate(set) var hasEnded = false
    /// The start of a line that has not ended yet.
    fileprivate var partial: [UInt8] = []

    package var unsentBytes: Int { outgoing.count - sent }

    /// Lets go of what is sent, and puts `bytes` behind what is not.
    package mutating func say(_ bytes: [UInt8]) {
      outgoing.removeFirst(sent)
      sent = 0
      outgoing += bytes
    }
  }

  /// The peers' places in this array are their names. Unique references, as they cannot be copied.
  private var peers: [Box] = []

  private final class Box {
    var peer: Peer
    init(_ peer: consuming Peer) { self.peer = peer }
  }

  package init(of count: Int, connectingTo address: Address, receiveBuffer: CInt? = nil) throws {
    guard let target = try address.resolved().first else { throw TestFailure("\(address) resolves to nothing") }
    for _ in 0..<count {
      let socket = try FileDescriptor.socket(for: target)
      if let receiveBuffer { try socket.set(.receiveBuffer, to: receiveBuffer) }
      try socket.connect(to: target)
      try socket.setBlocking(false)
      let port = try socket.localAddress().port
      peers.append(Box(Peer(socket: socket, port: port)))
    }
  }

  package var count: Int { peers.count }
  package var ports: [UInt16] { peers.map { $0.peer.port } }

  /// Sets up or asks one peer.
  package func with<Result>(_ index: Int, _ body: (inout Peer) throws -> Result) rethrows -> Result {
    try body(&peers[index].peer)
  }

  /// Sends and receives until `isDone`, which is asked after every round.
  /// - Parameter line: gets each line that came, without its LF, and who got it.
  /// - Throws: `TestFailure` if a connection breaks, or `limit` passes without being done.
  package func run(
    within limit: Duration = generousLimit, until isDone: () throws -> Bool,
    line: (_ peer: Int, _ bytes: UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let deadline = Deadline(within: limit)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 262_144, alignment: 16)
    defer { buffer.deallocate() }
    var entries = [pollfd](repeating: pollfd(), count: peers.count)
    while try !isDone() {
      if deadline.hasPassed { throw TestFailure("the crowd was not done within \(limit); \(progress)") }
      for index in peers.indices { entries[index] = interest(of: peers[index]) }
      guard poll(&entries, nfds_t(entries.count), deadline.milliseconds(atMost: 20)) > 0 else { continue }
      for index in peers.indices where entries[index].revents != 0 {
        if entries[index].revents & Int16(POLLOUT) != 0 { try write(peers[index], index) }
        if entries[index].events & Int16(POLLIN) != 0, entries[index].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 {
          try read(peers[index], index, buffer, line)
        }
      }
    }
  }

  private func interest(of box: Box) -> pollfd {
    var events: CInt = 0
    if box.peer.isReading && !box.peer.hasEnded { events |= POLLIN }
    if box.peer.unsentBytes > 0 || (box.peer.finishesSending && !box.peer.hasFinishedSending) { events |= POLLOUT }
    return pollfd(fd: events == 0 ? -1 : box.peer.socket.number, events: Int16(events), revents: 0)
  }

  private func write(_ box: Box, _ index: Int) throws {
    if box.peer.unsentBytes > 0 {
      let outcome = box.peer.outgoing[box.peer.sent...].withUnsafeBytes { box.peer.socket.send($0) }
      switch outcome {
      case .bytes(let count): box.peer.sent += count
      case .wouldBlock, .ended: break
      case .failed(let error): throw TestFailure("peer \(index): \(error) with \(box.peer.unsentBytes) bytes to send")
      }
    }
    if box.peer.finishesSending && box.peer.unsentBytes == 0 && !box.peer.hasFinishedSending {
      box.peer.socket.shutdownSending()
      box.peer.hasFinishedSending = true
    }
  }

  private func read(
    _ box: Box, _ index: Int, _ buffer: UnsafeMutableRawBufferPointer,
    _ line: (Int, UnsafeRawBufferPointer) throws -> Void
  ) throws {
    switch box.peer.socket.receive(into: buffer) {
    case .wouldBlock: return
    case .failed(let error): throw TestFailure("peer \(index): \(error)")
    case .ended:
      box.peer.hasEnded = true
      guard box.peer.partial.isEmpty else {
        throw TestFailure("peer \(index): the stream ended within a line, after \(shown(box.peer.partial))")
      }
    case .bytes(let count):
      var rest = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      while let start = rest.baseAddress, let newline = memchr(start, 0x0A, rest.count) {
        let length = UnsafeRawPointer(newline) - start
        let bytes = UnsafeRawBufferPointer(rebasing: rest[..<length])
        if box.peer.partial.isEmpty {
          try line(index, bytes)
        } else {
          box.peer.partial.append(contentsOf: bytes)
          try box.peer.partial.withUnsafeBytes { try line(index, $0) }
          box.peer.partial.removeAll(keepingCapacity: true)
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[(length + 1)...])
        if rest.isEmpty { break }
      }
      box.peer.partial.append(contentsOf: rest)
    }
  }

  private var progress: String {
    let unsent = peers.reduce(0) { $0 + $1.peer.unsentBytes }
    let ended = peers.count { $0.peer.hasEnded }
    return "\(unsent) bytes unsent, \(ended) of \(count) streams ended"
  }
}
