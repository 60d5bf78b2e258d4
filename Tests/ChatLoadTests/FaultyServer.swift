import ChatWire
import Dispatch
import Glibc
import TestSupport

/// A relay of lines that makes one mistake on purpose: at the `occasion`-th line for one of its receivers, the last who came.
/// It serves on a queue of its own until its owner lets go of it.
final class FaultyServer: Sendable {
  enum Fault: CaseIterable {
    case none
    /// Leaves the line out.
    case lose
    /// Sends it twice.
    case double
    /// Changes a byte of it.
    case tear
    /// Sends it after the next one.
    case swap
    /// Closes the connection.
    case hangUp
    /// Says something itself before it.
    case notice
  }

  let port: UInt16
  private let listener: FileDescriptor
  /// Written to when it is time to stop.
  private let wake: Pipe
  private let queue = DispatchQueue(label: "faulty server")

  init(_ fault: Fault, occasion: Int = 50) throws {
    guard let address = try Address.internet(host: "127.0.0.1", port: 0).resolved().first else {
      throw TestFailure("there is no loopback")
    }
    listener = try FileDescriptor.socket(for: address)
    try listener.bind(to: address)
    try listener.listen(backlog: 64)
    port = try listener.localAddress().port
    wake = try Pipe()
    let (listening, waking) = (listener.number, wake.readEnd.number)
    queue.async { Self.serve(listening, until: waking, fault, occasion) }
  }

  deinit {
    _ = withUnsafeBytes(of: UInt8(0)) { wake.writeEnd.write($0) }
    queue.sync {}
  }

  private struct Client {
    let number: CInt
    let name: String
    /// The start of a line.
    var partial: [UInt8] = []
    /// Lines of the load that were meant for it.
    var lines = 0
    /// A line that is sent after the next one.
    var late: [UInt8]?
  }

  private static func serve(_ listener: CInt, until wake: CInt, _ fault: Fault, _ occasion: Int) {
    var clients: [Client] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      var entries = ([wake, listener] + clients.map(\.number)).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      guard poll(&entries, nfds_t(entries.count), -1) > 0 else { continue }
      if entries[0].revents != 0 { break }
      if entries[1].revents != 0 {
        let number = accept(listener, nil, nil)
        if number >= 0 { clients.append(Client(number: number, name: "n\(number)")) }
      }
      for entry in entries.dropFirst(2) where entry.revents != 0 {
        guard let sender = clients.firstIndex(where: { $0.number == entry.fd }) else { continue }
        let count = recv(entry.fd, &buffer, buffer.count, 0)
        guard count > 0 else {
          close(entry.fd)
          clients.remove(at: sender)
          continue
        }
        clients[sender].partial += buffer[..<count]
        while let end = clients[sender].partial.firstIndex(of: UInt8(ascii: "\n")) {
          let line = Array(clients[sender].partial[...end])
          clients[sender].partial.removeFirst(end + 1)
          for index in clients.indices where index != sender {
            let text = Array("\(clients[sender].name): ".utf8) + line
            // The lines that only find out who is in the room are no part of the load.
            if !line.starts(with: "pppppppp".utf8) { clients[index].lines += 1 }
            let isOccasion = index == clients.count - 1 && clients[index].lines == occasion
            deliver(text, to: &clients[index], isOccasion ? fault : .none)
          }
        }
      }
    }
    for client in clients { close(client.number) }
  }

  private static func deliver(_ line: [UInt8], to client: inout Client, _ fault: Fault) {
    var line = line
    switch fault {
    case .none: break
    case .lose: return
    case .double: line += line
    case .tear: line[line.count / 2] = UInt8(ascii: "!")
    case .swap:
      client.late = line
      return
    case .hangUp:
      shutdown(client.number, CInt(SHUT_RDWR))
      return
    case .notice: line = Array("* the server is tired\n".utf8) + line
    }
    line += client.late ?? []
    client.late = nil
    _ = send(client.number, line, line.count, CInt(MSG_NOSIGNAL))
  }
}
