import ChatWire
import Glibc

/// The terminal on standard input and output: its modes, its size, and what it can do. Used by the input thread alone.
struct Terminal {
  /// The modes from before the client, restored when it ends or is suspended.
  private let originalModes: termios

  /// Nil where standard input and standard output are not both a terminal.
  init?() {
    guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1, let modes = Self.currentModes() else { return nil }
    originalModes = modes
  }

  /// Chooses the person's locale, or C.UTF-8 where that is not in UTF-8, as the wire is.
  static func chooseLocale() {
    setlocale(LC_CTYPE, "")
    let characterSet = nl_langinfo(CInt(CODESET)).map { String(cString: $0) }
    if characterSet != "UTF-8" { setlocale(LC_CTYPE, "C.UTF-8") }
  }

  static func currentModes() -> termios? {
    var modes = termios()
    return tcgetattr(STDIN_FILENO, &modes) == 0 ? modes : nil
  }

  /// Sets them at once, because waiting until all output is through would hang on a terminal that is stopped (Ctrl-S).
  static func setModes(_ modes: termios) {
    var modes = modes
    while tcsetattr(STDIN_FILENO, TCSANOW, &modes) != 0 && errno == EINTR {}
  }

  func restoreModes() { Self.setModes(originalModes) }

  /// The keys that mean something to the terminal itself, as `stty` shows them.
  enum Key {
    case interrupt, quit, suspend, endOfInput
  }

  func key(_ byte: UInt8) -> Key? {
    withUnsafeBytes(of: originalModes.c_cc) { keys in
      switch byte {
      // Zero stands for a key that is switched off (_POSIX_VDISABLE).
      case 0: nil
      case keys[Int(VINTR)]: .interrupt
      case keys[Int(VQUIT)]: .quit
      case keys[Int(VSUSP)]: .suspend
      case keys[Int(VEOF)]: .endOfInput
      default: nil
      }
    }
  }

  /// Whether the terminal wraps its rows anew when its width changes. All common ones do, except xterm, which sets this variable.
  private static let reflows = getenv("XTERM_VERSION") == nil || getenv("TMUX") != nil

  /// The screen as it is now; 80 by 24 where the terminal does not say.
  static func screen(canErase: Bool) -> EditBlock.Screen {
    var size = winsize()
    let isKnown = ioctl(STDIN_FILENO, UInt(TIOCGWINSZ), &size) == 0
    return EditBlock.Screen(
      columns: isKnown && size.ws_col > 0 ? Int(size.ws_col) : 80,
      rows: isKnown && size.ws_row > 0 ? Int(size.ws_row) : 24, canErase: canErase, reflows: reflows)
  }

  /// Bytes of one write once a signal has asked the process to end: few enough for a terminal that is ready to take all of them.
  private static let lastWriteBytes = 16

  /// Writes all of `bytes`, however long it takes. Once a signal has asked the process to end, it gives up on a terminal that
  /// nobody reads.
  static func write(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      var entry = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
      let isReady = poll(&entry, 1, TerminalSignals.isEndRequested ? 0 : 1000) > 0
      let isEnding = TerminalSignals.isEndRequested
      if !isReady && isEnding { return }
      guard isReady else { continue }
      let piece = isEnding ? rest.prefix(lastWriteBytes) : rest
      let count = piece.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EAGAIN && errno != EINTR {
        return
      }
    }
  }

  /// Waits for the keyboard or for a call.
  /// - Parameter milliseconds: how long at most; -1 for as long as it takes.
  /// - Returns: whether the keyboard has something to read.
  static func waitForKey(or wakeup: Wakeup, milliseconds: CInt) -> Bool {
    var entries = [
      pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
      pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    guard poll(&entries, nfds_t(entries.count), milliseconds) > 0 else { return false }
    if entries[1].revents != 0 { wakeup.clear() }
    return entries[0].revents != 0
  }

  /// Whether the keyboard has something to read.
  static var hasKey: Bool { hasKey(within: 0) }

  /// Whether it has within so many milliseconds.
  static func hasKey(within milliseconds: CInt) -> Bool {
    FileDescriptor.wait(for: POLLIN, on: STDIN_FILENO, until: .now + .milliseconds(Int(milliseconds)))
  }

  /// Reads what is there, no more than `count` bytes.
  /// - Returns: nothing where there is nothing now.
  static func readKeys(atMost count: Int) throws(SystemCallError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let read = read(STDIN_FILENO, &bytes, count)
    if read > 0 { return Array(bytes[..<read]) }
    if read < 0 && (errno == EAGAIN || errno == EINTR) { return [] }
    throw SystemCallError("read", code: read == 0 ? EIO : errno)
  }
}
