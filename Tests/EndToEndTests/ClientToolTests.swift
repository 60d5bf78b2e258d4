import ChatWire
import Glibc
import TestSupport
import Testing

/// The client in pipes and with files: a tool for scripts.
@Suite(.timeLimit(.minutes(10))) struct ClientToolTests {
  private let greeting = "Connected to chat server. Type 'exit' to leave."
  private let farewell = "Disconnected from server"

  @Test func `Lines from a pipe are sent, then the client leaves`() throws {
    let server = try ServerProgram()
    let member = try server.join()
    let client = try Program(built: "mychatclient", [String(server.port)])
    let port = try server.nextPort()
    try client.write("hi\nand without a newline")
    client.closeInput()
    #expect(try client.waitForExit() == .status(0))
    try member.expect("\(port): hi")
    try member.expect("\(port): and without a newline")
    #expect(client.output == [])
    #expect(client.errorLines == [greeting, farewell])
    try server.program.waitForLine("[('127.0.0.1', \(port))] Sent exit command.")
  }

  @Test func `What others say until the server closes is still printed`() throws {
    let server = try ServerProgram()
    let client = try Program(built: "mychatclient", [String(server.port)])
    _ = try server.nextPort()
    let member = try server.join()
    let lines = (0..<10_000).map { "line \($0)" }
    try member.send(lines.joined(separator: "\n") + "\n")
    try client.waitForLine("\(member.localPort): line 0")
    try client.write("exit\n")
    #expect(try client.waitForExit() == .status(0))
    // What was said before the goodbye came to the server has come; nothing is left out in between.
    let heard = client.outputLines
    #expect(heard == lines.prefix(heard.count).map { "\(member.localPort): \($0)" })
    #expect(client.errorLines == [greeting, farewell])
  }

  @Test func `Lines from a file are sent, and output goes to a file`() throws {
    let directory = try TemporaryDirectory()
    let (input, output) = (directory.file("input"), directory.file("output"))
    let lines = (0..<2000).map { "line \($0) äöü 日本語" }
    try write(lines.joined(separator: "\n") + "\nexit\nnever sent\n", to: input)
    let server = try ServerProgram()
    let member = try server.join()
    let client = try Program(built: "mychatclient", [String(server.port)], input: .file(input), output: .file(output))
    let port = try server.nextPort()
    for line in lines { try member.expect("\(port): \(line)") }
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines == [greeting, "[NOT SENT] never sent", farewell])
    try server.program.waitForLine("[DISCONNECTED] ('127.0.0.1', \(port)) has been removed.")
    #expect(try member.peek() == [])
    let printed = try Program(Program.found("cat"), [output])
    try printed.waitForExit()
    #expect(printed.output == [])
  }

  /// Each read brings whole runs of lines that need no look, lines that do, and the parts of one at both ends.
  @Test func `Lines of every kind from a file go out as they do one by one`() throws {
    let directory = try TemporaryDirectory()
    let input = directory.file("input")
    let kinds: [(given: String, sent: String)] = [
      ("one line", "one line\n"), ("", ""), (" \t", ""), ("\t \t", ""), ("with CR LF\r", "with CR LF\n"), ("\r", ""),
      ("  indented", "  indented\n"),
      ("every line", "every line\n"), ("exit now", "exit now\n"), ("//two", "//two\n"), ("/etc/hosts", "/etc/hosts\n"),
      ("日本語", "日本語\n"),
      (String(repeating: "x", count: 3000), String(repeating: "x", count: 3000) + "\n"),
    ]
    var random = SeededRandom.printed(for: "lines of every kind")
    var (given, sent) = ("", "")
    for _ in 0..<2000 {
      let kind = kinds[Int.random(in: 0..<kinds.count, using: &random)]
      // Most lines are plain, and come one behind the other.
      let plain = (0..<Int.random(in: 0..<20, using: &random)).map { "plain line \($0)\n" }.joined()
      given += plain + kind.given + "\n"
      sent += plain + kind.sent
    }
    try write(given, to: input)
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port)], input: .file(input))
    let connection = try server.accept()
    let expected = Array(sent.utf8) + Array("exit".utf8)
    let received = try connection.expectBytes(expected.count)
    connection.close()
    #expect(try client.waitForExit() == .status(0))
    // Not compared by the expectation itself, which would print megabytes.
    let isAsExpected = received == expected
    #expect(isAsExpected)
  }

  @Test func `A line that the server refuses is told like all that is received, and those after it are sent`() throws {
    let server = try ServerProgram()
    let member = try server.join()
    let client = try Program(built: "mychatclient", [String(server.port)])
    let port = try server.nextPort()
    try client.write(String(repeating: "x", count: 8193) + "\nafter it\n")
    client.closeInput()
    #expect(try client.waitForExit() == .status(0))
    try member.expect("\(port): after it")
    #expect(client.outputLines == ["* That line is longer than 8192 bytes; it was not sent."])
    #expect(client.errorLines == [greeting, farewell])
  }

  @Test(arguments: [65_537, 200_000]) func `A line that is too long to be tried is told, and no part of it is sent`(
    bytes: Int
  ) throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port)])
    let connection = try server.accept()
    try client.write("before\n" + String(repeating: "x", count: bytes) + "\nafter\nexit\nnever sent\n")
    try connection.expectAll("before\nafter\nexit")
    connection.close()
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.count == 4 && client.errorLines[1].hasPrefix("[NOT SENT] A line"))
    #expect(client.errorLines[2...] == ["[NOT SENT] never sent", farewell])
  }

  @Test func `What follows exit on a pipe is named, and no more is waited for`() throws {
    let server = try ServerProgram()
    let member = try server.join()
    let client = try Program(built: "mychatclient", [String(server.port)])
    let port = try server.nextPort()
    try client.write("one\nexit\n\ntwo\u{1B}[2J\n \nhalf")
    #expect(try client.waitForExit() == .status(1))
    try member.expect("\(port): one")
    #expect(client.errorLines == [greeting, "[NOT SENT] two^[[2J", "[NOT SENT] half", farewell])
  }

  @Test func `What follows exit without an end is named in part`() throws {
    let directory = try TemporaryDirectory()
    let input = directory.file("input")
    try write("exit\n" + String(repeating: "y\n", count: 200_000), to: input)
    let server = try ServerProgram()
    let client = try Program(built: "mychatclient", [String(server.port)], input: .file(input))
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines[1] == "[NOT SENT] y" && client.errorLines.count < 70_000)
    #expect(
      client.errorLines.suffix(2) == [
        "[NOT SENT] Standard input goes on after 'exit'; the rest of it was not read.", farewell,
      ])
  }

  @Test func `Without any input it leaves at once`() throws {
    let server = try ServerProgram()
    let client = try Program(built: "mychatclient", [String(server.port)], input: .nothing)
    #expect(try client.waitForExit() == .status(0))
    #expect(client.output == [] && client.errorLines == [greeting, farewell])
  }

  @Test func `A terminal at the keyboard and a file for output is no editor`() throws {
    let directory = try TemporaryDirectory()
    let output = directory.file("output")
    let server = try ServerProgram()
    let terminal = try Pty()
    let client = try Program(
      built: "mychatclient", [String(server.port)], input: .terminal(terminal), output: .file(output),
      errors: .terminal(terminal))
    _ = try server.nextPort()
    try terminal.waitForLine(greeting)
    client.signal(SIGTERM)
    #expect(try client.waitForExit() == .signal(SIGTERM))
    terminal.readWhatIsThere()
    #expect(terminal.screen.lines == [greeting], "nothing is drawn on a terminal that is not the output")
  }

  /// A server of SEED.md's kind would read what comes at once as one message.
  @Test(arguments: [[], ["--send", "hi"]]) func `exit comes a while after the last line`(options: [String]) throws {
    let server = try ScriptedServer()
    // The longest of three, as others use the machine too.
    let pauses = try (0..<3).map { _ in
      let client = try Program(built: "mychatclient", [String(server.port)] + options)
      let connection = try server.accept()
      try client.write("hi\n")
      client.closeInput()
      var lineCame: ContinuousClock.Instant?
      try eventually("the line and exit") {
        let received = try connection.peek()
        if lineCame == nil, received == Array("hi\n".utf8) { lineCame = .now }
        return received == Array("hi\nexit".utf8)
      }
      let pause = lineCame.map { ContinuousClock.now - $0 } ?? .zero
      connection.close()
      #expect(try client.waitForExit() == .status(0))
      return pause
    }
    #expect(pauses.max().map { $0 >= .milliseconds(50) } == true)
  }

  private static let unconfirmed =
    "[UNCERTAIN] The server did not confirm your goodbye. What you said last may or may not have arrived."

  @Test(arguments: [[], ["--json"]], [false, true]) func `A server that never closes does not keep the client`(
    options: [String], talks: Bool
  ) throws {
    let server = try ScriptedServer()
    let client = try Program(built: "mychatclient", [String(server.port)] + options)
    let connection = try server.accept()
    try client.write("hi\n")
    client.closeInput()
    try eventually("the client to give up") {
      if talks { try? connection.send("7: still here\n") }
      return client.hasEnded
    }
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines == (options == [] ? [greeting] : []) + [Self.unconfirmed])
    #expect(options == [] || client.outputLines.last?.contains("\"text\":\"[UNCERTAIN]") == true)
  }

  @Test(arguments: [[], ["--plain"]]) func `A goodbye on a terminal that nobody answers is told`(
    options: [String]
  ) throws {
    let server = try ScriptedServer()
    let terminal = try Pty()
    let client = try Program(built: "mychatclient", [String(server.port)] + options, on: terminal)
    let connection = try server.accept()
    try terminal.type("hi\rexit\r")
    #expect(try client.waitForExit() == .status(1))
    terminal.readWhatIsThere()
    #expect(terminal.screen.text.contains("[UNCERTAIN] The server did not confirm your goodbye."))
    #expect(!terminal.screen.text.contains(farewell))
    withExtendedLifetime(connection) {}
  }

  @Test func `A TAB comes to its column also where input is a pipe`() throws {
    let server = try ScriptedServer()
    let terminal = try Pty()
    let client = try Program(
      built: "mychatclient", [String(server.port)], input: .pipe, output: .terminal(terminal))
    let connection = try server.accept()
    try connection.send("7: é大\tx\n")
    try terminal.waitForLine("7: é大  x")
    client.signal(SIGTERM)
  }

  private func write(_ text: String, to path: String) throws {
    let file = FileDescriptor(owning: open(path, O_CREAT | O_WRONLY, 0o600))
    try file.writeAll(Array(text.utf8))
  }
}

extension FileDescriptor {
  fileprivate borrowing func writeAll(_ bytes: [UInt8]) throws {
    let outcome = bytes.withUnsafeBytes { write($0) }
    guard outcome == .bytes(bytes.count) else { throw TestFailure("wrote \(outcome) of \(bytes.count) bytes") }
  }
}
