import ChatWire
import Dispatch
import Glibc
import Synchronization

/// A simple server in this process for clients under test; its owner decides what it relays. It serves on its own queue until
/// it is released.
package final class RelayServer: Sendable {
  package struct Client: Sendable {
    package let number: CInt
    package let port: UInt16

    package func send(_ bytes: [UInt8]) { _ = Glibc.send(number, bytes, bytes.count, CInt(MSG_NOSIGNAL)) }
    package func hangUp() { shutdown(number, CInt(SHUT_RDWR)) }
  }

  /// Called with the bytes of one receive, their sender, and all clients in the order in which they connected.
  package typealias Relay = (_ bytes: [UInt8], _ sender: Client, _ clients: [Client]) -> Void

  package let port: UInt16
  private let listener: FileDescriptor
  /// A byte in it stops the queue.
  private let wake: Pipe
  private let queue = DispatchQueue(label: "relay server")

  /// - Parameters:
  ///   - makeRelay: called once, on the server's queue, as is the relay it returns.
  ///   - onChange: called with all clients whenever one connected or left.
  package init(
    _ makeRelay: @escaping @Sendable () -> Relay, onChange: @escaping @Sendable ([Client]) -> Void = { _ in }
  ) throws {
    listener = try listeningSocket(at: .internet(host: "127.0.0.1", port: 0))
    port = try listener.localAddress().port
    wake = try Pipe()
    let (listening, waking) = (listener.number, wake.readEnd.number)
    queue.async { Self.serve(listening, until: waking, makeRelay(), onChange) }
  }

  deinit {
    _ = withUnsafeBytes(of: UInt8(0)) { wake.writeEnd.write($0) }
    queue.sync {}
  }

  private static func serve(_ listener: CInt, until wake: CInt, _ relay: Relay, _ onChange: ([Client]) -> Void) {
    var clients: [Client] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      var entries = ([wake, listener] + clients.map(\.number)).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      guard poll(&entries, nfds_t(entries.count), -1) > 0 else { continue }
      if entries[0].revents != 0 { break }
      for entry in entries.dropFirst(2) where entry.revents != 0 {
        guard let sender = clients.first(where: { $0.number == entry.fd }) else { continue }
        let count = recv(entry.fd, &buffer, buffer.count, 0)
        if count > 0 {
          relay(Array(buffer[..<count]), sender, clients)
        } else {
          close(entry.fd)
          clients.removeAll { $0.number == entry.fd }
          onChange(clients)
        }
      }
      if entries[1].revents != 0 {
        var number: CInt = -1
        let peer = SocketAddress(filledBy: { accept(listener, $0, $1) }, result: &number)
        if number >= 0 { clients.append(Client(number: number, port: peer.port)) }
        onChange(clients)
      }
    }
    for client in clients { close(client.number) }
  }
}

/// A chat server like SEED.md's, without framing: the bytes of one receive are a message, and everybody else is sent
/// `PORT: MESSAGE` with nothing added. The message `exit` closes its sender's connection, also behind another where the machine
/// was too busy to receive the two one by one. Any thread may read what came.
package final class RawServer: Sendable {
  package struct Message: Equatable, Sendable {
    /// The sender's port.
    package let port: UInt16
    /// The bytes of one receive.
    package let text: String
  }

  private final class Record: Sendable {
    let messages = Mutex<[Message]>([])
    let ports = Mutex<[UInt16]>([])
  }

  private let server: RelayServer
  private let record: Record

  package init() throws {
    let record = Record()
    self.record = record
    server = try RelayServer {
      { bytes, sender, clients in
        let text = String(decoding: bytes, as: UTF8.self)
        record.messages.withLock { $0.append(Message(port: sender.port, text: text)) }
        if text == "exit" || text.hasSuffix("\nexit") { return sender.hangUp() }
        for other in clients where other.number != sender.number { other.send(Array("\(sender.port): ".utf8) + bytes) }
      }
    } onChange: { clients in
      record.ports.withLock { $0 = clients.map(\.port) }
    }
  }

  package var port: UInt16 { server.port }
  /// All messages so far, in order.
  package var messages: [Message] { record.messages.withLock { $0 } }
  /// The ports of the connected clients, in the order in which they came.
  package var ports: [UInt16] { record.ports.withLock { $0 } }
}
