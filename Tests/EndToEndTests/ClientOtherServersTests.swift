import ChatWire
import Glibc
import TestSupport
import Testing

/// Servers of other kinds, to which somebody connects by mistake.
@Suite(.timeLimit(.minutes(10))) struct ClientOtherServersTests {
  private let server: ScriptedServer
  private let terminal: Pty

  init() throws {
    server = try ScriptedServer()
    terminal = try Pty()
  }

  private static let answers = [
    (
      "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
      "is a server for ssh, not for chat. To reach a room there through ssh, write ssh://127.0.0.1."
    ),
    ("HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", "is a web server, not one for chat"),
    ("\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}F", "speaks TLS"),
  ]

  @Test(arguments: answers) func `It is named, and the client leaves`(answer: String, words: String) throws {
    let client = try Program(built: "mychatclient", [String(server.port), "--reconnect"], on: terminal)
    let connection = try server.accept()
    #expect(try connection.peek() == [], "nothing is sent before it is known")
    try connection.send(answer)
    #expect(try client.waitForExit() == .status(1))
    terminal.readWhatIsThere()
    let text = terminal.screen.text.replacing("\n", with: "")
    #expect(text.contains("[ERROR] 127.0.0.1:\(server.port) \(words)"), "\(terminal.screen.text)")
  }

  @Test(arguments: answers) func `It is named in a pipe too`(answer: String, words: String) throws {
    let client = try Program(built: "mychatclient", [String(server.port)])
    let connection = try server.accept()
    try connection.send(answer)
    #expect(try client.waitForExit() == .status(1))
    #expect(client.output == [] && client.errorLines.count == 2)
    #expect(client.errorLines.last?.hasPrefix("[ERROR] 127.0.0.1:\(server.port) \(words)") == true)
  }

  @Test func `What looks like that later is what somebody says`() throws {
    let client = try Program(built: "mychatclient", [String(server.port)])
    let connection = try server.accept()
    try connection.send("7: hi\n")
    try client.waitForLine("7: hi")
    try connection.send("HTTP/1.1 is old\n")
    try client.waitForLine("HTTP/1.1 is old")
    client.signal(SIGTERM)
  }
}
