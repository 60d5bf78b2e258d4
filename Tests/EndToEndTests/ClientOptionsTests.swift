import ChatWire
import Glibc
import TestSupport
import Testing

/// The client's prompt, its log, and what a person wants always.
@Suite(.timeLimit(.minutes(10))) struct ClientOptionsTests {
  private let server: ServerProgram
  private let directory: TemporaryDirectory
  private let terminal: Pty

  init() throws {
    server = try ServerProgram()
    directory = try TemporaryDirectory()
    terminal = try Pty()
  }

  @Test func `The prompt has the person's name as it is now`() throws {
    let client = try Program(
      built: "mychatclient", [String(server.port), "--prompt", "%F{green}%n%f> "], on: terminal)
    let port = try server.nextPort()
    try terminal.waitForScreen("the prompt") { $0.lines.last == "\(port)>" }
    try terminal.type("/nick ada\r")
    try terminal.waitForScreen("the new name") { $0.lines.last == "ada>" }
    #expect(String(decoding: terminal.bytes, as: UTF8.self).contains("\u{1B}[32mada\u{1B}[39m> "))
    client.signal(SIGTERM)
  }

  @Test(arguments: [["--plain"], ["--color", "never"]])
  func `A prompt has no colours where none are wanted`(options: [String]) throws {
    let client = try Program(
      built: "mychatclient", [String(server.port), "--prompt", "%F{green}%n%f> "] + options, on: terminal)
    let port = try server.nextPort()
    try terminal.waitForScreen("the prompt") { $0.lines.last == "\(port)>" }
    #expect(!String(decoding: terminal.bytes, as: UTF8.self).contains("\u{1B}[32m"))
    client.signal(SIGTERM)
  }

  private func withoutTimes(_ path: String) -> [String] {
    text(ofFile: path).split(separator: "\n").map { line in
      #expect(line.contains(#/^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} /#), "\(line)")
      return String(line.dropFirst(20))
    }
  }

  @Test func `A log has what both sides say, while the editor stays`() throws {
    let path = directory.file("chat.log")
    let member = try server.join()
    let client = try Program(
      built: "mychatclient", [String(server.port), "--log", path, "--timestamps"], on: terminal)
    let port = try server.nextPort()
    try terminal.type("hi\r")
    try member.expect("\(port): hi")
    try member.send("hello ü\n")
    try terminal.type("half")
    try eventually("the log to have it") { withoutTimes(path).last == "\(member.localPort): hello ü" }
    try terminal.type("\u{15}/nick ada\r")
    try terminal.waitForScreen("the name") { $0.text.contains("* \(port) is now ada") }
    try terminal.type("/me waves\r")
    try member.expect("* \(port) is now ada")
    try member.expect("[action] ada waves")
    try terminal.type("exit\r")
    #expect(try client.waitForExit() == .status(0))
    #expect(
      withoutTimes(path).filter { !$0.contains("is now") } == [
        "[CONNECTED] 127.0.0.1:\(server.port)", "\(port): hi", "\(member.localPort): hello ü", "[action] ada waves",
        "Disconnected from server",
      ])
  }

  @Test func `A log is kept in a pipe too`() throws {
    let path = directory.file("chat.log")
    let member = try server.join()
    let client = try Program(built: "mychatclient", [String(server.port), "--log", path])
    let port = try server.nextPort()
    try client.write("hi\nand more\n")
    try member.expect("\(port): hi")
    try member.send("hello\n")
    try client.waitForLine("\(member.localPort): hello")
    client.closeInput()
    #expect(try client.waitForExit() == .status(0))
    #expect(
      withoutTimes(path).sorted()
        == [
          "Disconnected from server", "[CONNECTED] 127.0.0.1:\(server.port)", "\(port): hi", "\(port): and more",
          "\(member.localPort): hello",
        ].sorted())
  }

  @Test func `However much comes at once, the log has all of it`() throws {
    let path = directory.file("chat.log")
    let member = try server.join()
    let client = try Program(built: "mychatclient", [String(server.port), "--log", path])
    let port = try server.nextPort()
    let lines = (0..<5000).map { "line \($0) of many" }
    try client.write(lines.joined(separator: "\n") + "\n")
    for line in lines { try member.expect("\(port): \(line)") }
    try member.send(lines.joined(separator: "\n") + "\n")
    try client.waitForLine("\(member.localPort): line 4999 of many")
    client.closeInput()
    #expect(try client.waitForExit() == .status(0))
    let logged = withoutTimes(path)
    #expect(logged.filter { $0.hasPrefix("\(port): ") } == lines.map { "\(port): \($0)" })
    #expect(logged.filter { $0.hasPrefix("\(member.localPort): ") } == lines.map { "\(member.localPort): \($0)" })
  }

  @Test(.enabled(if: !isSanitized, "the limit on files breaks the sanitizer's own"))
  func `A log that cannot grow is told, and the conversation goes on`() throws {
    let path = directory.file("chat.log")
    let member = try server.join()
    // Blocks of 512 bytes (POSIX, ulimit).
    let command = "ulimit -f 1; exec '\(try Program.built("mychatclient"))' \(server.port) --log '\(path)' | cat"
    let client = try Program("/bin/sh", ["-c", command])
    _ = try server.nextPort()
    for number in 0..<30 {
      try member.send("line \(number) of many that make a file grow\n")
      try client.waitForLine("\(member.localPort): line \(number) of many that make a file grow")
    }
    client.closeInput()
    #expect(try client.waitForExit() == .status(0))
    #expect(client.errorLines.count { $0.hasPrefix("[LOG] \(path) cannot be written: File too large") } == 1)
    #expect(
      client.errorLines.last?.hasSuffix(" lines are missing at the end of the log.") == true, "\(client.errorLines)")
  }

  @Test func `A log that cannot be kept is an error before anybody is connected`() throws {
    let client = try Program(
      built: "mychatclient", [String(server.port), "--log", "/nonexistent/log"], input: .nothing)
    #expect(try client.waitForExit() == .status(1))
    #expect(
      client.errorLines.count == 1 && client.errorLines[0].hasPrefix("[ERROR] Cannot write a log in /nonexistent/log"))
    #expect(try server.join().peek() == [])
  }

  private func defaults(_ text: String) throws -> [String: String] {
    mkdir(directory.file("mychat"), 0o700)
    try write(text, to: directory.file("mychat/client"))
    return ["XDG_CONFIG_HOME": directory.path]
  }

  @Test func `What a person wants always is in a file, and the command line counts more`() throws {
    let environment = try defaults("# mine\n--name ada\n--prompt '%n: '\n--no-history\n")
    let history = directory.file("history")
    let client = try Program(
      built: "mychatclient", [String(server.port), "--history", history], environment: environment,
      on: terminal)
    try terminal.waitForScreen("the name in the prompt") { $0.lines.last == "ada:" }
    try terminal.type("hi\r")
    try terminal.waitForScreen("the blank") { $0.lines.contains("ada: hi") }
    try eventually("the history") { text(ofFile: history).contains("hi") }
    client.signal(SIGTERM)
  }

  @Test(arguments: [
    ("--nam ada\n", ":1: ", "--nam"), ("--name ada\n\n12345\n", ":3: ", "no long option"),
    ("-h\n", ":1: ", "no long option"),
    ("--help\n", ":1: ", "not in a file"), ("--send hi\n", ":1: ", "not in a file"),
    ("--color green\n", ":1: ", "green"),
    ("--history-size 0\n", ":1: ", "--history-size"),
  ])
  func `A line of it that is wrong is named`(text: String, place: String, reason: String) throws {
    let client = try Program(
      built: "mychatclient", [String(server.port)], environment: defaults(text), input: .nothing)
    #expect(try client.waitForExit() == .status(64))
    let error = client.errorLines.joined(separator: "\n")
    #expect(
      client.errorLines.count == 1 && error.contains("mychat/client\(place)") && error.contains(reason), "\(error)")
  }

  @Test func `--send does without it`() throws {
    let member = try server.join()
    let client = try Program(
      built: "mychatclient", [String(server.port), "--send", "hi"], environment: defaults("--nonsense\n"),
      input: .nothing)
    #expect(try client.waitForExit() == .status(0))
    #expect(try member.expectLine().hasSuffix(": hi"))
  }
}
