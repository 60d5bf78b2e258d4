import Glibc

/// A real terminal with one program in it: a tmux server of its own with one window, driven by keys and looked at row by row.
/// It shows wide characters, emoji and wrapped lines as a terminal does. For one test on one thread; it ends with its owner.
package final class Tmux {
  private let tmux: String
  /// Holds tmux's socket, so that no other tmux is touched.
  private let directory: TemporaryDirectory
  package var limit = generousLimit

  /// Runs `command`, one shell command line, in a window of this size without a status line. When it has ended, what is on
  /// the screen stays. Its exit status is best shown by the command line itself: tmux 3.3 does not always learn of it.
  package init(rows: Int, columns: Int, running command: String, environment: [String: String] = [:]) throws {
    tmux = try Program.found("tmux")
    directory = try TemporaryDirectory()
    var arguments = ["set-option", "-g", "status", "off", ";", "set-option", "-g", "remain-on-exit", "on", ";"]
    arguments += ["set-option", "-g", "history-limit", "10000", ";", "new-session", "-d"]
    arguments += ["-x", String(columns), "-y", String(rows)]
    for (name, value) in environment { arguments += ["-e", "\(name)=\(value)"] }
    try run(["-f", "/dev/null"] + arguments + [command])
  }

  deinit { _ = try? run(["kill-server"]) }

  /// Types `text` as it stands.
  package func type(_ text: String) throws { try run(["send-keys", "-l", "--", text]) }

  /// Presses keys by tmux's names, as in `Left`, `Enter`, `C-a`.
  package func press(_ keys: String...) throws { try press(keys) }
  package func press(_ keys: [String]) throws { try run(["send-keys"] + keys) }

  /// Pastes `text`, as a person does with the mouse.
  package func paste(_ text: String) throws {
    try run(["set-buffer", "--", text, ";", "paste-buffer"])
  }

  /// Changes the window, and waits until its program can know: tmux shows the new size before it tells it.
  package func resize(rows: Int, columns: Int) throws {
    try startResizing(rows: rows, columns: columns)
    try withTerminal { terminal in
      try eventually("tmux to tell the size", within: limit) {
        var size = winsize()
        return ioctl(terminal, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row == rows && size.ws_col == columns
      }
    }
  }

  /// Changes the window, of which its program may hear a while later.
  package func startResizing(rows: Int, columns: Int) throws {
    try run(["resize-window", "-x", String(columns), "-y", String(rows)])
  }

  /// The rows of the screen from the top, without blanks at their ends.
  package func rows() throws -> [String] { try Self.lines(run(["capture-pane", "-p"])) }

  /// All lines, those that have scrolled off the top too. A line that the terminal wrapped counts once.
  package func lines() throws -> [String] { try Self.lines(run(["capture-pane", "-p", "-J", "-S", "-"])) }

  /// Where the cursor is, from 0.
  package func cursor() throws -> (row: Int, column: Int) {
    let answer = try run(["display-message", "-p", "#{cursor_y} #{cursor_x}"])
    let numbers = answer.split(separator: " ").compactMap { Int($0) }
    guard numbers.count == 2 else { throw TestFailure("tmux does not say where the cursor is") }
    return (numbers[0], numbers[1])
  }

  /// Waits until the rows of the screen satisfy `condition`.
  package func waitForRows(_ what: String, _ condition: ([String]) -> Bool) throws {
    var last: [String] = []
    do {
      try eventually(what, within: limit) {
        last = try rows()
        return condition(last)
      }
    } catch {
      throw TestFailure("\(error); the screen:\n\(last.joined(separator: "\n"))")
    }
  }

  /// Waits until the program itself reads the keys: what is typed before is echoed by the kernel besides.
  package func waitForEditing() throws {
    try withTerminal { terminal in
      try eventually("the program in tmux to read single keys", within: limit) {
        var modes = termios()
        return tcgetattr(terminal, &modes) == 0 && modes.c_lflag & tcflag_t(ICANON | ECHO) == 0
      }
    }
  }

  /// Waits until the program has read all that was typed.
  package func waitForKeysToBeRead() throws {
    try withTerminal { terminal in
      try eventually("the program in tmux to read its keys", within: limit) {
        var waiting: CInt = 0
        return ioctl(terminal, UInt(FIONREAD), &waiting) == 0 && waiting == 0
      }
    }
  }

  /// Opens the terminal as its program has it.
  private func withTerminal(_ body: (CInt) throws -> Void) throws {
    let terminal = open(try run(["display-message", "-p", "#{pane_tty}"]), O_RDWR | O_NOCTTY | O_CLOEXEC)
    defer { close(terminal) }
    try body(terminal)
  }

  /// One tmux command, or several with `;` between them.
  /// - Returns: what it printed, without the last newline.
  @discardableResult
  private func run(_ arguments: [String]) throws -> String {
    let program = try Program(
      tmux, ["-u", "-L", "test"] + arguments, environment: ["TMUX_TMPDIR": directory.path, "SHELL": "/bin/sh"],
      input: .nothing)
    guard try program.waitForExit() == .status(0) else {
      throw TestFailure("tmux \(arguments.joined(separator: " ")): \(shown(program.errors))")
    }
    let output = String(decoding: program.output, as: UTF8.self)
    return output.hasSuffix("\n") ? String(output.dropLast()) : output
  }

  private static func lines(_ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).map(withoutTrailingSpaces)
  }
}
