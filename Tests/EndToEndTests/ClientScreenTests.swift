import Glibc
import TestSupport
import Testing

/// The screen as a person sees it, in a real terminal of two sizes and with two kinds of locale.
@Suite(.timeLimit(.minutes(3))) struct ClientScreenTests {
  static let settings: [(rows: Int, columns: Int, locale: String)] = [
    (24, 80, "C.UTF-8"), (5, 20, "C.UTF-8"), (24, 80, "C"), (5, 20, "C"),
  ]

  @Test(arguments: settings)
  func `What arrives leaves a half-typed line as it is, also when the window changes`(
    rows: Int, columns: Int, locale: String
  ) throws {
    let server = try ScriptedServer()
    let directory = try TemporaryDirectory()
    let terminal = try Tmux(
      rows: rows, columns: columns,
      running: "tty > \(directory.file("tty")); \(try Program.built("mychatclient")) \(server.port)",
      environment: ["TERM": "tmux-256color", "LANG": locale, "LC_ALL": locale])
    let connection = try server.accept()
    try terminal.waitForEditing()
    let half = "a 漢字 line with ümlauts, 🎉 of three rows of twenty"
    try terminal.type(half)
    let long = "9: " + String(repeating: "word 語 ", count: 20) + "end"
    try connection.send(long + "\n")
    try expect(terminal, ["Connected to chat server. Type 'exit' to leave.", long, half])
    let sizes = [(rows + 2, columns * 2), (rows, columns), (rows, columns - 3), (rows + 1, columns)]
    for (newRows, newColumns) in sizes {
      try terminal.resize(rows: newRows, columns: newColumns)
      // A terminal shows its new size before it tells it; what is written in between is written for the old one.
      try eventually("the size to be told") { try width(ofTerminalNamedIn: directory.file("tty")) == newColumns }
      try connection.send("9: \(newRows) by \(newColumns)\n")
      // The line alone may fill the screen, and the message stand above it.
      try eventually("the message") { try terminal.lines().contains("9: \(newRows) by \(newColumns)") }
    }
    try terminal.type("!")
    let messages = sizes.map { "9: \($0.0) by \($0.1)" }
    try expect(terminal, ["Connected to chat server. Type 'exit' to leave.", long] + messages + [half + "!"])
    try terminal.press("Enter")
    try connection.expect(half + "!\n")
  }

  private func width(ofTerminalNamedIn file: String) throws -> Int {
    let name = try Program(Program.found("cat"), [file])
    try name.waitForExit()
    let number = open(name.outputLines.first ?? "", O_RDWR | O_NOCTTY | O_CLOEXEC)
    defer { close(number) }
    var size = winsize()
    guard ioctl(number, UInt(TIOCGWINSZ), &size) == 0 else { throw TestFailure("no terminal") }
    return Int(size.ws_col)
  }

  /// Waits until the terminal's lines, scrolled off or not, are these.
  private func expect(_ terminal: Tmux, _ lines: [String]) throws {
    var last: [String] = []
    do {
      try eventually("the screen") {
        last = try terminal.lines()
        while last.last == "" { last.removeLast() }
        return last == lines
      }
    } catch {
      #expect(last == lines)
    }
  }
}
