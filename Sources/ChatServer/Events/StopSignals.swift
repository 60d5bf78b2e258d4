import CLinux
import ChatWire
import Dispatch
import Glibc

/// Lets SIGINT, SIGTERM and SIGHUP stop a server: the first in good order, a second one at once. A server that keeps a
/// transcript, or its log in a file, reopens these at SIGHUP instead, as logrotate(8) asks daemons to. At SIGUSR2 a new program
/// goes on in its place.
///
/// They wait in the kernel until the server's queue reads them from a descriptor (signalfd(2)), and are acted on at once. So none
/// is lost when another program goes on: those that are not acted on are still there for it. A source of libdispatch would have
/// taken them from the kernel before the queue knows.
///
/// Confined to the server's queue.
final class StopSignals {
  private static let numbers = [SIGINT, SIGTERM, SIGHUP, SIGUSR2]

  private let server: Server
  /// Whether SIGHUP was ignored from the start.
  let leavesHangup: Bool
  private let descriptor: FileDescriptor
  private let source: any DispatchSourceRead
  private var hasCome = false

  /// Takes over these signals of the process until its end. Before, they end it, which is right for a server that does not
  /// listen yet. A SIGHUP that would stop the server is left alone where it was ignored from the start, as under nohup(1).
  ///
  /// To be called on the main thread, which must not go on to dispatchMain: that waits with all signals unblocked, and they would
  /// end the process there. Blocked in all threads, they wait for whoever takes them.
  /// - Parameter leftHangup: whether the program before this one left it alone; nil if there was none.
  init(stopping server: Server, leftHangup: Bool? = nil) throws(SystemCallError) {
    self.server = server
    let reopens = server.hasFilesToReopen
    var leavesHangup = leftHangup ?? false
    if leftHangup == nil {
      var former = sigaction()
      sigaction(SIGHUP, nil, &former)
      leavesHangup = Self.isIgnored(former.__sigaction_handler.sa_handler)
    }
    self.leavesHangup = leavesHangup
    var mask = Self.mask
    var taken = mask
    if leavesHangup, !reopens { sigdelset(&taken, SIGHUP) }
    let number = signalfd(-1, &taken, CInt(LINUX_SFD_CLOEXEC | LINUX_SFD_NONBLOCK))
    guard number >= 0 else { throw SystemCallError("signalfd") }
    descriptor = FileDescriptor(owning: number)
    pthread_sigmask(SIG_BLOCK, &mask, nil)
    source = DispatchSource.makeReadSource(fileDescriptor: number, queue: server.queue)
    source.setEventHandler { self.takeAll(reopening: reopens) }
    source.activate()
  }

  static var mask: sigset_t {
    var mask = sigset_t()
    sigemptyset(&mask)
    for number in numbers { sigaddset(&mask, number) }
    return mask
  }

  private func takeAll(reopening reopens: Bool) {
    var information = signalfd_siginfo()
    while case .bytes = withUnsafeMutableBytes(of: &information, { descriptor.read(into: $0) }) {
      switch CInt(information.ssi_signo) {
      case SIGUSR2: server.assumeIsolated { $0.takeOverRequested() }
      case SIGHUP where reopens: server.assumeIsolated { $0.reopenFiles() }
      default: stop()
      }
    }
  }

  private func stop() {
    if hasCome { _exit(1) }
    hasCome = true
    server.assumeIsolated { $0.stopRequested() }
  }

  private static func isIgnored(_ handler: sighandler_t?) -> Bool {
    unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
