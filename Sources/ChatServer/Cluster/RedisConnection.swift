import ChatRedis
import ChatWire
import Glibc

/// A connection to Redis: what is to be sent waits here until the kernel takes it, and what comes is cut into replies.
///
/// Confined to the server's queue. The descriptor is closed when the last reference goes.
final class RedisConnection {
  private enum Phase {
    case connecting, open
  }

  /// What has happened on it.
  enum News {
    case connected
    case reply(ChatRedis.Reply)
    /// It is of no more use. The text says why.
    case ended(String)
  }

  let token: Token
  private let descriptor: FileDescriptor
  private let readiness: any Readiness
  private var phase: Phase
  private var interest: Interest = .reading
  private var reader = ReplyReader()
  /// What is to be sent, from `sentBytes` on. The session never asks for more than two turns and a beat before answers come.
  private var output: [UInt8] = []
  private var sentBytes = 0

  /// Begins to connect.
  init(to address: SocketAddress, as token: Token, watchedBy readiness: any Readiness) throws(SystemCallError) {
    self.token = token
    self.readiness = readiness
    descriptor = try FileDescriptor.socket(for: address)
    try descriptor.setBlocking(false)
    // A turn goes out at once. Otherwise a second one would wait until the first is acknowledged.
    if address.family != AF_UNIX { try descriptor.set(.noDelay, to: 1) }
    phase = try descriptor.beginConnecting(to: address) ? .open : .connecting
    readiness.watch(descriptor.number, as: token, keptOpenBy: self)
    updateInterest()
  }

  var isOpen: Bool { phase == .open }

  /// Is not used any more.
  func forget() { readiness.forget(descriptor.number, as: token, interest: interest) }

  func add(_ words: [[UInt8]]) { RedisCommand.append(words, to: &output) }

  /// Sends what fits of what was added.
  func send() -> News? {
    guard phase == .open, !output.isEmpty else { return nil }
    loop: while sentBytes < output.count {
      switch output[sentBytes...].withUnsafeBytes({ descriptor.send($0) }) {
      case .bytes(let count): sentBytes += count
      case .wouldBlock, .ended: break loop
      case .failed(let error): return .ended(error.reason)
      }
    }
    if sentBytes == output.count {
      output.removeAll(keepingCapacity: true)
      sentBytes = 0
    }
    updateInterest()
    return nil
  }

  /// Goes on with connecting, sending and receiving.
  /// - Parameters:
  ///   - buffer: what is received into.
  ///   - tell: gets what has happened, in order.
  func proceed(_ ready: Interest, receivingInto buffer: inout [UInt8], _ tell: (News) -> Void) {
    if phase == .connecting {
      guard ready.contains(.writing) else { return }
      if let error = descriptor.takeError() { return tell(.ended(error.reason)) }
      phase = .open
      updateInterest()
      tell(.connected)
    }
    if ready.contains(.writing), let news = send() { tell(news) }
    if ready.contains(.reading) { receive(into: &buffer, tell) }
  }

  /// Receives until nothing is left, as not every event layer reports again what was left.
  func receive(into buffer: inout [UInt8], _ tell: (News) -> Void) {
    guard phase == .open else { return }
    while true {
      switch buffer.withUnsafeMutableBytes({ descriptor.receive(into: $0) }) {
      case .bytes(let count):
        buffer.withUnsafeBufferPointer { reader.feed($0.extracting(..<count).span) }
        do {
          while let reply = try reader.next() { tell(.reply(reply)) }
        } catch { return tell(.ended("\(error)")) }
      case .wouldBlock: return
      case .ended: return tell(.ended("Redis has closed it"))
      case .failed(let error): return tell(.ended(error.reason))
      }
    }
  }

  /// Sends all that is left and waits until Redis has answered or `deadline` has come.
  func finish(by deadline: Moment) {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while phase == .open, sentBytes < output.count {
      guard send() == nil, descriptor.wait(for: POLLOUT, until: deadline) else { return }
    }
    descriptor.shutdownSending()
    // Redis answers all before it sees the end, and closes then.
    while descriptor.wait(for: POLLIN, until: deadline) {
      switch buffer.withUnsafeMutableBytes({ descriptor.receive(into: $0) }) {
      case .bytes, .wouldBlock: continue
      case .ended, .failed: return
      }
    }
  }

  private func updateInterest() {
    var wanted: Interest = .reading
    if phase == .connecting || sentBytes < output.count { wanted.insert(.writing) }
    guard wanted != interest else { return }
    readiness.setInterest(wanted, insteadOf: interest, of: descriptor.number, as: token)
    interest = wanted
  }
}
