import TestSupport
import Testing

/// A half-typed line of several rows, with wide characters and an emoji, on a real terminal.
@Suite(.timeLimit(.minutes(10))) struct WrappedLineTests {
  static let windows = [(rows: 24, columns: 80), (rows: 10, columns: 40)]
  private let greeting = "Connected to chat server. Type 'exit' to leave."
  private let before = "Let me tell you: 日本語のテキストは幅が広いので、行の折り返しが難しい 👍 and that is "
  private let middle = "right here 真ん中に入れた 🎉 "
  private let after = "why this line, which spans several rows even on a wide terminal, is so good a test for us 終わり"

  @Test(arguments: windows) func `Messages leave it as it was, and the whole line is sent`(
    rows: Int, columns: Int
  ) throws {
    let server = try ServerProgram()
    let member = try server.join()
    let client = try Program.built("mychatclient")
    let tmux = try Tmux(rows: rows, columns: columns, running: "\(client) \(server.port); echo status $?")
    let port = try server.nextPort()
    try tmux.waitForEditing()

    try tmux.type(before + after)
    try expect(tmux, rows, columns, [greeting, before + after], cursorAt: [greeting, before + after])
    try tmux.press(Array(repeating: "Left", count: after.count))
    try expect(tmux, rows, columns, [greeting, before + after], cursorAt: [greeting, before])

    let messages = ["one", "two: 長いメッセージも来る、折り返すほど長いもの、ほら、まだ続く 👋 wide and long", "three"]
    var screen = [greeting]
    for message in messages {
      try member.send(message + "\n")
      screen.append("\(member.localPort): \(message)")
    }
    try expect(tmux, rows, columns, screen + [before + after], cursorAt: screen + [before])

    try tmux.type(middle)
    try expect(
      tmux, rows, columns, screen + [before + middle + after], cursorAt: screen + [before + middle])

    try tmux.press("Enter")
    try member.expect("\(port): \(before + middle + after)")
    try expect(
      tmux, rows, columns, screen + [before + middle + after, ""],
      cursorAt: screen + [before + middle + after, ""])

    try member.send("four\n")
    try expect(
      tmux, rows, columns, screen + [before + middle + after, "\(member.localPort): four", ""],
      cursorAt: screen + [before + middle + after, "\(member.localPort): four", ""])
    try tmux.type("exit")
    try tmux.press("Enter")
    try tmux.waitForRows("the client to end") { $0.contains("status 0") }
  }

  @Test func `A window that changes its width leaves the line whole`() throws {
    let server = try ServerProgram()
    let member = try server.join()
    let client = try Program.built("mychatclient")
    let tmux = try Tmux(rows: 24, columns: 80, running: "\(client) \(server.port)")
    let port = try server.nextPort()
    try tmux.waitForEditing()

    try tmux.type(before + after)
    try tmux.press(Array(repeating: "Left", count: after.count))
    // As after a while of chatting: the line is at the bottom. At the top, what a narrower window pushes off is out of reach.
    try member.send((0..<30).map { "\($0)\n" }.joined())
    let whole = wrapped(before + after, to: 80).map(withoutTrailingSpaces)
    try tmux.waitForRows("the line below the last message") { rows in
      guard let last = rows.firstIndex(of: "\(member.localPort): 29") else { return false }
      return Array(rows[(last + 1)...].prefix { !$0.isEmpty }) == whole
    }
    for columns in [40, 61, 100] {
      try tmux.resize(rows: 24, columns: columns)
      let line = wrapped(before + after, to: columns).map(withoutTrailingSpaces)
      let cursor = wrapped(before, to: columns)
      try eventually("the line in a window of \(columns) columns") {
        let rows = try tmux.rows()
        let place = try tmux.cursor()
        let top = place.row - (cursor.count - 1)
        return top >= 0 && Array(rows[top...].prefix { !$0.isEmpty }) == line
          && place.column == (cursor.last ?? "").map(columnCount).reduce(0, +)
          && !rows[..<top].contains { $0.hasPrefix("Let me") }
      }
      try member.send("at \(columns)\n")
      try tmux.waitForRows("the message above the line") { rows in
        guard let top = rows.firstIndex(of: "\(member.localPort): at \(columns)") else { return false }
        return Array(rows[(top + 1)...].prefix { !$0.isEmpty }) == line
      }
    }
    try tmux.type(middle)
    try tmux.press("Enter")
    try member.expect("\(port): \(before + middle + after)")
  }

  /// Where such a line ends, some terminals and editors leave an empty row: that is left out of account.
  @Test(arguments: windows) func `A line that ends at the last column is no trouble`(rows: Int, columns: Int) throws {
    let server = try ServerProgram()
    let member = try server.join()
    let client = try Program.built("mychatclient")
    let tmux = try Tmux(rows: rows, columns: columns, running: "\(client) \(server.port); echo status $?")
    let port = try server.nextPort()
    try tmux.waitForEditing()

    var screen = [greeting]
    func expectScreen() throws {
      let expected = screen.flatMap { wrapped($0, to: columns) }.map(withoutTrailingSpaces)
      try tmux.waitForRows("the rows\n\(expected.joined(separator: "\n"))\n") { rows in
        let shown = rows.filter { !$0.isEmpty }
        return shown.count >= min(expected.count, rows.count / 2) && shown == expected.suffix(shown.count)
      }
    }
    for character in ["a", "あ"] {
      let line = String(repeating: character, count: character == "a" ? columns : columns / 2)
      try tmux.type(line)
      screen.append(line)
      try expectScreen()
      try member.send("in between\n")
      screen.insert("\(member.localPort): in between", at: screen.count - 1)
      try expectScreen()
      try tmux.press("Enter")
      try member.expect("\(port): \(line)")
      try member.send("behind\n")
      screen.append("\(member.localPort): behind")
      try expectScreen()
    }
  }

  /// Waits until the screen is exactly what `lines` give when a terminal of this size wraps them.
  /// - Parameter upToCursor: the lines as far as the cursor.
  private func expect(
    _ tmux: Tmux, _ rows: Int, _ columns: Int, _ lines: [String], cursorAt upToCursor: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let all = lines.flatMap { wrapped($0, to: columns) }
    let expected = all.suffix(rows) + Array(repeating: "", count: max(0, rows - all.count))
    do {
      try tmux.waitForRows("the screen\n\(expected.joined(separator: "\n"))\n") {
        $0 == expected.map(withoutTrailingSpaces)
      }
      let upTo = upToCursor.flatMap { wrapped($0, to: columns) }
      let place = (
        row: upTo.count - 1 - max(0, all.count - rows), column: (upTo.last ?? "").map(columnCount).reduce(0, +)
      )
      var cursor = place
      try eventually("the cursor at \(place), it is at \(cursor)") {
        cursor = try tmux.cursor()
        return cursor == place
      }
    } catch {
      Issue.record("\(error)", sourceLocation: sourceLocation)
      throw error
    }
  }
}
