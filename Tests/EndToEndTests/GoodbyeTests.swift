import Glibc
import TestSupport
import Testing

/// How server and members part.
@Suite(.timeLimit(.minutes(10))) struct GoodbyeTests {
  @Test(arguments: [SIGTERM, SIGINT]) func `A signal ends the server in good order, and no line on its way is lost`(
    signal: CInt
  ) throws {
    let server = try ServerProgram()
    let receiver = try server.join()
    let sender = try server.join()
    let lines = (0..<5000).map { "line \($0) " + String(repeating: "x", count: $0 % 200) }
    try sender.send(lines.joined(separator: "\n") + "\n")
    let last = "Relaying message: \(sender.localPort): \(lines[4999])"
    _ = try server.program.waitForLine("the last line") { $0.hasSuffix(last) }

    server.program.signal(signal)
    for line in lines { try receiver.expect("\(sender.localPort): \(line)") }
    try receiver.expectClosed()
    receiver.close()
    try sender.expectClosed()
    sender.close()
    #expect(try server.program.waitForExit() == .status(0))
    #expect(server.program.errorLines == [])
    let closing = server.program.outputLines.suffix(2).sorted()
    #expect(
      closing
        == [receiver, sender].map { "[DISCONNECTED] ('127.0.0.1', \($0.localPort)) has been removed." }.sorted())
  }

  @Test(arguments: [SIGTERM, SIGINT]) func `A second signal ends the server at once`(signal: CInt) throws {
    let server = try ServerProgram()
    let member = try server.join()
    server.program.signal(SIGTERM)
    // It has ended its side, and waits for the member's.
    try member.expectClosed()
    #expect(server.program.exit == nil)
    server.program.signal(signal)
    #expect(try server.program.waitForExit() == .status(1))
  }

  @Test func `A peer that closes is removed, and one that resets is lost`() throws {
    let server = try ServerProgram()
    let closer = try server.join()
    let resetter = try server.join()
    closer.close()
    try server.program.waitForLine("[DISCONNECTED] ('127.0.0.1', \(closer.localPort)) has been removed.")
    try resetter.reset()
    try server.program.waitForLine("[DISCONNECTED] ('127.0.0.1', \(resetter.localPort)) has been removed.")
    #expect(
      Array(server.program.outputLines.dropFirst(3)) == [
        "[DISCONNECTED] ('127.0.0.1', \(closer.localPort)) has been removed.",
        "[CONNECTION LOST] ('127.0.0.1', \(resetter.localPort)) disconnected unexpectedly.",
        "[DISCONNECTED] ('127.0.0.1', \(resetter.localPort)) has been removed.",
      ])
  }

  @Test func `A server that dies is a lost connection, on a terminal and without`() throws {
    let server = try ServerProgram()
    let terminal = try Pty()
    let onTerminal = try Program(built: "mychatclient", [String(server.port)], on: terminal)
    let plain = try Program(built: "mychatclient", [String(server.port)])
    for _ in 0..<2 { _ = try server.nextPort() }
    try terminal.type("half a line")
    try terminal.waitForLine("half a line")

    server.program.signal(SIGKILL)
    #expect(try onTerminal.waitForExit() == .status(1))
    #expect(try plain.waitForExit() == .status(1))
    let greeting = "Connected to chat server. Type 'exit' to leave."
    let farewell = "[DISCONNECTED] Server connection lost."
    terminal.readWhatIsThere()
    #expect(terminal.screen.lines == [greeting, "half a line", farewell])
    #expect(plain.output == [])
    #expect(plain.errorLines == [greeting, farewell])
  }

  @Test func `When the server stops, its clients say that it has gone`() throws {
    let server = try ServerProgram()
    let client = try Program(built: "mychatclient", [String(server.port)])
    let member = try Dialogue(port: server.port)
    for _ in 0..<2 { _ = try server.nextPort() }
    try member.send("last words\n")
    try client.waitForLine("\(member.localPort): last words")
    server.program.signal(SIGTERM)
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.last == "[DISCONNECTED] Server connection lost.")
    try member.expectClosed()
    member.close()
    #expect(try server.program.waitForExit() == .status(0))
  }
}
