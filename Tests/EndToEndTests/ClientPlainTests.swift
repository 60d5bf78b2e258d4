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

  @Test func `Whoever pauses in a half line is told how many lines wait, and goes on typing`() throws {
    try terminal.resize(rows: 24, columns: 80)
    try terminal.type("half")
    try terminal.waitForLine("half")
    try member.send("one\ntwo\n")
    try terminal.waitForScreen("the count, and the half line below it") {
      $0.lines.suffix(3) == [
        "half", "[WAITING] 2 lines are shown once you enter this line or clear it (Ctrl-U).", "half",
      ]
    }
    try member.send((3...20).map { "line \($0)\n" }.joined())
    try terminal.waitForScreen("the count again, once it is ten times as large") {
      $0.lines.suffix(2) == [
        "[WAITING] 20 lines are shown once you enter this line or clear it (Ctrl-U).", "half",
      ]
    }
    try terminal.type(" line\r")
    try member.expect("\(port): half line")
    try terminal.waitForLine("\(member.localPort): line 20")
    let lines = Array(terminal.screen.lines.suffix(21).prefix(3))
    #expect(lines == ["half line", "\(member.localPort): one", "\(member.localPort): two"])
    try finish()
  }

  @Test func `A half line holds up nobody, and nothing is lost of it or of what arrives`() throws {
    let directory = try TemporaryDirectory()
    // Nobody is overtaken here: whoever does not read holds up the room.
    let server = try ServerProgram(["0", "unix:\(directory.file("chat"))"], options: ["--patience", "60"])
    let (sender, receiver) = (try server.join(), try server.join())
    let terminal = try Pty(rows: 24, columns: 100)
    // Through a Unix socket, because the kernel keeps little for it.
    let client = try Program(built: "mychatclient", ["\(server.addresses[1])", "--plain"], on: terminal)
    _ = try server.program.waitForLine("the client") { $0.hasPrefix("[NEW CONNECTION]") }
    try terminal.type("half")
    try terminal.waitForLine("half")

    let filler = String(repeating: "x", count: 60)
    let lines = (0..<24_000).map { "\(sender.localPort): \($0) \(filler)" }
    let said = Array((0..<24_000).map { "\($0) \(filler)\n" }.joined().utf8)
    var sent = 0
    try eventually("everybody to have all") {
      terminal.readWhatIsThere()
      sent += try sender.sendWithoutWaiting(said[sent...])
      return try receiver.peek().count == said.count + lines.count * "\(sender.localPort): ".utf8.count
    }
    try eventually("more than may wait beside half a line to be shown below it") {
      terminal.readWhatIsThere()
      return terminal.bytes.contains(lines[0].utf8)
    }
    try terminal.type(" line\r")
    try terminal.waitForScreen("the last line") { _ in terminal.bytes.suffix(200).contains(lines[23_999].utf8) }
    let shown = String(decoding: terminal.bytes, as: UTF8.self).split(separator: "\r\n").map(String.init)
    #expect(shown.filter { $0.hasSuffix("x") } == lines)
    // On a busy machine it takes so long that the person is told how many lines wait, and what is typed so far stands below that
    // again.
    let drafts = shown.filter { "half line".hasPrefix($0) }
    #expect(drafts.last == "half line" && drafts.count > 1 && drafts.allSatisfy { $0.hasPrefix("half") }, "\(drafts)")
    #expect(try sender.expectLine().hasSuffix(": half line"))
    client.signal(SIGTERM)
  }
}
