import ChatWire
import Glibc

/// A pseudo-terminal of a given size: the test holds its keyboard and sees its screen, a program gets the other side as its
/// controlling terminal. For one test on one thread. It speaks Linux's own interface (pts(4)), as Swift's Glibc hides
/// posix_openpt(3).
package final class Pty {
  private let keyboard: FileDescriptor
  /// Where a program opens its side.
  package let path: String
  /// What a person sees, scrolled-off lines included.
  package private(set) var screen: Screen
  /// Every byte that programs have written, as it came.
  package private(set) var bytes: [UInt8] = []
  package var limit = generousLimit

  package init(rows: Int = 24, columns: Int = 80) throws {
    keyboard = FileDescriptor(owning: open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC))
    guard keyboard.number >= 0 else { throw SystemCallError("open /dev/ptmx") }
    var locked: CInt = 0
    var index: CUnsignedInt = 0
    let setLock: UInt = 0x4004_5431  // TIOCSPTLCK
    let getIndex: UInt = 0x8004_5430  // TIOCGPTN
    guard ioctl(keyboard.number, setLock, &locked) == 0, ioctl(keyboard.number, getIndex, &index) == 0 else {
      throw SystemCallError("ioctl")
    }
    path = "/dev/pts/\(index)"
    screen = Screen(rows: rows, columns: columns)
    try keyboard.setBlocking(false)
    try setSize(rows: rows, columns: columns)
  }

  /// Changes the window; the program gets SIGWINCH. What is on `screen` is not wrapped anew.
  package func resize(rows: Int, columns: Int) throws {
    try setSize(rows: rows, columns: columns)
    screen.resize(rows: rows, columns: columns)
  }

  private func setSize(rows: Int, columns: Int) throws {
    var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    guard ioctl(keyboard.number, UInt(TIOCSWINSZ), &size) == 0 else { throw SystemCallError("ioctl TIOCSWINSZ") }
  }

  /// Types as soon as the program itself reads the keys, so that the kernel echoes none of them besides.
  package func type(_ keys: String) throws { try type(Array(keys.utf8)) }

  package func type(_ keys: [UInt8]) throws {
    try waitForEditing()
    try typeAtOnce(keys)
  }

  /// Types whoever reads the keys: a program that asks for a line of its own.
  package func typeAtOnce(_ keys: String) throws { try typeAtOnce(Array(keys.utf8)) }

  private func typeAtOnce(_ keys: [UInt8]) throws {
    var typed = 0
    var deadline = Moment.now + limit
    while typed < keys.count {
      switch keys[typed...].withUnsafeBytes({ keyboard.write($0) }) {
      case .bytes(let count):
        typed += count
        deadline = .now + limit
      case .wouldBlock:
        readWhatIsThere()
        guard keyboard.wait(for: POLLOUT, until: deadline) else {
          throw TestFailure("typed \(typed) of \(keys.count) keys, and the program took no more for \(limit)")
        }
      case .ended: break
      case .failed(let error): throw error
      }
    }
  }

  /// Waits until the terminal has left line mode: from then on an editor gets each key.
  package func waitForEditing() throws {
    try eventually("the program to read single keys; the screen:\n\(screen.text)", within: limit) {
      readWhatIsThere()
      var modes = termios()
      guard tcgetattr(keyboard.number, &modes) == 0 else { throw SystemCallError("tcgetattr") }
      return modes.c_lflag & tcflag_t(ICANON | ECHO) == 0
    }
  }

  /// Whether the terminal shows what is typed.
  package var echoes: Bool {
    var modes = termios()
    return tcgetattr(keyboard.number, &modes) == 0 && modes.c_lflag & tcflag_t(ECHO) != 0
  }

  /// Waits until what is on the screen satisfies `condition`.
  package func waitForScreen(_ what: String, _ condition: (Screen) -> Bool) throws {
    try eventually("\(what); the screen:\n\(screen.text)", within: limit) {
      readWhatIsThere()
      return condition(screen)
    }
  }

  /// Waits until some row of the screen is `line`.
  package func waitForLine(_ line: String) throws {
    try waitForScreen("the line \(line.debugDescription)") { $0.lines.contains(line) }
  }

  /// Takes in what programs have written by now, without waiting.
  package func readWhatIsThere() {
    while true {
      let outcome = withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 1) { buffer in
        let outcome = keyboard.read(into: buffer)
        if case .bytes(let count) = outcome {
          bytes.append(contentsOf: buffer[..<count])
          screen.show(buffer[..<count])
        }
        return outcome
      }
      // The kernel answers EIO once no program has the terminal open; what was written before comes first.
      guard case .bytes = outcome else { return }
    }
  }
}
