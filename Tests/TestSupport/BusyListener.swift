import ChatWire
import Glibc

/// A port at which no connection is made: as many wait there as its listener wants, and nobody accepts them.
package final class BusyListener {
  package let port: UInt16
  private let listener: FileDescriptor
  private var waiting: [CInt] = []

  /// - Parameter port: 0 for a free one; another to come where a server was before.
  package init(port: UInt16 = 0) throws {
    listener = try listeningSocket(at: .internet(host: "127.0.0.1", port: port))
    try listener.listen(backlog: 0)
    let address = try listener.localAddress()
    self.port = address.port
    for _ in 0..<8 {
      let number = socket(
        AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
      _ = address.withPointer { connect(number, $0, $1) }
      waiting.append(number)
    }
  }

  deinit { for number in waiting { close(number) } }
}
