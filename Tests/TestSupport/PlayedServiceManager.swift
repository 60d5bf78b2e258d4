import ChatWire
import Glibc

/// A test in the place of systemd: a socket that a server may tell how it does (sd_notify(3)).
package final class PlayedServiceManager {
  private let socket: FileDescriptor
  private let directory: TemporaryDirectory
  /// What NOTIFY_SOCKET has to say.
  package let path: String
  /// Each message so far, in its lines.
  package private(set) var messages: [[String]] = []

  package init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("notify")
    socket = try FileDescriptor.datagramSocket()
    guard let address = try Address.unix(path: path).resolved().first else { throw TestFailure("no address") }
    try socket.bind(to: address)
    try socket.setBlocking(false)
  }

  /// Takes what has come without waiting.
  package func takeMessages() throws {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      switch buffer.withUnsafeMutableBytes({ socket.receive(into: $0) }) {
      case .bytes(let count):
        messages.append(String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").map(String.init))
      case .wouldBlock: return
      case .ended, .failed: throw TestFailure("the service manager's socket broke")
      }
    }
  }

  /// Waits until a message has the line `line`, and forgets it and all before it.
  /// - Returns: its lines.
  @discardableResult
  package func expect(_ line: String) throws -> [String] {
    try eventually("the message \(line); there are \(messages)") {
      try takeMessages()
      return messages.contains { $0.contains(line) }
    }
    guard let index = messages.firstIndex(where: { $0.contains(line) }) else { return [] }
    defer { messages.removeFirst(index + 1) }
    return messages[index]
  }
}
