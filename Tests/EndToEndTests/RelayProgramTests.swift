import ChatWire
import Glibc
import TestSupport
import Testing

/// `mychatclient --relay`, run by hand.
@Suite(.timeLimit(.minutes(10))) struct RelayProgramTests {
  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("room.sock")
  }

  @Test func `It says that it is ready, and ends at once when the server does`() throws {
    let server = try ScriptedServer(at: .unix(path: path))
    let relay = try Program(built: "mychatclient", ["--relay", path])
    let connection = try server.accept()
    try relay.waitForLine("mychat relay ready")
    try relay.write("hello\n")
    try connection.expectAll("hello\n")
    try connection.send("1: so long\n")
    try connection.finishSending()
    #expect(try relay.waitForExit() == .status(0))
    #expect(relay.outputLines == ["mychat relay ready", "1: so long"] && relay.errors == [])
  }

  @Test func `The end of its input is the end of the stream, and what the server says then still comes`() throws {
    let server = try ScriptedServer(at: .unix(path: path))
    let relay = try Program(built: "mychatclient", ["--relay", path])
    let connection = try server.accept()
    try relay.write("last")
    relay.closeInput()
    #expect(try connection.receiveAll() == Array("last".utf8))
    try connection.send("1: last\n")
    connection.close()
    #expect(try relay.waitForExit() == .status(0))
    #expect(relay.outputLines.last == "1: last")
  }

  @Test func `Much goes both ways, and a side that is slow does not hold up the other`() throws {
    let server = try ScriptedServer(at: .unix(path: path))
    let relay = try Program(built: "mychatclient", ["--relay", path])
    let connection = try server.accept()
    // More than the relay and the kernel hold, of which nobody reads anything yet.
    let line = String(repeating: "x", count: 999) + "\n"
    var rest = Array(String(repeating: line, count: 2000).utf8)[...]
    try eventually("the way to be full") {
      let sent = try connection.sendWithoutWaiting(rest)
      rest = rest.dropFirst(sent)
      return sent == 0
    }
    try relay.write("not held up\n")
    try connection.expect("not held up")
    try eventually("all to be sent") {
      relay.readWhatIsThere()
      rest = rest.dropFirst(try connection.sendWithoutWaiting(rest))
      return rest.isEmpty
    }
    connection.close()
    #expect(try relay.waitForExit() == .status(0))
    #expect(relay.outputLines.count == 2001 && relay.outputLines.dropFirst().allSatisfy { $0.utf8.count == 999 })
  }

  @Test func `A server that goes without having read all is a failure`() throws {
    let server = try ScriptedServer(at: .unix(path: path))
    let relay = try Program(built: "mychatclient", ["--relay", path])
    let connection = try server.accept()
    try relay.write("unread\n")
    try eventually("the line to come") { try connection.hasSomething }
    connection.close()
    #expect(try relay.waitForExit() == .status(69))
    #expect(
      relay.errorLines == [
        "[ERROR] The connection between ssh and the server broke: Connection reset by peer. Connect again."
      ])
  }

  @Test func `It ends with whoever reads it, even where nothing is said`() throws {
    let server = try ScriptedServer(at: .unix(path: path))
    let relay = try Program(built: "mychatclient", ["--relay", path])
    let connection = try server.accept()
    try relay.waitForLine("mychat relay ready")
    relay.closeOutput()
    #expect(try relay.waitForExit() == .status(69))
    try connection.expectClosed()
  }

  @Test func `Where nobody listens, one line says so`() throws {
    let relay = try Program(built: "mychatclient", ["--relay", path])
    #expect(try relay.waitForExit() == .status(69))
    #expect(relay.errorLines == ["[ERROR] There is no socket file \(path). Is the server running on unix:\(path)?"])
    #expect(relay.output == [])
  }

  @Test(arguments: [
    ["--relay", "12345"], ["--relay", "relative"], ["--relay", "--json"], ["--relay", "--send", "hi"],
  ])
  func `Wrong usage is refused`(arguments: [String]) throws {
    let relay = try Program(built: "mychatclient", arguments)
    #expect(try relay.waitForExit() == .status(64))
    #expect(relay.errorLines.count == 1 && relay.errorLines[0].hasPrefix("[ERROR] --relay"))
  }

  @Test func `A person who starts it is told what to use`() throws {
    let terminal = try Pty(columns: 150)
    let relay = try Program(built: "mychatclient", ["--relay", path], on: terminal)
    #expect(try relay.waitForExit() == .status(64))
    try terminal.waitForScreen("what to use") { $0.text.contains("mychatclient ssh://HOST") }
  }
}
