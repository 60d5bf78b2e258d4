import Glibc
import TestSupport
import Testing

/// `--plain`: a terminal that only shows text, as a screen reader has it read.
@Suite(.timeLimit(.minutes(10))) struct ClientPlainTests {
  private let server: ServerProgram
  private let member: Dialogue
  private let terminal: Pty
  private let client: Program
  private let port: UInt16

  init() throws {
    server = try ServerProgram()
    member = try server.join()
    terminal = try Pty(rows: 5, columns: 20)
    client = try Program(
      built: "mychatclient", [String(server.port), "--plain"], environment: ["TERM": "dumb"], on: terminal)
    port = try server.nextPort()
  }

  private func finish() throws {
    try terminal.type("exit\r")
    #expect(try client.waitForExit() == .status(0))
    terminal.readWhatIsThere()
    #expect(!terminal.bytes.contains(0x1B))
  }

  @Test func `What arrives waits until the line is entered, and is then shown in order`() throws {
    try terminal.type("half")
    try terminal.waitForLine("half")
    try member.send("one\ntwo\n")
    try server.program.waitForLine("[('127.0.0.1', \(member.localPort))] Relaying message: \(member.localPort): two")
    try terminal.type(" line\r")
    try member.expect("\(port): half line")
    try terminal.waitForLine("\(member.localPort): two")
    let lines = terminal.screen.lines.drop { $0 != "half line" }
    #expect(Array(lines) == ["half line", "\(member.localPort): one", "\(member.localPort): two"])
    try finish()
  }

  @Test(arguments: ["\u{3}", "\u{15}", "\u{7F}\u{7F}\u{7F}\u{7F}"])
  func `What arrives waits until the line is given up or rubbed out`(keys: String) throws {
    try terminal.type("half")
    try terminal.waitForLine("half")
    try member.send("one\n")
    try terminal.type(keys)
    try terminal.waitForLine("\(member.localPort): one")
    try terminal.type("\u{1B}[Abetté\u{7F}er\r")
    try member.expect("\(port): better")
    try finish()
  }

  @Test func `A server that goes away while half a line stands there is told below it`() throws {
    try terminal.type("half\ta")
    try terminal.waitForLine("half a")
    server.program.signal(SIGTERM)
    #expect(try client.waitForExit() == .status(1))
    terminal.readWhatIsThere()
    #expect(terminal.screen.lines.suffix(3) == ["half a", "[DISCONNECTED] Serve", "r connection lost."])
  }
}
