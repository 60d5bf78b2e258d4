import ChatWire
import Glibc
import TestSupport
import Testing

/// A server that does what a test tells it, and passes on whatever bytes it is told to. For one test on one thread.
final class ScriptedServer {
  let port: UInt16
  private let listener: FileDescriptor

  /// - Parameter port: 0 for a free one; another to come back where a server was before.
  convenience init(port: UInt16 = 0) throws { try self.init(at: .internet(host: "127.0.0.1", port: port)) }

  init(at address: Address) throws {
    let address = try #require(try address.resolved().first)
    listener = try FileDescriptor.socket(for: address)
    if address.family != AF_UNIX { try listener.set(.reuseAddress, to: 1) }
    try listener.bind(to: address)
    try listener.listen(backlog: 16)
    self.port = try listener.localAddress().port
  }

  /// The next client's connection.
  func accept() throws -> ScriptedConnection {
    try listener.setBlocking(false)
    var number: CInt = -1
    try eventually("a client to connect") {
      number = Glibc.accept(listener.number, nil, nil)
      return number >= 0
    }
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    return try ScriptedConnection(FileDescriptor(owning: number))
  }
}

final class ScriptedConnection {
  private var socket: FileDescriptor?
  private(set) var received: [UInt8] = []
  private(set) var hasEnded = false

  init(_ socket: consuming FileDescriptor) throws {
    try socket.setBlocking(false)
    self.socket = consume socket
  }

  func send(_ text: String) throws { try send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    try eventually("the client to take \(bytes.count) bytes") {
      while !rest.isEmpty {
        switch socket.sendOnce(rest) {
        case .bytes(let count): rest = rest.dropFirst(count)
        case .failed(let error): throw error
        case .wouldBlock, .ended, nil: return false
        }
      }
      return true
    }
  }

  /// Takes in what has come, without waiting.
  func readWhatIsThere() {
    withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
      while let outcome = socket.receiveOnce(into: buffer) {
        switch outcome {
        case .bytes(let count): received += buffer[..<count]
        case .wouldBlock: return
        case .ended, .failed:
          hasEnded = true
          return
        }
      }
    }
  }

  /// Waits until all that has come is `text`.
  func expect(_ text: String) throws {
    try eventually("\(text.debugDescription) to come") {
      readWhatIsThere()
      return received == Array(text.utf8)
    }
  }

  /// Whether something has come that was not read.
  var hasSomething: Bool {
    var entry = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  func close() { socket = nil }
}

extension Optional where Wrapped == FileDescriptor {
  fileprivate var number: CInt {
    switch self {
    case .some(let socket): socket.number
    case nil: -1
    }
  }

  fileprivate borrowing func sendOnce(_ bytes: ArraySlice<UInt8>) -> Transfer? {
    switch self {
    case .some(let socket): bytes.withUnsafeBytes { socket.send($0) }
    case nil: nil
    }
  }

  fileprivate borrowing func receiveOnce(into buffer: UnsafeMutableRawBufferPointer) -> Transfer? {
    switch self {
    case .some(let socket): socket.receive(into: buffer)
    case nil: nil
    }
  }
}

/// `bytes` as text without colours.
func withoutColours(_ bytes: [UInt8]) -> String {
  String(decoding: bytes, as: UTF8.self).replacing(/\u{1B}\[[0-9;]*m/, with: "")
}
