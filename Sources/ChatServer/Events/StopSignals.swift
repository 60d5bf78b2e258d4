import Dispatch
import Glibc

/// Lets SIGINT, SIGTERM and SIGHUP stop a server: the first in good order, a second one at once. A server that keeps a
/// transcript, or its log in a file, reopens these at SIGHUP instead, as logrotate(8) asks daemons to.
final class StopSignals {
  private var sources: [any DispatchSourceSignal] = []
  private var hasCome = false

  /// Takes over these signals of the process until its end. Before, they end it, which is right for a server that does not
  /// listen yet. A SIGHUP that would stop the server is left alone where it was ignored from the start, as under nohup(1).
  init(stopping server: Server) {
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let reopens = number == SIGHUP && server.hasFilesToReopen
      // Left to its default, the signal would end the process before the source could report it.
      let former = signal(number, SIG_IGN)
      if number == SIGHUP && !reopens && Self.isIgnored(former) { continue }
      let source = DispatchSource.makeSignalSource(signal: number, queue: server.queue)
      source.setEventHandler {
        if reopens { return server.reopenFiles() }
        if self.hasCome { _exit(1) }
        self.hasCome = true
        server.stop()
      }
      source.activate()
      sources.append(source)
    }
  }

  private static func isIgnored(_ handler: sighandler_t?) -> Bool {
    unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
