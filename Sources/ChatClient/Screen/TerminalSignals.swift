import Glibc
import Synchronization

// At file scope, because that is all that a signal handler, a C function, can reach. `Atomic` takes no lock, and
// `TerminalSignals.init` uses all three before it installs the handler, so that they are not initialized within it.

/// A bit for each signal that has come and was not yet looked at.
private let arrived = Atomic<UInt64>(0)
/// The descriptor to which a byte is written when one comes.
private let callDescriptor = Atomic<CInt>(-1)
/// Whether one has come that asks the process to end.
private let endIsAsked = Atomic(false)

/// The signals that matter to a program on a terminal. A handler notes them, and the input thread acts on them where it waits.
struct TerminalSignals {
  /// All that matter while lines are typed.
  static let typing = [SIGWINCH, SIGCONT, SIGTSTP] + ending
  /// Those that ask the process to end. SIGALRM is ours, and follows them.
  static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM]

  /// What the process did about each signal before, to go back to.
  private var previous: [(signal: CInt, action: sigaction)] = []

  /// Starts to note signals. The pipe behind `wakeup` has to live until `stopNoting`.
  init(calling wakeup: Wakeup, noting signals: [CInt]) {
    arrived.store(0, ordering: .relaxed)
    endIsAsked.store(false, ordering: .relaxed)
    callDescriptor.store(wakeup.callDescriptor, ordering: .relaxed)
    for signal in signals {
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
    // No SA_RESTART: a write to a terminal that nobody reads would never end.
    action.sa_flags = 0
    action.__sigaction_handler.sa_handler = { signal in
      let code = errno
      arrived.bitwiseOr(1 << UInt64(signal), ordering: .relaxed)
      if signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT { endIsAsked.store(true, ordering: .relaxed) }
      // A signal that arrives just before write(2) blocks does not interrupt it, so SIGALRM comes every second until the
      // process has ended.
      if endIsAsked.load(ordering: .relaxed) { alarm(1) }
      var byte: UInt8 = 0
      _ = write(callDescriptor.load(ordering: .relaxed), &byte, 1)
      errno = code
    }
    sigaction(signal, &action, nil)
  }

  /// Whether a signal has asked the process to end.
  static var isEndRequested: Bool { endIsAsked.load(ordering: .relaxed) }

  /// Whether `signal` has come since this was last asked.
  func take(_ signal: CInt) -> Bool {
    let bit = UInt64(1) << UInt64(signal)
    return arrived.bitwiseAnd(~bit, ordering: .relaxed).oldValue & bit != 0
  }

  /// The terminal has gone. A session leader also gets SIGHUP, slightly later.
  func outcomeAfterHangUp() -> InputEvent {
    for _ in 0..<10 {
      if take(SIGHUP) { return .terminated(signal: SIGHUP) }
      _ = poll(nil, 0, 10)
    }
    return .hungUp
  }

  /// Stops this process, and all that run in the foreground with it, until they are continued.
  func suspend() {
    Glibc.signal(SIGTSTP, SIG_DFL)
    kill(0, SIGTSTP)
    Self.note(SIGTSTP)
    _ = take(SIGCONT)
  }

  /// Ignores some of those that are noted while `body` runs.
  func ignoring<Result>(_ signals: [CInt], _ body: () -> Result) -> Result {
    let ignored = signals.filter { signal in previous.contains { $0.signal == signal } }
    for signal in ignored { Glibc.signal(signal, SIG_IGN) }
    defer { for signal in ignored { Self.note(signal) } }
    return body()
  }

  mutating func stopNoting() {
    alarm(0)
    for (signal, action) in previous {
      var action = action
      sigaction(signal, &action, nil)
    }
    previous = []
  }
}
