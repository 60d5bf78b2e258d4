import TestSupport
import Testing

/// Random typing in the middle of a long line with wide characters, while messages come: after every step the terminal has to
/// show what a naive model says, and at the end the server has to get it.
@Suite(.timeLimit(.minutes(10))) struct RandomEditingTests {
  private static let alphabet = Array("ab cd éß日本語👍 ")
  private static let columns = 40
  private static let rows = 12

  @Test func `Whatever is typed, the screen shows it and the server gets it`() throws {
    var random = SeededRandom.printed(for: "Editing")
    let server = try ServerProgram()
    let member = try server.join()
    let client = try Program.built("mychatclient")
    let tmux = try Tmux(rows: Self.rows, columns: Self.columns, running: "\(client) \(server.port)")
    let port = try server.nextPort()
    try tmux.waitForEditing()

    var said = ["Connected to chat server. Type 'exit' to leave."]
    var line: [Character] = []
    var cursor = 0
    for step in 0..<60 {
      let count = Int.random(in: 1...25, using: &random)
      switch Int.random(in: 0..<9, using: &random) {
      case 0...2 where line.count < 120:
        let text = (0..<count).map { _ in Self.alphabet.randomElement(using: &random)! }
        try tmux.type(String(text))
        line.insert(contentsOf: text, at: cursor)
        cursor += count
      case 3:
        try tmux.press("C-a")
        cursor = 0
      case 4:
        try tmux.press("C-e")
        cursor = line.count
      case 5:
        let deleted = min(cursor, count)
        if deleted > 0 { try tmux.press(Array(repeating: "BSpace", count: deleted)) }
        line.removeSubrange(cursor - deleted..<cursor)
        cursor -= deleted
      case 6:
        let text = "x" + String((0..<count).map { _ in Self.alphabet.randomElement(using: &random)! }) + "x"
        try member.send(text + "\n")
        said.append("\(member.localPort): \(text)")
      default:
        try tmux.press(Array(repeating: "Left", count: count))
        cursor = max(0, cursor - count)
      }
      try expect(said + [String(line)], in: tmux, "after step \(step), seed \(random.seed)")
    }
    try tmux.press("C-e")
    try tmux.type("end")
    try tmux.press("Enter")
    try member.expect("\(port): \(String(line))end")
  }

  /// The screen has to show the last rows of `lines`; some may have scrolled off it when the line was longer.
  private func expect(_ lines: [String], in tmux: Tmux, _ when: String) throws {
    var rows = lines.flatMap { wrapped($0, to: Self.columns) }.map(withoutTrailingSpaces)
    while rows.last == "" { rows.removeLast() }
    try tmux.waitForRows("the rows\n\(rows.joined(separator: "\n"))\n\(when)") { screen in
      let shown = screen.reversed().drop { $0.isEmpty }.reversed()
      return shown.count >= min(rows.count, 3) && Array(shown) == rows.suffix(shown.count)
    }
  }
}
