import ChatWire
import Dispatch
import Glibc
import Synchronization

/// A server that a test directs: each connection it accepts is a `Dialogue`. For one test on one thread.
package final class ScriptedServer {
  package let port: UInt16
  private let listener: FileDescriptor

  /// - Parameter port: 0 for a free one; another to come back where a server was before.
  package convenience init(port: UInt16 = 0) throws { try self.init(at: .internet(host: "127.0.0.1", port: port)) }

  package init(at address: Address) throws {
    // A program that another test is just starting has the descriptors of this one until it runs, and with them the port of a
    // server that was closed here.
    var opened: FileDescriptor?
    try eventually("\(address) to be free") {
      do {
        opened = try listeningSocket(at: address)
        return true
      } catch let error as SystemCallError where error.code == EADDRINUSE {
        return false
      }
    }
    guard let opened = opened.take() else { throw TestFailure("no listener") }
    listener = opened
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

  /// Refuses the next connections with a line, each at once and beside the test's own thread, which a busy machine may hold
  /// up for longer than a client waits for a refusal.
  package func refuse(_ count: Int, saying line: String) -> Refusals {
    let refusals = Refusals()
    let listener = listener.number
    DispatchQueue(label: "refusals").async {
      var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
      for _ in 0..<count where poll(&waiting, 1, 30_000) == 1 {
        let client = FileDescriptor(owning: Glibc.accept(listener, nil, nil))
        refusals.add(.now)
        _ = Array(line.utf8).withUnsafeBytes { client.send($0) }
      }
    }
    return refusals
  }
}

/// When connections were refused.
package final class Refusals: Sendable {
  private let all = Mutex<[ContinuousClock.Instant]>([])

  fileprivate func add(_ time: ContinuousClock.Instant) { all.withLock { $0.append(time) } }

  package var times: [ContinuousClock.Instant] { all.withLock { $0 } }
}

package func listeningSocket(at address: Address) throws -> FileDescriptor {
  guard let address = try address.resolved().first else { throw TestFailure("\(address) resolves to nothing") }
  let listener = try FileDescriptor.socket(for: address)
  if address.family != AF_UNIX { try listener.set(.reuseAddress, to: 1) }
  try listener.bind(to: address)
  try listener.listen(backlog: 64)
  return listener
}
