import ChatWire
import Dispatch
import Glibc
import Synchronization

/// A chat server of SEED.md's kind, which knows no framing: what one receive gives is a message, and everybody else is sent
/// `PORT: MESSAGE` with nothing added. A message that is exactly `exit` is the sender's goodbye, and its connection is closed.
/// It serves on a queue of its own until its owner lets go of it; any thread may ask what came.
package final class RawServer: Sendable {
  package struct Message: Equatable, Sendable {
    /// The sender's port.
    package let port: UInt16
    /// What one receive gave.
    package let text: String
  }

  package let port: UInt16
  private let listener: FileDescriptor
  /// Written to when it is time to stop.
  private let wake: Pipe
  private let queue = DispatchQueue(label: "raw server")
  private let record = Record()

  private final class Record: Sendable {
    let messages = Mutex<[Message]>([])
    let ports = Mutex<[UInt16]>([])
  }

  package init() throws {
    guard let address = try Address.internet(host: "127.0.0.1", port: 0).resolved().first else {
      throw TestFailure("there is no loopback")
    }
    listener = try FileDescriptor.socket(for: address)
    try listener.bind(to: address)
    try listener.listen(backlog: 16)
    port = try listener.localAddress().port
    wake = try Pipe()
    let (listening, waking) = (listener.number, wake.readEnd.number)
    queue.async { [record] in Self.serve(listening, until: waking, record) }
  }

  deinit {
    _ = withUnsafeBytes(of: UInt8(0)) { wake.writeEnd.write($0) }
    queue.sync {}
  }

  /// What has come so far, in order.
  package var messages: [Message] { record.messages.withLock { $0 } }
  /// The ports of the clients that are connected, in the order of their coming.
  package var ports: [UInt16] { record.ports.withLock { $0 } }

  private static func serve(_ listener: CInt, until wake: CInt, _ record: Record) {
    var clients: [(number: CInt, port: UInt16)] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      var entries = [wake, listener].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      entries += clients.map { pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0) }
      guard poll(&entries, nfds_t(entries.count), -1) > 0 else { continue }
      if entries[0].revents != 0 { break }
      if entries[1].revents != 0 {
        var accepted: CInt = -1
        let peer = SocketAddress(filledBy: { accept(listener, $0, $1) }, result: &accepted)
        if accepted >= 0 { clients.append((accepted, peer.port)) }
      }
      for entry in entries.dropFirst(2) where entry.revents != 0 {
        guard let sender = clients.first(where: { $0.number == entry.fd }) else { continue }
        let count = recv(sender.number, &buffer, buffer.count, 0)
        let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        if count > 0 { record.messages.withLock { $0.append(Message(port: sender.port, text: text)) } }
        if count <= 0 || text == "exit" {
          close(sender.number)
          clients.removeAll { $0.number == sender.number }
          continue
        }
        let relayed = Array("\(sender.port): \(text)".utf8)
        for other in clients where other.number != sender.number {
          _ = send(other.number, relayed, relayed.count, CInt(MSG_NOSIGNAL))
        }
      }
      record.ports.withLock { $0 = clients.map(\.port) }
    }
    for client in clients { close(client.number) }
  }
}
