import ChatWire
import Glibc
import TestSupport
import Testing

/// Every way in which a pipe, a disk or a terminal ends under the client: it goes within a second, with the right status and
/// without noise.
@Suite(.timeLimit(.minutes(10))) struct ClientEndsTests {
  private let greeting = "Connected to chat server. Type 'exit' to leave."

  /// Three tries, as others use the machine too: the client's own end within a second of what `attempt` does last.
  private func expectEndWithinASecond(_ attempt: () throws -> Program) throws -> [Program] {
    var shortest = Duration.seconds(1000)
    let programs = try (0..<3).map { _ in
      let program = try attempt()
      let began = ContinuousClock.now
      try program.waitForExit()
      shortest = min(shortest, ContinuousClock.now - began)
      return program
    }
    #expect(shortest < .seconds(1))
    return programs
  }

  @Test(arguments: [[], ["--json"], ["--reconnect"], ["--plain"]])
  func `Whoever has read enough ends it in silence`(options: [String]) throws {
    let server = try ScriptedServer()
    var connections: [Dialogue] = []
    let clients = try expectEndWithinASecond {
      let client = try Program(built: "mychatclient", [String(server.port)] + options)
      let connection = try server.accept()
      try connection.send("1: a\n")
      connections.append(connection)
      _ = try client.waitForLine("the line") { $0.contains("a") }
      client.closeOutput()
      return client
    }
    let told = options == ["--json"] ? [] : [greeting]
    #expect(clients.allSatisfy { $0.exit == .status(1) && $0.errorLines == told })
  }

  @Test func `Whoever has read enough ends it also while a line is shown to nobody`() throws {
    let server = try ScriptedServer()
    var connections: [Dialogue] = []
    let clients = try expectEndWithinASecond {
      let client = try Program(built: "mychatclient", [String(server.port)])
      let connection = try server.accept()
      try client.waitForErrorLine(greeting)
      client.closeOutput()
      try? connection.send("1: a\n")
      connections.append(connection)
      return client
    }
    #expect(clients.allSatisfy { $0.exit == .status(1) && $0.errorLines == [greeting] })
  }

  @Test func `Endless input that no server takes does not hold up who has read enough`() throws {
    let server = try ScriptedServer()
    var connections: [Dialogue] = []
    let command = "yes | { '\(try Program.built("mychatclient"))' \(server.port); echo $? >&2; } | head -1"
    let shells = try expectEndWithinASecond {
      let shell = try Program("/bin/sh", ["-c", command])
      let connection = try server.accept()
      try connection.send("1: a\n")
      connections.append(connection)
      return shell
    }
    #expect(shells.allSatisfy { $0.outputLines == ["1: a"] && $0.errorLines == [greeting, "1"] })
  }

  @Test(arguments: ["head -1", "true"]) func `What is on standard input is sent even if nobody reads the answers`(
    reader: String
  ) throws {
    let server = try ServerProgram()
    let member = try server.join()
    let client = "'\(try Program.built("mychatclient"))' \(server.port)"
    let shell = try Program("/bin/sh", ["-c", "printf 'hi\\nyou\\n' | { \(client); echo $? >&2; } | \(reader)"])
    let port = try server.nextPort()
    try shell.waitForExit()
    #expect(shell.errorLines.first == greeting && shell.errorLines.last == "0")
    try member.expect("\(port): hi")
    try member.expect("\(port): you")
  }

  @Test(arguments: [[], ["--json"]]) func `A full disk is an error`(options: [String]) throws {
    let server = try ScriptedServer()
    var connections: [Dialogue] = []
    let clients = try expectEndWithinASecond {
      let client = try Program(
        built: "mychatclient", [String(server.port)] + options, output: .file("/dev/full"))
      let connection = try server.accept()
      try connection.send("1: a\n")
      connections.append(connection)
      return client
    }
    for client in clients { expectError("No space left on device", from: client) }
  }

  @Test(.enabled(if: !isSanitized, "the limit on files breaks the sanitizer's own"))
  func `A disk that is full after a while is an error, and what came before is there`() throws {
    let server = try ScriptedServer()
    let directory = try TemporaryDirectory()
    var connections: [Dialogue] = []
    // Blocks of 512 bytes (POSIX, ulimit); with the signal ignored, the write itself fails.
    let command = "trap '' XFSZ; ulimit -f 1; exec '\(try Program.built("mychatclient"))' \(server.port)"
    let clients = try expectEndWithinASecond {
      let output = Program.Stream.file(directory.file("output \(connections.count)"))
      let client = try Program("/bin/sh", ["-c", command], output: output)
      let connection = try server.accept()
      try connection.send("1: " + String(repeating: "x", count: 600) + "\n")
      connections.append(connection)
      return client
    }
    for (index, client) in clients.enumerated() {
      expectError("File too large", from: client)
      let cat = try Program(Program.found("cat"), [directory.file("output \(index)")])
      try cat.waitForExit()
      #expect(cat.output.count == 512 && cat.output.starts(with: Array("1: xxx".utf8)))
    }
  }

  @Test(arguments: ["", "2>&-"]) func `A closed standard output is an error`(more: String) throws {
    let server = try ScriptedServer()
    var connections: [Dialogue] = []
    let command = "exec '\(try Program.built("mychatclient"))' \(server.port) >&- \(more)"
    let clients = try expectEndWithinASecond {
      let client = try Program("/bin/sh", ["-c", command])
      let connection = try server.accept()
      try connection.send("1: a\n")
      connections.append(connection)
      return client
    }
    for client in clients where more.isEmpty { expectError("Bad file descriptor", from: client) }
    #expect(clients.allSatisfy { $0.exit == .status(1) })
    // Nothing meant for people has gone to the server.
    for connection in connections { try connection.expectAll("") }
  }

  @Test func `A closed standard input is the end of input`() throws {
    let server = try ServerProgram()
    let command = "exec '\(try Program.built("mychatclient"))' \(server.port) <&-"
    let client = try Program("/bin/sh", ["-c", command])
    #expect(try client.waitForExit() == .status(0))
    #expect(client.output == [] && client.errorLines == [greeting, "Disconnected from server"])
  }

  @Test func `Standard input that cannot be read is an error`() throws {
    let server = try ServerProgram()
    let command = "exec '\(try Program.built("mychatclient"))' \(server.port) </tmp"
    let client = try Program("/bin/sh", ["-c", command])
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.count == 3)
    #expect(client.errorLines[1].hasPrefix("[ERROR] Cannot read standard input: Is a directory"))
  }

  @Test func `A server that takes nothing of a pipe is given up, and the lines are named`() throws {
    let server = try ScriptedServer()
    let command = "yes a | head -c 20000000 | '\(try Program.built("mychatclient"))' \(server.port)"
    let client = try Program("/bin/sh", ["-c", command])
    client.limit = .seconds(120)
    let connection = try server.accept()
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.count == 23 && client.errorLines[22].hasPrefix("[NOT SENT] ... and "))
    #expect(client.errorLines[1].hasPrefix("[ERROR] The server has taken nothing for 30 s."))
    #expect(client.errorLines[2..<22].allSatisfy { $0 == "[NOT SENT] a" })
    withExtendedLifetime(connection) {}
  }

  @Test func `A server that reads no more ends it, and the line is named`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let server = try ScriptedServer(at: .unix(path: path))
    let client = try Program(built: "mychatclient", ["unix:\(path)"])
    let connection = try server.accept()
    try client.waitForErrorLine(greeting)
    try connection.finishReceiving()
    try client.write("ho\n")
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.contains("[NOT SENT] ho"))
  }

  @Test func `Lines of a paste that a lost server has not taken are named`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let server = try ScriptedServer(at: .unix(path: path))
    let terminal = try Pty()
    let client = try Program(built: "mychatclient", ["unix:\(path)", "--no-paste-guard"], on: terminal)
    let connection = try server.accept()
    try terminal.waitForEditing()
    // More than the kernel keeps for a Unix socket.
    let lines = (0..<60).map { String(repeating: "x", count: 4000) + " \($0)" }
    try terminal.type("\u{1B}[200~\(lines.joined(separator: "\r"))\rlast\r\u{1B}[201~")
    try terminal.waitForLine("last")
    connection.close()
    try eventually("the client to end") {
      terminal.readWhatIsThere()
      return client.hasEnded
    }
    #expect(client.exit == .status(1))
    terminal.readWhatIsThere()
    #expect(terminal.screen.lines.last == "[NOT SENT] last")
  }

  @Test func `A block that comes in while the server goes away is read to its end, and not left to the shell`() throws {
    var server: ScriptedServer? = try ScriptedServer(port: #require(unusedFixedPort()))
    let port = try #require(server?.port)
    let terminal = try Tmux(
      rows: 24, columns: 80, running: "'\(try Program.built("mychatclient"))' \(port); exec sh",
      environment: ["TERM": "tmux-256color", "PS1": "$ "])
    var connection = try server?.accept()
    try terminal.waitForEditing()
    // What the client has not begun to read when the server goes is the shell's, so the block has surely begun.
    try terminal.type("before it\n\u{1B}[200~echo SA''ID1\n")
    try connection?.expect("before it")
    try terminal.waitForKeysToBeRead()
    connection?.close()
    (connection, server) = (nil, nil)
    try terminal.type("echo SA''ID2\necho SA''ID3\n\u{1B}[201~")
    // What is typed before the shell has asked for it would be echoed by the kernel, in front of its answer.
    try terminal.waitForRows("the end and the shell") { rows in
      rows.contains { $0.hasPrefix("[DISCONNECTED]") } && rows.last { !$0.isEmpty } == "$"
    }
    try terminal.type("echo do''ne\n")
    try terminal.waitForRows("the shell's answer") { $0.contains("done") }
    let rows = try terminal.rows()
    #expect(!rows.contains { $0.contains("SAID") })
    #expect(rows.filter { $0.hasPrefix("[NOT SENT]") } == (1...3).map { "[NOT SENT] echo SA''ID\($0)" })
  }

  @Test(arguments: [[], ["--plain"], ["--reconnect"]]) func `A terminal that is closed ends it`(
    options: [String]
  ) throws {
    let server = try ScriptedServer()
    var connections: [Dialogue] = []
    let clients = try expectEndWithinASecond {
      let terminal = try Pty()
      let client = try Program(built: "mychatclient", [String(server.port)] + options, on: terminal)
      // The server stays: the client goes because of its terminal.
      connections.append(try server.accept())
      try terminal.waitForEditing()
      return client
    }
    // The kernel sends the signal to whoever leads the terminal's session, as these do.
    #expect(clients.allSatisfy { $0.exit == .signal(SIGHUP) })
  }

  @Test(arguments: [[], ["--plain"]], [SIGTERM, SIGHUP])
  func `A signal ends it also where nobody reads the terminal`(options: [String], signal: CInt) throws {
    let server = try ScriptedServer()
    var terminals: [Pty] = []
    var connections: [Dialogue] = []
    let clients = try expectEndWithinASecond {
      let terminal = try Pty()
      let client = try Program(built: "mychatclient", [String(server.port)] + options, on: terminal)
      let connection = try server.accept()
      try terminal.waitForEditing()
      // More than the kernel keeps for a terminal, and what the client keeps besides.
      try connection.send(String(repeating: "7: " + String(repeating: "x", count: 60) + "\n", count: 2000))
      let side = FileDescriptor(owning: open(terminal.path, O_WRONLY | O_NOCTTY | O_CLOEXEC))
      try eventually("the terminal to be full") {
        var entry = pollfd(fd: side.number, events: Int16(POLLOUT), revents: 0)
        return poll(&entry, 1, 0) == 0
      }
      terminals.append(terminal)
      connections.append(connection)
      client.signal(signal)
      return client
    }
    #expect(clients.allSatisfy { $0.exit == .signal(signal) })
  }

  private func expectError(_ reason: String, from client: Program) {
    #expect(client.exit == .status(1))
    let errors = client.errorLines.filter { $0 != greeting }
    #expect(errors.count == 1 && errors[0].hasPrefix("[ERROR] Cannot write standard output: \(reason)"), "\(errors)")
  }
}
