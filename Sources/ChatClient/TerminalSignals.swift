import Glibc
import Synchronization

/// A bit for each signal that has come and was not yet looked at.
private let arrived = Atomic<UInt64>(0)
/// The descriptor to which a byte is written when one comes.
private let callDescriptor = Atomic<CInt>(-1)

/// The signals that concern who sits on a terminal, noted when they come, for the input thread to act on where it waits.
struct TerminalSignals {
  private static let concerned = [SIGWINCH, SIGCONT, SIGTSTP, SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  /// What the process did about each signal before, to go back to.
  private var previous: [(signal: CInt, action: sigaction)] = []

  /// Starts to note signals. The pipe behind `wakeup` has to live until `stopNoting`.
  init(calling wakeup: Wakeup) {
    arrived.store(0, ordering: .relaxed)
    callDescriptor.store(wakeup.callDescriptor, ordering: .relaxed)
    for signal in Self.concerned {
      var before = sigaction()
      // What our parent chose to ignore (nohup) stays ignored.
      guard sigaction(signal, nil, &before) == 0, !Self.isIgnored(before) else { continue }
      previous.append((signal, before))
      Self.note(signal)
    }
  }

  private static func isIgnored(_ action: sigaction) -> Bool {
    unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  private static func note(_ signal: CInt) {
    var action = sigaction()
    // Without SA_RESTART a signal would cut short what libedit writes through stdio.
    action.sa_flags = CInt(SA_RESTART)
    action.__sigaction_handler.sa_handler = { signal in
      let code = errno
      arrived.bitwiseOr(1 << UInt64(signal), ordering: .relaxed)
      var byte: UInt8 = 0
      _ = write(callDescriptor.load(ordering: .relaxed), &byte, 1)
      errno = code
    }
    sigaction(signal, &action, nil)
  }

  /// Whether `signal` has come since this was last asked.
  func take(_ signal: CInt) -> Bool {
    let bit = UInt64(1) << UInt64(signal)
    return arrived.bitwiseAnd(~bit, ordering: .relaxed).oldValue & bit != 0
  }

  /// Stops this process, and all that run in the foreground with it, until they are continued.
  func suspend() {
    Glibc.signal(SIGTSTP, SIG_DFL)
    kill(0, SIGTSTP)
    Self.note(SIGTSTP)
    _ = take(SIGCONT)
  }

  mutating func stopNoting() {
    for (signal, action) in previous {
      var action = action
      sigaction(signal, &action, nil)
    }
    previous = []
  }
}
