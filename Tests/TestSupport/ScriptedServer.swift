import ChatWire
import Glibc

/// A server that a test directs: each connection it accepts is a `Dialogue`. For one test on one thread.
package final class ScriptedServer {
  package let port: UInt16
  private let listener: FileDescriptor

  /// - Parameter port: 0 for a free one; another to come back where a server was before.
  package convenience init(port: UInt16 = 0) throws { try self.init(at: .internet(host: "127.0.0.1", port: port)) }

  package init(at address: Address) throws {
    listener = try listeningSocket(at: address)
    try listener.setBlocking(false)
    port = try listener.localAddress().port
  }

  /// The next client's connection.
  package func accept() throws -> Dialogue {
    var number: CInt = -1
    try eventually("a client to connect") {
      number = Glibc.accept(listener.number, nil, nil)
      return number >= 0
    }
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    return try Dialogue(accepted: FileDescriptor(owning: number))
  }
}

package func listeningSocket(at address: Address) throws -> FileDescriptor {
  guard let address = try address.resolved().first else { throw TestFailure("\(address) resolves to nothing") }
  let listener = try FileDescriptor.socket(for: address)
  if address.family != AF_UNIX { try listener.set(.reuseAddress, to: 1) }
  try listener.bind(to: address)
  try listener.listen(backlog: 64)
  return listener
}

/// An unused port of 127.0.0.1 from 20000 to 29999; nil if none is found. The kernel never assigns these to a client, which
/// could take the port before a server starts there again.
package func unusedFixedPort() -> UInt16? {
  for _ in 0..<100 {
    let port = UInt16.random(in: 20_000..<30_000)
    if (try? listeningSocket(at: .internet(host: "127.0.0.1", port: port))) != nil { return port }
  }
  return nil
}
