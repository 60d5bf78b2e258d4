import ChatWire
import Glibc

/// The terminal on which ssh asks its questions, which need not be standard input; without a terminal all of this does nothing.
struct ControllingTerminal: ~Copyable {
  private let descriptor: FileDescriptor
  /// From before ssh; nil without a terminal.
  private let originalModes: termios?

  init() {
    descriptor = FileDescriptor(owning: open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC))
    originalModes = Self.modes(of: descriptor.number)
  }

  private static func modes(of number: CInt) -> termios? {
    var modes = termios()
    return tcgetattr(number, &modes) == 0 ? modes : nil
  }

  /// Whether what is typed is not shown, so that somebody is being asked for a password.
  var hidesKeys: Bool {
    guard let originalModes, originalModes.c_lflag & tcflag_t(ECHO) != 0 else { return false }
    return Self.modes(of: descriptor.number).map { $0.c_lflag & tcflag_t(ECHO) == 0 } ?? false
  }

  /// For an ssh that was killed while it asked. One that ends otherwise does this itself.
  func restoreModes() { if hidesKeys, var modes = originalModes { tcsetattr(descriptor.number, TCSANOW, &modes) } }
}
