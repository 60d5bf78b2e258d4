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

  @Test func `The time stands before each line, one's own too, when it is wanted`() throws {
    let client = try Program(
      built: "mychatclient", [String(server.port), "--timestamps", "--prompt", "%n> "], on: terminal)
    let own = try server.nextPort()
    try member.send("hello\n")
    try terminal.type("日本 and more than one row of it" + String(repeating: " x", count: 40) + "\rhi\r")
    try terminal.waitForScreen("the last line") { $0.lines.contains { $0.hasSuffix("\(own)> hi") } }
    try terminal.type("exit\r")
    #expect(try client.waitForExit() == .status(0))
    terminal.readWhatIsThere()
    let time = "[0-2][0-9]:[0-5][0-9]"
    for line in ["\(member.localPort): hello", "\(own)> 日本 and more than.*", "\(own)> hi"] {
      #expect(terminal.screen.text.contains(try Regex("(?m)^\(time) \(line)$")), "\(line)")
    }
    #expect(terminal.screen.lines.count { $0.contains("日本") } == 1, "nothing of it stays twice")
  }

  @Test func `Looks change while one talks`() throws {
    let client = try Program(built: "mychatclient", [String(server.port)], on: terminal)
    _ = try server.nextPort()
    try terminal.type("/set timestamps on\r")
    try terminal.waitForLine("[SET] timestamps on")
    try member.send("one\n")
    try terminal.waitForScreen("the time") {
      $0.lines.contains { $0.hasSuffix(" \(member.localPort): one") && $0.first?.isNumber == true }
    }
    try terminal.type("/set timestamps off\r/set color off\r")
    try terminal.waitForLine("[SET] color off")
    let before = terminal.bytes.count
    try member.send("two\n")
    try terminal.waitForLine("\(member.localPort): two")
    #expect(!String(decoding: terminal.bytes[before...], as: UTF8.self).contains("\u{1B}[0m"))
    try terminal.type("/set\r")
    try terminal.waitForLine("[SET] color off, timestamps off, bell off")
    try terminal.type("/set colour\r")
    try terminal.waitForScreen("how") { $0.text.contains("[SET] Write /set NAME on or /set NAME off") }
    try terminal.type("/quit\r")
    #expect(try client.waitForExit() == .status(0))
    #expect(try member.peek() == [], "nothing of it goes to others")
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
