import ChatWire
import Glibc
import TestSupport
import Testing

/// A connection that breaks, and comes back where that is asked for.
@Suite(.timeLimit(.minutes(10))) struct ClientReconnectTests {
  @Test func `What is typed meanwhile is sent in order once the server is back`() throws {
    let terminal = try Pty()
    var server: ScriptedServer? = try ScriptedServer(port: #require(unusedFixedPort()))
    let port = try #require(server?.port)
    let client = try Program(built: "mychatclient", [String(port), "--reconnect"], on: terminal)
    var connection = try #require(try server?.accept())
    try terminal.type("before\r")
    try connection.expectAll("before\n")
    server = nil
    connection.close()
    try terminal.waitForScreen("to be told") { $0.text.contains("[DISCONNECTED] Server connection lost. Trying again") }
    try terminal.waitForLine("[UNCERTAIN] This line may or may not have arrived: before")
    try terminal.type("one\rtwo\rhal")
    try terminal.waitForLine("two")
    server = try ScriptedServer(port: port)
    connection = try #require(try server?.accept())
    try connection.expectAll("one\ntwo\n")
    try terminal.waitForLine("[RECONNECTED] Connected to chat server again.")
    try connection.send("9: welcome back\n")
    try terminal.waitForLine("9: welcome back")
    try terminal.type("f\r")
    try connection.expectAll("one\ntwo\nhalf\n")
    // It was updated in place, so nothing of it stays.
    try terminal.waitForScreen("the status to be gone") { !$0.text.contains("Trying again") }
    try terminal.type("exit\r")
    try connection.expectAll("one\ntwo\nhalf\nexit")
    connection.close()
    #expect(try client.waitForExit() == .status(0))
  }

  @Test(arguments: [false, true]) func `Whoever was suspended for longer than the server waited is told`(
    reconnects: Bool
  ) throws {
    let terminal = try Pty()
    let server = try ScriptedServer()
    let options = "\(server.port)\(reconnects ? " --reconnect" : "")"
    let command = "'\(try Program.built("mychatclient"))' \(options); echo stopped; read line; fg"
    let shell = try Program(
      "/bin/sh", ["-m", "-c", command], input: .terminal(terminal), output: .terminal(terminal),
      errors: .terminal(terminal))
    let connection = try server.accept()
    try connection.send("7: before\n")
    try terminal.waitForLine("7: before")
    try terminal.type("half\u{1A}")
    try terminal.waitForLine("stopped")
    // It comes while the client stops, and stays in the kernel until it goes on.
    connection.close()
    // To the shell, which reads lines.
    try terminal.typeAtOnce("\r")
    try terminal.waitForScreen("to be told") { $0.text.contains("[MISSED] The client was suspended for ") }
    if reconnects {
      let next = try server.accept()
      try terminal.waitForLine("[RECONNECTED] Connected to chat server again.")
      try terminal.type("\u{15}exit\r")
      try next.expectAll("exit")
      next.close()
    }
    #expect(try shell.waitForExit() == .status(reconnects ? 0 : 1))
  }

  /// A killed server ends its stream like one that stops in order, but reads no more.
  @Test func `Lines that a killed server has not said are named, however old`() throws {
    let server = try ServerProgram(options: ["--rate", "1:1"])
    let member = try server.join()
    let terminal = try Pty()
    let client = try Program(built: "mychatclient", [String(server.port), "--reconnect"], on: terminal)
    let port = try server.nextPort()
    try terminal.type((0..<9).map { "line \($0)\r" }.joined())
    // One a second, so that the last ones are old by then.
    for number in 0..<5 { try member.expect("\(port): line \(number)") }
    server.program.signal(SIGKILL)
    try terminal.waitForLine("[UNCERTAIN] This line may or may not have arrived: line 8")
    client.signal(SIGTERM)
  }

  @Test func `Lines that a server has said before it stopped are not named`() throws {
    let server = try ServerProgram()
    let member = try server.join()
    let terminal = try Pty()
    let client = try Program(built: "mychatclient", [String(server.port), "--reconnect"], on: terminal)
    let port = try server.nextPort()
    try terminal.type("old\r")
    try member.expect("\(port): old")
    // Longer than a server takes to stop.
    let start = monotonicNanoseconds()
    try eventually("some seconds") { monotonicNanoseconds() > start + 3_500_000_000 }
    server.program.signal(SIGTERM)
    try terminal.waitForScreen("the loss") { $0.text.contains("[DISCONNECTED] Server connection lost.") }
    #expect(!terminal.screen.text.contains("[UNCERTAIN]"))
    member.close()
    client.signal(SIGTERM)
  }

  @Test func `Whoever leaves meanwhile is told what was not sent`() throws {
    let terminal = try Pty()
    var server: ScriptedServer? = try ScriptedServer(port: #require(unusedFixedPort()))
    let port = try #require(server?.port)
    let client = try Program(built: "mychatclient", [String(port), "--reconnect"], on: terminal)
    let connection = try #require(try server?.accept())
    server = nil
    connection.close()
    try terminal.waitForScreen("to be told") { $0.text.contains("Trying again") }
    try terminal.type("too late\rexit\r")
    #expect(try client.waitForExit() == .status(1))
    terminal.readWhatIsThere()
    #expect(terminal.screen.lines.last == "[NOT SENT] too late")
  }

  @Test func `Whoever leaves while the client connects does not wait`() throws {
    let terminal = try Pty()
    var server: ScriptedServer? = try ScriptedServer(port: #require(unusedFixedPort()))
    let port = try #require(server?.port)
    let client = try Program(built: "mychatclient", [String(port), "--reconnect"], on: terminal)
    let connection = try #require(try server?.accept())
    server = nil
    let busy = try BusyListener(port: port)
    connection.close()
    try terminal.waitForScreen("an attempt") { $0.text.contains("Trying again now") }
    let began = ContinuousClock.now
    try terminal.type("exit\r")
    #expect(try client.waitForExit() == .status(0))
    #expect(ContinuousClock.now - began < .seconds(5), "an attempt takes 10 s")
    try terminal.waitForLine("Disconnected from server")
    withExtendedLifetime(busy) {}
  }

  @Test func `Lines from a pipe wait for the server too`() throws {
    var server: ScriptedServer? = try ScriptedServer(port: #require(unusedFixedPort()))
    let port = try #require(server?.port)
    let client = try Program(built: "mychatclient", [String(port), "--reconnect", "--json"])
    var connection = try #require(try server?.accept())
    server = nil
    connection.close()
    _ = try client.waitForLine("the end of the connection") { $0.contains("\"kind\":\"disconnected\"") }
    try client.write("one\ntwo\n")
    server = try ScriptedServer(port: port)
    connection = try #require(try server?.accept())
    try connection.expectAll("one\ntwo\n")
    _ = try client.waitForLine("the connection") { $0.contains("\"kind\":\"connected\"") && $0.contains("again") }
    client.closeInput()
    try connection.expectAll("one\ntwo\nexit")
    connection.close()
    #expect(try client.waitForExit() == .status(0))
  }

  @Test func `Without being asked for, a broken connection is the end`() throws {
    let server = try ScriptedServer()
    let terminal = try Pty()
    let client = try Program(built: "mychatclient", [String(server.port)], on: terminal)
    let connection = try server.accept()
    try terminal.waitForEditing()
    connection.close()
    #expect(try client.waitForExit() == .status(1))
    try terminal.waitForLine("[DISCONNECTED] Server connection lost.")
  }

  @Test func `Input that ends while the server is away ends the client`() throws {
    var server: ScriptedServer? = try ScriptedServer(port: #require(unusedFixedPort()))
    let port = try #require(server?.port)
    let client = try Program(built: "mychatclient", [String(port), "--reconnect", "--json"])
    try client.write("one\n")
    let connection = try #require(try server?.accept())
    try connection.expectAll("one\n")
    server = nil
    connection.close()
    _ = try client.waitForLine("the end of the connection") { $0.contains("\"kind\":\"disconnected\"") }
    client.closeInput()
    #expect(try client.waitForExit() == .status(0))
    #expect(client.errorLines == ["[UNCERTAIN] This line may or may not have arrived: one"])
  }

  @Test func `A server that lets nobody in is tried less and less, and gets no line`() throws {
    let server = try ScriptedServer()
    let refusals = server.refuse(4, saying: "* Server is full\n")
    let terminal = try Pty()
    let client = try Program(built: "mychatclient", [String(server.port), "--reconnect"], on: terminal)
    for attempt in 0..<4 {
      try terminal.waitForScreen("the server's word") {
        $0.lines.count { $0 == "* Server is full" } > attempt && $0.text.contains("Trying again")
      }
      if attempt == 0 { try terminal.type("waits\r") }
    }
    let times = refusals.times
    #expect(times[3] - times[2] >= .seconds(2), "the third wait")
    #expect(!terminal.screen.text.contains("[UNCERTAIN]") && !terminal.screen.text.contains("[RECONNECTED]"))
    let connection = try server.accept()
    try connection.expectAll("waits\n")
    try terminal.waitForLine("[RECONNECTED] Connected to chat server again.")
    client.signal(SIGTERM)
  }

  @Test(arguments: [[], ["--plain"], ["--reconnect"]])
  func `Whoever leaves a server that reads nothing is told what was not sent`(
    options: [String]
  ) throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let server = try ScriptedServer(at: .unix(path: path))
    let terminal = try Pty()
    let client = try Program(built: "mychatclient", ["unix:\(path)", "--no-paste-guard"] + options, on: terminal)
    let connection = try server.accept()
    // More than the kernel keeps for a Unix socket.
    let lines = String(repeating: String(repeating: "x", count: 4000) + "\r", count: 60)
    try terminal.type(options == ["--plain"] ? lines : "\u{1B}[200~\(lines)\u{1B}[201~")
    try terminal.type("last\rexit\r")
    try eventually("the client to end") {
      terminal.readWhatIsThere()
      return client.hasEnded
    }
    #expect(client.exit == .status(1))
    terminal.readWhatIsThere()
    #expect(terminal.screen.lines.last == "[NOT SENT] last")
    withExtendedLifetime(connection) {}
  }

  @Test func `A terminal that cannot move up is told once that the connection is lost`() throws {
    let terminal = try Pty()
    var server: ScriptedServer? = try ScriptedServer(port: #require(unusedFixedPort()))
    let port = try #require(server?.port)
    let client = try Program(
      built: "mychatclient", [String(port), "--reconnect"], environment: ["TERM": "dumb"], on: terminal)
    var connection = try #require(try server?.accept())
    try terminal.waitForEditing()
    server = nil
    connection.close()
    try terminal.waitForLine("[DISCONNECTED] Server connection lost.")
    try terminal.type("one\rtwo\r")
    try terminal.waitForLine("two")
    server = try ScriptedServer(port: port)
    connection = try #require(try server?.accept())
    try connection.expectAll("one\ntwo\n")
    try terminal.waitForLine("[RECONNECTED] Connected to chat server again.")
    #expect(terminal.screen.lines.count { $0.hasPrefix("[DISCONNECTED]") } == 1)
    #expect(!terminal.screen.text.contains("Trying"))
    client.signal(SIGTERM)
  }

  @Test(arguments: [false, true]) func `Without an editor the loss is told on the terminal, or on standard error`(
    isTerminal: Bool
  ) throws {
    let directory = try TemporaryDirectory()
    let settings = directory.file("editrc")
    let file = FileDescriptor(owning: open(settings, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
    #expect(StandardOutput.write("edit off\n", to: file.number) == nil)
    let server = try ScriptedServer()
    let terminal = try Pty()
    let client = try Program(
      built: "mychatclient", [String(server.port), "--reconnect"], environment: ["EDITRC": settings],
      input: isTerminal ? .terminal(terminal) : .pipe, output: isTerminal ? .terminal(terminal) : .pipe)
    try server.accept().close()
    let connection = try server.accept()
    try eventually("to be told of both") {
      client.readWhatIsThere()
      terminal.readWhatIsThere()
      return (isTerminal ? terminal.screen.lines : client.errorLines) == [
        "Connected to chat server. Type 'exit' to leave.", "[DISCONNECTED] Server connection lost.",
        "[RECONNECTED] Connected to chat server again.",
      ]
    }
    #expect(client.output == [] && (!isTerminal || client.errors == []))
    client.signal(SIGTERM)
    withExtendedLifetime(connection) {}
  }
}
