import TestSupport
import Testing

/// Somebody in the room, whatever program they use.
protocol Speaker {
  /// By which the others know them.
  var port: UInt16 { get }
  func say(_ text: String) throws
  /// The next that they hear is `line`, and nothing else comes with it.
  func hear(_ line: String) throws
  /// Says `exit`, and sees the server's goodbye.
  func leave() throws
}

/// Bare `nc`, with a person's lines on its standard input.
struct NetcatSpeaker: Speaker {
  let port: UInt16
  private let netcat: Program

  init(in server: ServerProgram) throws {
    netcat = try Program(Program.found("nc"), ["127.0.0.1", String(server.port)])
    port = try server.nextPort()
  }

  func say(_ text: String) throws { try netcat.write(text + "\n") }

  func hear(_ line: String) throws {
    #expect(try netcat.waitForLine(line) { _ in true } == line)
  }

  func leave() throws {
    try netcat.write("exit\n")
    netcat.closeInput()
    #expect(try netcat.waitForExit() == .status(0))
    #expect(netcat.errorLines == [])
  }
}

/// A program that ends its lines with CR LF, as telnet does.
struct ReturnSpeaker: Speaker {
  var port: UInt16 { peer.localPort }
  private let peer: Dialogue

  init(in server: ServerProgram) throws { peer = try server.join() }

  func say(_ text: String) throws { try peer.send(text + "\r\n") }
  func hear(_ line: String) throws { try peer.expect(line) }

  func leave() throws {
    try peer.send("exit\r\n")
    try peer.expectClosed()
  }
}

/// A client of SEED.md's kind: a message is sent as raw bytes without a newline, and what one receive gives is a message.
struct RawSpeaker: Speaker {
  var port: UInt16 { peer.localPort }
  private let peer: Dialogue

  init(in server: ServerProgram) throws { peer = try server.join() }

  func say(_ text: String) throws { try peer.send(text) }
  func hear(_ line: String) throws { #expect(try peer.receiveOnce() == line + "\n") }

  func leave() throws {
    try peer.send("exit")
    try peer.expectClosed()
  }
}

/// Our client without a terminal.
struct PlainClientSpeaker: Speaker {
  let port: UInt16
  private let client: Program

  init(in server: ServerProgram) throws {
    client = try Program(built: "mychatclient", [String(server.port)])
    port = try server.nextPort()
    try client.waitForErrorLine("Connected to chat server. Type 'exit' to leave.")
  }

  func say(_ text: String) throws { try client.write(text + "\n") }

  func hear(_ line: String) throws {
    #expect(try client.waitForLine(line) { _ in true } == line)
  }

  func leave() throws {
    try client.write("exit\n")
    #expect(try client.waitForExit() == .status(0))
    #expect(
      client.errorLines == ["Connected to chat server. Type 'exit' to leave.", "Disconnected from server"])
  }
}
