import TestSupport
import Testing

/// The screen as a person sees it, in a real terminal of two sizes and with two kinds of locale.
@Suite(.timeLimit(.minutes(10))) struct ClientScreenTests {
  static let settings: [(rows: Int, columns: Int, locale: String)] = [
    (24, 80, "C.UTF-8"), (5, 20, "C.UTF-8"), (24, 80, "C"), (5, 20, "C"),
  ]

  @Test(arguments: settings)
  func `What arrives leaves a half-typed line as it is, also when the window changes`(
    rows: Int, columns: Int, locale: String
  ) throws {
    let server = try ScriptedServer()
    let terminal = try Tmux(
      rows: rows, columns: columns,
      running: "\(try Program.built("mychatclient")) \(server.port)",
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
      try connection.send("9: \(newRows) by \(newColumns)\n")
      // The line alone may fill the screen, and the message stand above it.
      try eventually("the message") { try terminal.lines().contains("9: \(newRows) by \(newColumns)") }
    }
    try terminal.type("!")
    let messages = sizes.map { "9: \($0.0) by \($0.1)" }
    try expect(terminal, ["Connected to chat server. Type 'exit' to leave.", long] + messages + [half + "!"])
    try terminal.press("Enter")
    try connection.expectAll(half + "!\n")
  }

  @Test func `A line at the top of the screen leaves no copies of itself in the scrollback`() throws {
    let server = try ScriptedServer()
    let terminal = try Tmux(
      rows: 24, columns: 80, running: "\(try Program.built("mychatclient")) \(server.port)",
      environment: ["TERM": "tmux-256color"])
    let connection = try server.accept()
    try terminal.waitForEditing()
    try terminal.type("abc")
    try expect(terminal, ["Connected to chat server. Type 'exit' to leave.", "abc"])
    try terminal.press("C-l")
    try terminal.waitForRows("a clear screen but for the line") { $0.first == "abc" }
    try terminal.press("C-a")
    // One by one, so that each is an update of its own.
    for text in ["xabc", "xxabc", "xxxabc"] {
      try terminal.type("x")
      try terminal.waitForRows("the line") { $0.first == text }
    }
    try connection.send("9: hi\n")
    try expect(terminal, ["Connected to chat server. Type 'exit' to leave.", "abc", "9: hi", "xxxabc"])
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
