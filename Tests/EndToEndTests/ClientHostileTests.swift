import Glibc
import TestSupport
import Testing

/// Whatever a server sends, nothing of it acts on who reads it: on a terminal, in a pipe and as JSON.
@Suite(.timeLimit(.minutes(10))) struct ClientHostileTests {
  /// Every sequence as a message of its own, then a line that says that it was the last.
  private let lines: [[UInt8]]
  private let names: [String]

  init() {
    var random = SeededRandom.printed(for: "hostile sequences")
    let named = HostileSequence.named
    let generated = HostileSequence.generated(10_000, using: &random)
    names = named.map(\.name) + generated.map { "generated \($0)" }
    lines = (named.map(\.bytes) + generated).enumerated().map { Array("9: \($0) ".utf8) + $1 + Array(".".utf8) }
  }

  /// All lines and the last, in pieces of whole lines: on a busy machine a line that is sent in two parts may pause for longer
  /// than a client waits.
  private var pieces: [[UInt8]] {
    let all = lines.map { $0 + [0x0A] } + [Array("9: the last\n".utf8)]
    return stride(from: 0, to: all.count, by: 500).map { all[$0..<min(all.count, $0 + 500)].flatMap(\.self) }
  }

  /// The shown lines have to be as many as were sent, and harmless; in a pipe a TAB passes.
  private func expectHarmless(_ text: String, isJSON: Bool = false, isPiped: Bool = false) {
    #expect(HostileSequence.named.count >= 300)
    let shown = text.split(separator: "\n", omittingEmptySubsequences: false)
    let messages = shown.filter { isJSON ? $0.contains("\"kind\":\"message\"") : $0.hasPrefix("9: ") }
    #expect(messages.count == lines.count + 1)
    for (index, line) in messages.enumerated() {
      let odd = line.unicodeScalars.first {
        switch $0.value {
        case 0x09: !isPiped || isJSON
        case 0..<0x20, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
      }
      #expect(odd == nil, "\(index < names.count ? names[index] : "the last"): \(line.debugDescription)")
    }
  }

  @Test(arguments: [(24, 80, "C.UTF-8"), (5, 20, "C")]) func `On a terminal`(
    rows: Int, columns: Int, locale: String
  ) throws {
    let server = try ScriptedServer()
    let terminal = try Pty(rows: rows, columns: columns)
    let client = try Program(
      built: "mychatclient", [String(server.port)], environment: ["LANG": locale, "LC_ALL": locale], on: terminal)
    let connection = try server.accept()
    try terminal.waitForEditing()
    for piece in pieces {
      try connection.send(piece)
      terminal.readWhatIsThere()
    }
    let last = Array(": the last".utf8)
    try eventually("the last line") {
      terminal.readWhatIsThere()
      return terminal.bytes.suffix(40).count == 40 && contains(terminal.bytes.suffix(40), last)
    }
    #expect(try connection.peek() == [], "something was typed back")
    let text = withoutColours(terminal.bytes).replacing("\r\n", with: "\n").replacing("\u{1B}[?2004h", with: "")
    #expect(!text.contains("\u{1B}"))
    expectHarmless(text)
    client.signal(SIGTERM)
  }

  @Test(arguments: [false, true], ["C.UTF-8", "C"]) func `In a pipe and as JSON`(isJSON: Bool, locale: String) throws {
    let server = try ScriptedServer()
    let client = try Program(
      built: "mychatclient", [String(server.port)] + (isJSON ? ["--json"] : []),
      environment: ["LANG": locale, "LC_ALL": locale])
    let connection = try server.accept()
    for piece in pieces {
      try connection.send(piece)
      client.readWhatIsThere()
    }
    connection.close()
    #expect(try client.waitForExit() == .status(1))
    #expect(String(validating: client.output, as: UTF8.self) != nil)
    expectHarmless(String(decoding: client.output, as: UTF8.self), isJSON: isJSON, isPiped: true)
  }

  @Test func `A real terminal stays as it was, and answers nothing`() throws {
    let server = try ScriptedServer()
    let terminal = try Tmux(
      rows: 24, columns: 80, running: "\(try Program.built("mychatclient")) \(server.port)",
      environment: ["TERM": "tmux-256color"])
    let connection = try server.accept()
    try terminal.waitForEditing()
    let named = HostileSequence.named.map(\.bytes)
    try connection.send(named.flatMap { Array("9: ".utf8) + $0 + [0x0A] } + Array("9: the last\n".utf8))
    try terminal.waitForRows("the last line") { $0.contains("9: the last") }
    try terminal.type("typed")
    try terminal.waitForRows("what is typed, below it") {
      $0.filter { !$0.isEmpty }.suffix(2) == ["9: the last", "typed"]
    }
    try terminal.press("Enter")
    try connection.expectAll("typed\n")
  }

  @Test(arguments: ["HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}F"])
  func `A peer that is no chat server is shown safely`(junk: String) throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port)])
    let connection = try server.accept()
    try connection.send(junk)
    connection.close()
    #expect(try client.waitForExit() == .status(1))
    #expect((client.output + client.errors).allSatisfy { $0 >= 0x20 || $0 == 0x0A })
    #expect(client.errorLines.last?.hasPrefix("[ERROR] 127.0.0.1:\(server.port) ") == true)
  }

  /// `bytes` as text without colours.
  private func withoutColours(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self).replacing(/\u{1B}\[[0-9;]*m/, with: "")
  }

  private func contains(_ bytes: ArraySlice<UInt8>, _ part: [UInt8]) -> Bool {
    bytes.indices.contains { bytes[$0...].starts(with: part) }
  }
}
