import ChatWire
import Glibc
import TestSupport
import Testing

/// Pasted blocks that come while something else goes on.
@Suite(.timeLimit(.minutes(3))) struct ClientPasteTests {
  private let server: ServerProgram
  private let member: Dialogue
  private let directory: TemporaryDirectory
  private let terminal: Pty

  init() throws {
    server = try ServerProgram()
    member = try server.join()
    directory = try TemporaryDirectory()
    terminal = try Pty()
  }

  private func start(settings: String? = nil, _ options: [String] = []) throws -> (Program, port: UInt16) {
    if let settings {
      let file = FileDescriptor(owning: open(directory.file(".editrc"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
      #expect(StandardOutput.write(settings, to: file.number) == nil)
    }
    let client = try Program(
      built: "mychatclient", [String(server.port)] + options,
      environment: ["HOME": directory.path, "XDG_STATE_HOME": directory.path], on: terminal)
    return (client, try server.nextPort())
  }

  private func paste(_ text: String) -> String { "\u{1B}[200~\(text)\u{1B}[201~" }

  @Test(arguments: [
    ("bind -e\n", "\u{1B}x", "word"), ("bind -v\n", "half\u{1B}/", "word"), ("bind -v\n", "half\u{1B}?", "word"),
    ("bind -e\n", "half\u{16}", "halfword"), ("bind -e\n", "half\u{1B}", "halfword"),
  ])
  func `A block that comes while libedit asks for something becomes text of the line`(
    settings: String, keys: String, line: String
  ) throws {
    let (client, port) = try start(settings: settings)
    // Apart, or ESC and the block would be one key.
    try terminal.type(keys)
    try terminal.type(paste("word"))
    try terminal.waitForScreen("the word in the line") { $0.lines.last?.hasSuffix("word") == true }
    try terminal.type("\r")
    try member.expect("\(port): \(line)")
    client.signal(SIGTERM)
    #expect(try client.waitForExit() == .signal(SIGTERM))
  }

  @Test(arguments: [("bind -e\n", "\u{1B}x", ":"), ("bind -v\n", "half\u{1B}/", "/")])
  func `A signal ends the client also while libedit asks for something`(
    settings: String, keys: String, question: String
  ) throws {
    let (client, _) = try start(settings: settings)
    try terminal.type(keys)
    try terminal.waitForScreen("the question") { $0.lines.last?.hasPrefix(question) == true }
    client.signal(SIGTERM)
    #expect(try client.waitForExit() == .signal(SIGTERM))
  }

  @Test func `Pasted blocks are marked again after a pause, and not meanwhile`() throws {
    // As bash does, the shell in between wants no marks of its own when it goes on with the client.
    let command = "'\(try Program.built("mychatclient"))' \(server.port); printf 'stopped\\033[?2004l\\n'; fg"
    let shell = try Program(
      "/bin/sh", ["-m", "-c", command], input: .terminal(terminal), output: .terminal(terminal),
      errors: .terminal(terminal))
    let port = try server.nextPort()
    try terminal.type("half\u{1A}")
    try terminal.waitForLine("stopped")
    try terminal.type(paste("way\r"))
    try member.expect("\(port): halfway")
    let (on, off) = ("\u{1B}[?2004h", "\u{1B}[?2004l")
    let output = String(decoding: terminal.bytes, as: UTF8.self)
    #expect(output.matches(of: /\x1B\[\?2004[hl]/).map { String($0.output) } == [on, off, off, on])
    try terminal.type("exit\r")
    #expect(try shell.waitForExit() == .status(0))
  }
}
