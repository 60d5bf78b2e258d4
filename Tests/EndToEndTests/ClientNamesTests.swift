import Glibc
import TestSupport
import Testing

/// Names at the client: Tab for all who are here, `--name`, and quiet at servers that know none.
@Suite(.timeLimit(.minutes(10))) struct ClientNamesTests {
  private let terminal: Pty
  private static let question = "\t \t\n"

  init() throws { terminal = try Pty() }

  private func start(_ server: ScriptedServer, _ options: String...) throws -> (Program, Dialogue) {
    let client = try Program(
      built: "mychatclient", [String(server.port), "--color", "never", "--no-history"] + options, on: terminal)
    return (client, try server.accept())
  }

  @Test func `Tab completes somebody who has said nothing, and the keys after it wait for the answer`() throws {
    let (client, connection) = try start(try ScriptedServer())
    try terminal.type("bo\thow are ca\t?\r")
    try connection.expect(String(Self.question.dropLast()))
    try connection.send("* Here: 54321, bob\n")
    try connection.send("9: meanwhile\n* Here: carol.\n")
    try connection.expectAll("bob: how are carol?\n")
    try terminal.waitForScreen("the line") { $0.lines.suffix(2) == ["9: meanwhile", "bob: how are carol?"] }
    #expect(!terminal.screen.text.contains("Here"))
    client.signal(SIGTERM)
  }

  @Test func `A server that does not answer is asked once, and Tab goes on with the names of those who spoke`() throws {
    let (client, connection) = try start(try ScriptedServer())
    try connection.send("bob: hi\n")
    try terminal.waitForLine("bob: hi")
    try terminal.type("bo\thello\rxy\tz\r")
    try connection.expectAll(Self.question + "bob: hello\nxyz\n")
    #expect(!terminal.screen.text.contains("[NAME]"))
    client.signal(SIGTERM)
  }

  @Test func `Tab completes commands, and the names behind them`() throws {
    let (client, connection) = try start(try ScriptedServer())
    try terminal.type("/ms\t")
    try terminal.waitForLine("/msg")
    try terminal.type("\u{15}/un\tm\t")
    try terminal.waitForScreen("the commands") { $0.lines.suffix(2) == ["/unban  /unignore  /unmute", "/unmute"] }
    try terminal.type("\u{15}/ignor\t\t")
    try terminal.waitForScreen("the commands") { $0.lines.suffix(2) == ["/ignore  /ignored", "/ignore"] }
    try terminal.type("\u{15}/msg bo\thi\r")
    try connection.expect(String(Self.question.dropLast()))
    try connection.send("* Here: 54321, bob.\n")
    try connection.expectAll("/msg bob hi\n")
    client.signal(SIGTERM)
  }

  @Test func `The wanted name is asked for, and a refusal is shown`() throws {
    let (client, connection) = try start(try ScriptedServer(), "--name", "alice")
    try connection.expectAll(Self.question)
    _ = try connection.receiveOnce()
    try connection.send("* Here: 54321, bob.\n")
    try connection.expectAll("/nick alice\n")
    try connection.send("* The name alice is taken; alice2 is free.\n")
    try terminal.waitForLine("* The name alice is taken; alice2 is free.")
    try terminal.type("hi\r")
    try connection.expectAll("/nick alice\nhi\n")
    #expect(!terminal.screen.text.contains("/nick") && !terminal.screen.text.contains("Here"))
    client.signal(SIGTERM)
  }

  @Test func `Mentions are of the name that one has taken`() throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--name", "alice"], on: terminal)
    let connection = try server.accept()
    try connection.send("* Here: 7.\n* 7 is now alice\n8: dear alice\n")
    try terminal.waitForLine("8: dear alice")
    #expect(String(decoding: terminal.bytes, as: UTF8.self).contains("dear \u{1B}[0;1;7malice\u{1B}[0m"))
    client.signal(SIGTERM)
  }

  @Test(arguments: [[], ["--plain"]]) func `On a terminal, it is told once that the server does not know names`(
    options: [String]
  ) throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--name", "alice"] + options, on: terminal)
    let connection = try server.accept()
    try connection.expectAll(Self.question)
    try terminal.waitForLine("[NAME] The server does not know names.")
    try terminal.type("hi\r")
    try connection.expectAll(Self.question + "hi\n")
    terminal.readWhatIsThere()
    #expect(terminal.screen.lines.filter { $0.hasPrefix("[NAME]") }.count == 1)
    client.signal(SIGTERM)
  }

  @Test func `In a pipe, no line goes out before the name was asked for`() throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port), "--name", "alice", "--json"])
    try client.write("hi\n")
    client.closeInput()
    let connection = try server.accept()
    try connection.expect(String(Self.question.dropLast()))
    try connection.send("9: before\n* Here: 7, 9.\n")
    try connection.expectAll("/nick alice\nhi\nexit")
    try connection.send("* 7 is now alice\n")
    connection.close()
    _ = try client.waitForExit()
    let kinds = client.outputLines.map { $0.replacing(/.*"kind":"([a-z]+)".*/) { String($0.output.1) } }
    #expect(Array(kinds.prefix(2)) == ["connected", "message"] && !kinds.contains("notice"))
    #expect(client.errorLines == [])
  }

  @Test func `In a pipe, lines go out all the same at a server that does not know names`() throws {
    let server = try RawServer()
    let peer = try Dialogue(port: server.port)
    try eventually("the peer to connect") { server.ports.count == 1 }
    let client = try Program(built: "mychatclient", [String(server.port), "--name", "alice"])
    try client.write("hi\n")
    client.closeInput()
    #expect(try client.waitForExit() == .status(0))
    #expect(client.output == [] && client.errorLines[1] == "[NAME] The server does not know names.")
    // A server that is late reads the last two at once.
    #expect(server.messages.first?.text == Self.question)
    #expect(server.messages.map(\.text).joined() == Self.question + "hi\nexit")
    withExtendedLifetime(peer) {}
  }

  @Test func `At a server of SEED.md's kind nobody sees anything of it`() throws {
    let server = try RawServer()
    let client = try Program(built: "mychatclient", [String(server.port)], on: terminal)
    try eventually("the client to connect") { server.ports.count == 1 }
    let peer = try Dialogue(port: server.port)
    try eventually("the peer to connect") { server.ports.count == 2 }
    try peer.send("hello")
    try terminal.waitForLine("\(peer.localPort): hello")
    let name = String(peer.localPort)
    try terminal.type("hi \(name.dropLast())\t\rexit\r")
    #expect(try client.waitForExit() == .status(0))
    #expect(server.messages.map(\.text).joined() == "hellohi \(name)\nexit")
  }

  @Test func `After a connection was lost, name and ignored ones come before what was typed meanwhile`() throws {
    var server: ScriptedServer? = try ScriptedServer(port: #require(unusedFixedPort()))
    let port = try #require(server?.port)
    let client = try Program(
      built: "mychatclient", [String(port), "--reconnect", "--name", "alice", "--no-history"], on: terminal)
    var connection = try #require(try server?.accept())
    try connection.expect(String(Self.question.dropLast()))
    try connection.send("* Here: 7.\n")
    try connection.expect("/nick alice")
    try terminal.type("/ignore bob\r/ignore carol\r/unignore bob\r")
    for line in ["/ignore bob", "/ignore carol", "/unignore bob"] { try connection.expect(line) }
    server = nil
    connection.close()
    try terminal.waitForScreen("to be told") { $0.text.contains("Trying again") }
    try terminal.type("typed\r")
    server = try ScriptedServer(port: port)
    connection = try #require(try server?.accept())
    try connection.expectAll(Self.question + "/nick alice\n/ignore carol\ntyped\n")
    try connection.send("* Here: 8.\n* 8 is now alice\n9: hi\n")
    try terminal.waitForLine("9: hi")
    let lines = terminal.screen.lines
    #expect(!lines.contains { $0.contains("UNCERTAIN") && ($0.contains("/nick") || $0.hasSuffix(": ")) })
    #expect(!terminal.screen.text.contains("Here"))
    client.signal(SIGTERM)
  }

  @Test func `A token for operators is not kept in the history`() throws {
    let directory = try TemporaryDirectory()
    let server = try ScriptedServer()
    let file = directory.file("history")
    let client = try Program(built: "mychatclient", [String(server.port), "--history", file], on: terminal)
    let connection = try server.accept()
    try terminal.type("/op secret\r/who\r//etc\r/OP secret\rexit\r")
    do { try connection.expectAll("/op secret\n/who\n//etc\n/OP secret\nexit") } catch {
      terminal.readWhatIsThere()
      throw TestFailure("\(error); the screen:\n\(terminal.screen.text)")
    }
    connection.close()
    #expect(try client.waitForExit() == .status(0))
    #expect(text(ofFile: file) == "# mychat history\n/who\n//etc\n")
  }

  @Test(arguments: ["", "a b", "a\u{A0}b", "a\tb", String(repeating: "é", count: 33)])
  func `What cannot be a name is wrong usage`(name: String) throws {
    let client = try Program(built: "mychatclient", ["--name", name], input: .nothing)
    #expect(try client.waitForExit() == .status(64))
    #expect(client.errorLines.count == 1 && client.errorLines[0].hasPrefix("[ERROR] --name takes"))
  }
}
