import Glibc
import TestSupport

/// A relay of lines that makes one mistake on purpose, at the `occasion`-th line for the client that connected last.
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

  private let server: RelayServer
  var port: UInt16 { server.port }

  init(_ fault: Fault, occasion: Int = 50) throws {
    server = try RelayServer {
      /// By connection: the received start of an unfinished line.
      var partial: [CInt: [UInt8]] = [:]
      /// Lines of the load that were due to the client that connected last.
      var lines = 0
      /// A line for it that is sent after the next one.
      var late: [UInt8] = []
      return { bytes, sender, clients in
        partial[sender.number, default: []] += bytes
        while let end = partial[sender.number]?.firstIndex(of: UInt8(ascii: "\n")) {
          let line = Array(partial[sender.number, default: []][...end])
          partial[sender.number]?.removeFirst(end + 1)
          let text = Array("n\(sender.number): ".utf8) + line
          for client in clients where client.number != sender.number {
            guard client.number == clients.last?.number else {
              client.send(text)
              continue
            }
            // Probes, which find out who is in the room, are no part of the load.
            if !line.starts(with: "pppppppp".utf8) { lines += 1 }
            Self.send(text, to: client, lines == occasion ? fault : .none, &late)
          }
        }
      }
    }
  }

  private static func send(_ line: [UInt8], to client: RelayServer.Client, _ fault: Fault, _ late: inout [UInt8]) {
    var line = line
    switch fault {
    case .none: break
    case .lose: return
    case .double: line += line
    case .tear: line[line.count / 2] = UInt8(ascii: "!")
    case .swap:
      late = line
      return
    case .hangUp: return client.hangUp()
    case .notice: line = Array("* the server is tired\n".utf8) + line
    }
    client.send(line + late)
    late = []
  }
}
