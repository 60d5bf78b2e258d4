import ChatLoad
import ChatWire
import Glibc
import TestSupport

/// A server that the benchmark started on `port` of 127.0.0.1; killed when this is released, because it has no data to keep.
struct ServerProcess {
  let port: UInt16
  private let program: Program

  /// Starts the program at `path` with `arguments` for the chosen port; its output goes to the file `log`.
  init(path: String, log: String, arguments: (_ port: UInt16) throws(LoadFailure) -> [String]) throws(LoadFailure) {
    port = try Self.freePort()
    let words = try arguments(port)
    do {
      program = try Program(path, words, input: .nothing, output: .file(log), errors: .file(log))
    } catch { throw LoadFailure(description: "Cannot start \(path): \(error)") }
  }

  var pid: pid_t { program.pid }
  var hasEnded: Bool { program.hasEnded }

  /// Waits until it listens, for at most 10 s. Looks at the kernel's list, because a connection may have effects of its own:
  /// ncat --chat announces it.
  func waitUntilListening() throws(LoadFailure) {
    let deadline = Moment.now + .seconds(10)
    while !ListedSocket.all.contains(where: { $0.localPort == port && $0.isListening }) {
      if hasEnded { throw LoadFailure(description: "It ended at once.") }
      if deadline.hasPassed { throw LoadFailure(description: "It did not listen on port \(port) within 10 s.") }
      usleep(10_000)
    }
  }

  /// A port that nobody uses, below those that the kernel gives to outgoing connections.
  private static func freePort() throws(LoadFailure) -> UInt16 {
    guard let port = unusedFixedPort() else {
      throw LoadFailure(description: "No free port was found from 20000 to 29999.")
    }
    return port
  }
}
