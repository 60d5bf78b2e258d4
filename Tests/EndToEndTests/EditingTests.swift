import Glibc
import TestSupport
import Testing

/// The keys of the client on a terminal.
@Suite(.timeLimit(.minutes(10))) struct EditingTests {
  private let server: ServerProgram
  private let member: Dialogue
  private let terminal: Pty
  private let client: Program
  private let port: UInt16
  private let greeting = "Connected to chat server. Type 'exit' to leave."

  init() throws {
    server = try ServerProgram()
    member = try server.join()
    terminal = try Pty()
    client = try Program(built: "mychatclient", [String(server.port)], on: terminal)
    port = try server.nextPort()
  }

  @Test func `Arrow up brings earlier lines back`() throws {
    try terminal.type("first\rsecond\r")
    try member.expect("\(port): first")
    try member.expect("\(port): second")
    try terminal.type("\u{1B}[A\u{1B}[A again\r")
    try member.expect("\(port): first again")
  }

  @Test func `The cursor moves within the line, and text is put in there`() throws {
    try terminal.type("ac\u{1B}[Db\u{1}>\u{5}<\r")
    try member.expect("\(port): >abc<")
  }

  @Test(arguments: ["\u{3}", "\u{4}"]) func `Ctrl-C and Ctrl-D on an empty line leave as exit does`(key: String) throws
  {
    try terminal.type(key)
    #expect(try client.waitForExit() == .status(0))
    terminal.readWhatIsThere()
    #expect(terminal.screen.lines == [greeting, "Disconnected from server"])
    try server.program.waitForLine("[('127.0.0.1', \(port))] Sent exit command.")
  }

  @Test func `Ctrl-C on a line clears it, and nothing of it is sent`() throws {
    try terminal.type("nobody shall see this")
    try terminal.waitForLine("nobody shall see this")
    try terminal.type("\u{3}")
    try terminal.type("better\r")
    try member.expect("\(port): better")
  }

  @Test func `A message leaves the half-typed line as it was`() throws {
    try terminal.type("half a li")
    try terminal.waitForLine("half a li")
    try member.send("one\ntwo\n")
    try terminal.waitForLine("\(member.localPort): two")
    try terminal.type("ne\r")
    try member.expect("\(port): half a line")
    try terminal.waitForLine("half a line")
    #expect(
      terminal.screen.lines == [greeting, "\(member.localPort): one", "\(member.localPort): two", "half a line"])
    #expect(terminal.screen.unknown == [])
  }

  @Test func `What others send cannot move the cursor or clear the screen`() throws {
    try member.send("\u{1B}[2J\u{1B}[Hgone\u{7}\n")
    try terminal.waitForLine("\(member.localPort): ^[[2J^[[Hgone^G")
    #expect(terminal.screen.lines == [greeting, "\(member.localPort): ^[[2J^[[Hgone^G"])
  }

  @Test func `Many lines pasted at once are all sent, in order`() throws {
    let lines = (0..<300).map { "pasted line \($0)" }
    try terminal.type(lines.joined(separator: "\r") + "\r")
    for line in lines { try member.expect("\(port): \(line)") }
  }

  @Test func `A prompt is shown when asked for`() throws {
    let terminal = try Pty()
    let client = try Program(built: "mychatclient", [String(server.port), "--prompt", "> "], on: terminal)
    let port = try server.nextPort()
    try terminal.type("hello\r")
    try member.expect("\(port): hello")
    try member.send("welcome\n")
    try terminal.waitForLine("\(member.localPort): welcome")
    try terminal.type("exit\r")
    #expect(try client.waitForExit() == .status(0))
    terminal.readWhatIsThere()
    #expect(
      terminal.screen.lines
        == [greeting, "> hello", "\(member.localPort): welcome", "> exit", "Disconnected from server"])
  }

  @Test func `The terminal gets its modes back`() throws {
    try terminal.type("exit\r")
    #expect(try client.waitForExit() == .status(0))
    let shell = try Program("/bin/sh", ["-c", "stty -a"], input: .terminal(terminal))
    try shell.waitForExit()
    let modes = Set(String(decoding: shell.output, as: UTF8.self).split { " ;\n".contains($0) })
    #expect(modes.isSuperset(of: ["icanon", "echo", "isig", "icrnl", "opost"]))
  }
}
