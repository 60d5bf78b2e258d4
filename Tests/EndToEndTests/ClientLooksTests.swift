import Glibc
import TestSupport
import Testing

/// Colours, marks, times and the bell.
@Suite(.timeLimit(.minutes(10))) struct ClientLooksTests {
  private let server: ServerProgram
  private let member: Dialogue
  private let terminal: Pty

  init() throws {
    server = try ServerProgram()
    member = try server.join()
    terminal = try Pty()
  }

  /// A client on the terminal, after it was sent a message, a mention and a line that is none.
  /// - Returns: all that was written.
  private func shown(_ options: [String], environment: [String: String] = [:]) throws -> (text: String, own: UInt16) {
    let client = try Program(
      built: "mychatclient", [String(server.port)] + options, environment: environment, on: terminal)
    let own = try server.nextPort()
    try member.send("hello\nhey \(own), look\n")
    try terminal.waitForScreen("the mention") { $0.text.contains("hey \(own), look") }
    terminal.readWhatIsThere()
    try terminal.type("exit\r")
    #expect(try client.waitForExit() == .status(0))
    return (String(decoding: terminal.bytes, as: UTF8.self), own)
  }

  @Test func `Names have a colour and mentions a mark, and the text is the same`() throws {
    let (text, own) = try shown([])
    #expect(text.contains("\u{1B}[0;1;7m\(own)\u{1B}[0m, look"))
    #expect(text.contains(try Regex("\u{1B}\\[(1;)?3[1-6]m\(member.localPort)\u{1B}\\[0m: hello")))
    let lines = terminal.screen.lines
    #expect(lines.contains("\(member.localPort): hello") && lines.contains("\(member.localPort): hey \(own), look"))
  }

  @Test(arguments: [
    (["--color", "never"], [:]), ([], ["NO_COLOR": "1"]), ([], ["TERM": "dumb"]), (["--plain"], [:]),
  ])
  func `No colours where they are not wanted or not known`(options: [String], environment: [String: String]) throws {
    let (text, _) = try shown(options, environment: environment)
    #expect(!text.contains(try Regex("\u{1B}\\[[0-9;]*m")))
    if environment["TERM"] == "dumb" || options == ["--plain"] { #expect(!text.contains("\u{1B}")) }
  }

  @Test func `No colours in a pipe, unless they are asked for`() throws {
    for (options, isColoured) in [([], false), (["--color", "always"], true)] {
      let client = try Program(built: "mychatclient", [String(server.port)] + options)
      _ = try server.nextPort()
      try member.send("hello\n")
      _ = try client.waitForLine("the message") { $0.contains("hello") }
      #expect(client.output.contains(0x1B) == isColoured)
    }
  }

  @Test func `The time stands before each received line when it is wanted`() throws {
    _ = try shown(["--timestamps"])
    #expect(terminal.screen.text.contains(try Regex("(?m)^[0-2][0-9]:[0-5][0-9] \(member.localPort): hello$")))
  }

  @Test func `The bell rings at a mention when it is wanted`() throws {
    let (text, _) = try shown(["--bell"])
    #expect(text.count { $0 == "\u{7}" } == 1)
  }

  @Test func `The bell does not ring unless it is wanted, but for a key that can do nothing`() throws {
    let (text, _) = try shown([])
    #expect(!text.contains("\u{7}"))
    let second = try Pty()
    let client = try Program(built: "mychatclient", [String(server.port)], on: second)
    try second.type("\u{7F}")
    try second.waitForScreen("the bell") { _ in second.bytes.contains(0x07) }
    client.signal(SIGTERM)
  }
}
