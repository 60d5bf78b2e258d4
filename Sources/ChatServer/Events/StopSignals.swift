import Dispatch
import Glibc

/// Lets SIGINT and SIGTERM stop a server: the first in good order, a second at once.
package final class StopSignals {
  private var sources: [any DispatchSourceSignal] = []
  private var hasCome = false

  package init() {}

  /// Takes over the signals of this process, until its end.
  package func stop(_ server: Server) {
    for number in [SIGINT, SIGTERM] {
      // Without this the signal would end the process before its source hears of it.
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: server.queue)
      source.setEventHandler {
        if self.hasCome { _exit(1) }
        self.hasCome = true
        server.stop()
      }
      source.activate()
      sources.append(source)
    }
  }
}
