import ChatWire
import Glibc
import TestSupport
import Testing

/// Pasted blocks that come while something else goes on.
@Suite(.timeLimit(.minutes(10))) struct ClientPasteTests {
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

  private func start(_ options: [String] = [], settings: String? = nil) throws -> (Program, port: UInt16) {
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
    try terminal.type(paste("way") + "\r")
    try member.expect("\(port): halfway")
    let (on, off) = ("\u{1B}[?2004h", "\u{1B}[?2004l")
    let output = String(decoding: terminal.bytes, as: UTF8.self)
    #expect(output.matches(of: /\x1B\[\?2004[hl]/).map { String($0.output) } == [on, off, off, on])
    try terminal.type("exit\r")
    #expect(try shell.waitForExit() == .status(0))
  }

  private let block = (1...6).map { "line \($0)" }.joined(separator: "\r")

  @Test(arguments: ["é", "\u{3}", "\u{1B}", "\u{1B}[A\u{1B}[1;2Dn"])
  func `Any other key than y but an arrow says no, and is nothing else`(key: String) throws {
    let (client, port) = try start()
    try terminal.type("half" + paste(block))
    try terminal.waitForLine("Send 6 lines? [y/N]")
    try terminal.type(key)
    try terminal.waitForScreen("the half line") { $0.lines.suffix(2) == ["[NOT SENT] 6 lines", "half"] }
    try terminal.type("!\r")
    try member.expect("\(port): half!")
    client.signal(SIGTERM)
  }

  @Test func `A single line with its newline stays to be edited, as in bash`() throws {
    let (client, port) = try start()
    try terminal.type("a" + paste("b\r") + "c" + paste("\r") + paste("d\r\n") + "!\r")
    try member.expect("\(port): abcd!")
    client.signal(SIGTERM)
  }

  @Test func `A block that comes while another is asked about is asked about with it`() throws {
    let (client, port) = try start()
    for answer in ["n", "y"] {
      try terminal.type(paste(block + "\r"))
      try terminal.waitForScreen("a question") { $0.lines.last == "Send 6 lines? [y/N]" }
      try terminal.type(paste(block))
      try terminal.waitForScreen("a question") { $0.lines.last == "Send 12 lines? [y/N]" }
      try terminal.type(answer)
    }
    for number in 0..<12 { try member.expect("\(port): line \(number % 6 + 1)") }
    try terminal.type("more\r")
    try member.expect("\(port): more")
    client.signal(SIGTERM)
  }

  @Test func `A block that comes slowly stays one, whatever happens meanwhile`() throws {
    let (client, port) = try start()
    let whole = paste(block)
    let middle = whole.index(whole.startIndex, offsetBy: 20)
    try terminal.type(String(whole[..<middle]))
    for columns in [60, 80] {
      try terminal.resize(rows: 24, columns: columns)
      client.signal(SIGWINCH)
    }
    try member.send("meanwhile\n")
    try terminal.waitForLine("\(member.localPort): meanwhile")
    try terminal.type(String(whole[middle...]))
    try terminal.waitForLine("Send 6 lines? [y/N]")
    try terminal.type("y")
    for number in 1...6 { try member.expect("\(port): line \(number)") }
    try terminal.type(String(whole[..<middle]))
    client.signal(SIGTERM)
    #expect(try client.waitForExit() == .signal(SIGTERM))
  }

  @Test func `Ctrl-C stops a block that is going out`() throws {
    let (client, port) = try start(["--no-paste-guard"])
    try terminal.type(paste(block) + "\u{3}")
    try member.expect("\(port): line 1")
    try terminal.type("after\r")
    try member.expect("\(port): after")
    client.signal(SIGTERM)
  }

  @Test(arguments: ["", "half"]) func `A block whose first line is empty is a block like any other`(typed: String)
    throws
  {
    let (client, port) = try start()
    try terminal.type(typed + paste("\r\rone\r") + paste("\n\n") + "two\r")
    if !typed.isEmpty { try member.expect("\(port): \(typed)") }
    try member.expect("\(port): one")
    try member.expect("\(port): two")
    try terminal.type("exit\r")
    #expect(try client.waitForExit() == .status(0))
  }

  @Test func `What follows exit in a pasted block is not sent, and is named`() throws {
    let (client, port) = try start()
    try terminal.type("behind\u{1}" + paste("one\rexit\rtwo\r\rthree\u{1B}[2J\rand "))
    try member.expect("\(port): one")
    #expect(try client.waitForExit() == .status(1))
    terminal.readWhatIsThere()
    #expect(
      terminal.screen.lines.suffix(4)
        == ["Disconnected from server", "[NOT SENT] two", "[NOT SENT] three^[[2J", "[NOT SENT] and behind"])
  }
}
