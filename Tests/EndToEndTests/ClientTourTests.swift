import TestSupport
import Testing

/// All that happens around a half-typed line, one thing after another: at the end a person sees every line once and whole, in
/// windows of two sizes, with two kinds of locale, and with the window changed in between.
@Suite(.timeLimit(.minutes(10))) struct ClientTourTests {
  private let greeting = "Connected to chat server. Type 'exit' to leave."

  @Test(arguments: ClientScreenTests.settings)
  func `Names, a pasted block, a search and a broken connection leave every line as it was`(
    rows: Int, columns: Int, locale: String
  ) throws {
    var server: ScriptedServer? = try ScriptedServer(port: #require(unusedFixedPort()))
    let port = try #require(server?.port)
    let terminal = try Tmux(
      rows: rows, columns: columns,
      running: "\(try Program.built("mychatclient")) --reconnect --no-history \(port)",
      environment: ["TERM": "tmux-256color", "LANG": locale, "LC_ALL": locale])
    var connection = try #require(try server?.accept())
    try terminal.waitForEditing()
    var seen = [greeting, "anna: hi", "anne: 漢字 and 🎉 on a line of more than twenty columns"]
    try connection.send(seen.dropFirst().joined(separator: "\n") + "\n")
    try expect(terminal, seen)

    try terminal.type("ann\t")
    seen.append("anna  anne")
    try expect(terminal, seen + ["ann"])
    try terminal.type("a\t")
    let line = "anna: ümlauts and 語 on the other side"
    try terminal.type(String(line.dropFirst(6)))
    try expect(terminal, seen + [line])

    try terminal.type("\u{1B}[200~" + (1...6).map { "pasted \($0)\r" }.joined() + "\u{1B}[201~")
    try expect(terminal, seen + ["Send 6 lines? [y/N]"])
    for (newRows, newColumns) in [(rows + 1, columns * 2), (rows, columns)] {
      try terminal.resize(rows: newRows, columns: newColumns)
      try connection.send("bob: \(newRows) by \(newColumns)\n")
      seen.append("bob: \(newRows) by \(newColumns)")
      try expect(terminal, seen + ["Send 6 lines? [y/N]"])
    }
    try terminal.type("n")
    seen.append("[NOT SENT] 6 lines")
    try expect(terminal, seen + [line])
    try terminal.press("Enter")
    // At the first Tab the client has asked who is here.
    try connection.expect("\t \t")
    try connection.expectAll(line + "\n")
    seen.append(line)

    try terminal.press("C-r")
    try terminal.type("other")
    try expect(terminal, seen + [line, "bck:other"])
    try terminal.press("C-e")
    try terminal.type("!")
    try expect(terminal, seen + [line + "!"])
    try terminal.press("Enter")
    try connection.expectAll(line + "\n" + line + "!\n")
    seen.append(line + "!")

    try terminal.type("half")
    try expect(terminal, seen + ["half"])
    server = nil
    connection.close()
    try eventually("to be told") { try terminal.lines().contains { $0.contains("Trying again") } }
    try terminal.type(" a")
    server = try ScriptedServer(port: port)
    connection = try #require(try server?.accept())
    seen += [line, line + "!"].map { "[UNCERTAIN] This line may or may not have arrived: \($0)" }
    seen.append("[RECONNECTED] Connected to chat server again.")
    try expect(terminal, seen + ["half a"])
    try terminal.type(" line")
    try terminal.press("Enter")
    try connection.expectAll("half a line\n")
    try expect(terminal, seen + ["half a line"])
  }

  /// Waits until the terminal's lines, scrolled off or not, are these.
  private func expect(_ terminal: Tmux, _ lines: [String], sourceLocation: SourceLocation = #_sourceLocation) throws {
    var last: [String] = []
    do {
      try eventually("the screen") {
        last = try terminal.lines()
        while last.last == "" { last.removeLast() }
        return last == lines
      }
    } catch {
      #expect(last == lines, sourceLocation: sourceLocation)
      throw error
    }
  }
}
