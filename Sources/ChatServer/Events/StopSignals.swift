import Dispatch
import Glibc

/// Lets SIGINT, SIGTERM and SIGHUP stop a server: the first in good order, a second one at once. A server that keeps a
/// transcript, or its log in a file, reopens these at SIGHUP instead, as logrotate(8) asks daemons to. At SIGUSR2 a new program
/// goes on in its place.
final class StopSignals {
  private static let numbers = [SIGINT, SIGTERM, SIGHUP, SIGUSR2]

  private let server: Server
  /// Whether SIGHUP was ignored from the start.
  let leavesHangup: Bool
  private var sources: [any DispatchSourceSignal] = []
  private var hasCome = false
  /// What is to be done once all sources are cancelled.
  private var afterRelease: (() -> Void)?

  /// Takes over these signals of the process until its end. Before, they end it, which is right for a server that does not
  /// listen yet. A SIGHUP that would stop the server is left alone where it was ignored from the start, as under nohup(1).
  ///
  /// To be called on the main thread, which must not go on to dispatchMain: that waits with all signals unblocked, and libdispatch
  /// then hands them to a thread of its own, where an exec loses them. Blocked in all threads, they wait for whoever takes them.
  /// - Parameter leftHangup: whether the program before this one left it alone; nil if there was none.
  init(stopping server: Server, leftHangup: Bool? = nil) {
    self.server = server
    var leavesHangup = leftHangup ?? false
    if leftHangup == nil {
      for number in Self.numbers {
        // Left to its default, a signal would end the process before the source could report it. What is blocked already, and
        // perhaps there, as after a take-over, would be dropped by this.
        let former = signal(number, SIG_IGN)
        if number == SIGHUP { leavesHangup = Self.isIgnored(former) }
      }
    }
    self.leavesHangup = leavesHangup
    var mask = Self.mask
    pthread_sigmask(SIG_BLOCK, &mask, nil)
    takeAgain()
  }

  static var mask: sigset_t {
    var mask = sigset_t()
    sigemptyset(&mask)
    for number in numbers { sigaddset(&mask, number) }
    return mask
  }

  /// Takes the signals, unless it has them.
  func takeAgain() {
    guard sources.isEmpty else { return }
    let reopens = server.hasFilesToReopen
    for number in Self.numbers where reopens || number != SIGHUP || !leavesHangup {
      let source = DispatchSource.makeSignalSource(signal: number, queue: server.queue)
      source.setEventHandler {
        switch number {
        case SIGUSR2: self.server.takeOver()
        case SIGHUP where reopens: self.server.reopenFiles()
        default: self.stop()
        }
      }
      source.setCancelHandler { self.wasCancelled(number) }
      source.activate()
      sources.append(source)
    }
  }

  private func stop() {
    if hasCome { _exit(1) }
    hasCome = true
    server.stop()
  }

  /// Takes no more signals. Those that come from now on wait for who takes them next: this program again, or another one.
  func release(then proceed: @escaping () -> Void) {
    afterRelease = proceed
    for source in sources { source.cancel() }
  }

  private func wasCancelled(_ number: CInt) {
    sources.removeAll { $0.handle == UInt(number) }
    guard sources.isEmpty else { return }
    afterRelease?()
    afterRelease = nil
  }

  private static func isIgnored(_ handler: sighandler_t?) -> Bool {
    unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
