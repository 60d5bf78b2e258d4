import Glibc
import TestSupport
import Testing

/// The client with names at our own server.
@Suite(.timeLimit(.minutes(10))) struct ClientCommandsTests {
  private let directory: TemporaryDirectory
  private let terminal: Pty

  init() throws {
    directory = try TemporaryDirectory()
    terminal = try Pty(rows: 24, columns: 100)
  }

  /// A server on a port and on a Unix socket, and a member of it called bob, who says nothing.
  private func serverWithBob(_ options: String...) throws -> (ServerProgram, Dialogue) {
    let server = try ServerProgram(["0", "unix:\(directory.file("chat.sock"))"], options: options)
    let bob = try server.join()
    try bob.send("/nick bob\n")
    try bob.expect("* \(bob.localPort) is now bob")
    return (server, bob)
  }

  private func start(_ server: ServerProgram, _ options: String..., at place: Int = 0) throws -> Program {
    let arguments = ["\(server.addresses[place])", "--no-history"] + options
    return try Program(built: "mychatclient", arguments, on: terminal)
  }

  @Test(arguments: [0, 1]) func `Whoever takes a name is called so, and Tab knows who has said nothing`(place: Int)
    throws
  {
    let (server, bob) = try serverWithBob()
    let client = try start(server, "--name", "alice", at: place)
    let line = try bob.expectLine()
    #expect(line.hasSuffix(" is now alice"))
    try terminal.type("bo\thi\r")
    try bob.expect("alice: bob: hi")
    try bob.send("hello Alice, or alice\n/msg alice psst\n")
    try bob.expect("* Sent to alice.")
    // What is private comes first, as a rule.
    for line in ["bob: hello Alice, or alice", "[private] bob: psst"] { try terminal.waitForLine(line) }
    let written = String(decoding: terminal.bytes, as: UTF8.self)
    #expect(written.contains("or \u{1B}[0;1;7malice\u{1B}[0m"))
    #expect(!terminal.screen.text.contains("Here:"))
    try terminal.type("/msg bo\tsecret\r/quit\r")
    try bob.expect("[private] alice: secret")
    #expect(try client.waitForExit() == .status(0))
  }

  @Test func `A name that somebody has is refused, and that is shown`() throws {
    let (server, bob) = try serverWithBob()
    let client = try start(server, "--name", "bob")
    try terminal.waitForScreen("the refusal") { $0.lines.contains { $0.hasPrefix("* ") && $0.contains("bob") } }
    try terminal.type("hi\r")
    #expect(try bob.expectLine().hasSuffix(": hi"))
    client.signal(SIGTERM)
  }

  @Test func `A name is followed where Tab has asked`() throws {
    let (server, bob) = try serverWithBob()
    let client = try start(server)
    try terminal.waitForEditing()
    try terminal.type("x bo\t\r")
    #expect(try bob.expectLine().hasSuffix(": x bob"))
    try bob.send("/nick robert\n")
    try bob.expect("* bob is now robert")
    try terminal.waitForLine("* bob is now robert")
    try terminal.type("x rob\t\r")
    #expect(try bob.expectLine().hasSuffix(": x robert"))
    client.signal(SIGTERM)
  }

  @Test func `Help shows the keys, and below them what the server knows`() throws {
    let (server, bob) = try serverWithBob()
    let client = try start(server)
    try terminal.waitForEditing()
    try terminal.type("/help\r")
    try terminal.waitForScreen("the keys, and the server's commands") {
      $0.text.contains("Keys: Tab completes") && $0.text.contains("/nick")
    }
    #expect(try bob.peek() == [])
    client.signal(SIGTERM)
  }

  @Test func `At a server that knows no commands, help and settings are not sent`() throws {
    let server = try RawServer()
    let client = try Program(built: "mychatclient", [String(server.port)], on: terminal)
    try terminal.type("/help\r/set bell on\r")
    try terminal.waitForLine("[SET] bell on")
    #expect(terminal.screen.text.contains("Keys: Tab completes"))
    try terminal.type("/quit\r")
    #expect(try client.waitForExit() == .status(0))
    // The question who is here, which is a blank line to it.
    let said = server.messages.map(\.text).joined().filter { !$0.isWhitespace }
    #expect(said == "exit")
  }

  @Test func `A line is sent under a name`() throws {
    let (server, bob) = try serverWithBob()
    let address = "\(server.addresses[0])"
    let client = try Program(built: "mychatclient", [address, "--name", "carol", "--send", "hi"])
    #expect(try client.waitForExit() == .status(0))
    #expect(client.errors == [])
    #expect(try bob.expectLine().hasSuffix(" is now carol"))
    try bob.expect("carol: hi")
    let refused = try Program(built: "mychatclient", [address, "--name", "bob", "--send", "hi"])
    #expect(try refused.waitForExit() == .status(1))
    #expect(refused.errorLines.count == 1 && refused.errorLines[0].contains("bob"))
    let act = try Program(built: "mychatclient", [address, "--send", "/me waves"])
    #expect(try act.waitForExit() == .status(0))
    #expect(try bob.expectLine().hasPrefix("[action] "))
  }

  @Test func `In a pipe, all lines go out under the name`() throws {
    let (server, bob) = try serverWithBob()
    let client = try Program(built: "mychatclient", ["\(server.addresses[0])", "--name", "alice", "--json"])
    try client.write("one\n/me waves\n")
    client.closeInput()
    #expect(try client.waitForExit() == .status(0))
    #expect(try bob.expectLine().hasSuffix(" is now alice"))
    for line in ["alice: one", "[action] alice waves"] { try bob.expect(line) }
    #expect(client.outputLines.contains { $0.hasSuffix("\"text\":\"alice\",\"kind\":\"renamed\"}") })
  }
}
