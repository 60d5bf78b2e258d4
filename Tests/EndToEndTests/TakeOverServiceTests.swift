import ChatWire
import Glibc
import TestSupport
import Testing

/// What an administrator has set up around a server, from one program to the next.
@Suite(.timeLimit(.minutes(10))) struct TakeOverServiceTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  // MARK: Metrics

  /// What a collector gets that asks there.
  private func metrics(at address: Address) throws -> String {
    let collector = try Dialogue(connectingTo: address)
    try collector.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return String(decoding: try collector.receiveAll(), as: UTF8.self)
  }

  private func value(_ name: String, in text: String) -> Int? {
    text.split(separator: "\n").first { $0.hasPrefix(name + "{") }?.split(separator: " ").last.flatMap { Int($0) }
  }

  @Test func `Counters go on, for those who ask and in the file, and the server has started when it did`() throws {
    let (socket, file) = (Address.unix(path: directory.file("metrics")), directory.file("lab.prom"))
    let server = try ServerProgram(options: ["--metrics", "\(socket)", "--metrics-file", file])
    let (member, other) = (try server.join(), try server.join())
    try member.send("one\n")
    try other.expect("\(member.localPort): one")
    other.close()
    try eventually("it to be gone") { value("mychat_members", in: try metrics(at: socket)) == 1 }
    let before = try metrics(at: socket)
    // The start is told to the second.
    let start = WallTime.now
    try eventually("the next second") { WallTime.now > start }
    let descriptors = server.openDescriptors
    for _ in 0..<3 {
      try server.takeOver(members: 1)
      try server.program.waitForLine("[METRICS] Metrics are at \(socket)")
    }
    let after = try metrics(at: socket)
    for name in [
      "mychat_start_time_seconds", "mychat_connections_accepted_total", "mychat_lines_said_total",
      "mychat_connections_left_total", "mychat_bytes_sent_total", "mychat_members",
    ] {
      let value = value(name, in: after)
      #expect(value == self.value(name, in: before) && value != nil, "\(name): \(after)")
    }
    #expect(after.contains("\nmychat_members{server=\"\(server.address)\"} 1\n"))
    try member.send("two\n")
    try eventually("two lines said") { value("mychat_lines_said_total", in: try metrics(at: socket)) == 2 }
    try eventually("\(descriptors) descriptors; there are \(server.openDescriptors)") {
      server.openDescriptors == descriptors
    }
    try server.stop()
    #expect(value("mychat_lines_said_total", in: text(ofFile: file)) == 2)
    #expect(!exists(directory.file("metrics")) && !exists(directory.file("metrics.lock")))
  }

  @Test func `Without a place for its metrics the server goes on, and says so`() throws {
    let path = directory.file("metrics")
    let server = try ServerProgram(options: ["--metrics", "unix:\(path)"])
    let member = try server.join()
    #expect(unlink(path) == 0)
    try TestSupport.write("somebody's", to: path)
    try server.takeOver(members: 1)
    let line = try server.program.waitForLine("what is wrong") { $0.hasPrefix("[METRICS] ") }
    #expect(line.hasSuffix("The server goes on without its metrics there."))
    try member.send("/who\n")
    try member.expect("* Nobody else is here.")
    try server.stop()
    #expect(server.program.errorLines == ["[ERROR] " + line.dropFirst("[METRICS] ".count)])
    #expect(text(ofFile: path) == "somebody's")
  }

  /// Asks for a take-over, again where the machine is too busy.
  /// - Parameter told: all that has been told of take-overs, wherever that is.
  /// - Returns: the line that says what became of it.
  private func takeOver(_ server: Program, told: () -> String) throws -> String {
    func lines() -> [Substring] { told().split(separator: "\n").filter { $0.lowercased().contains("takeover") } }
    while true {
      let before = lines().count
      server.signal(SIGUSR2)
      try eventually("a word on the take-over; there is \(told())") { lines().count > before }
      if let line = lines().last, !line.contains("has not said within") { return String(line) }
    }
  }

  // MARK: The log

  @Test func `The log goes on in its file, as JSON, wherever that is by now, until SIGHUP`() throws {
    let path = directory.file("log")
    let server = try Program(built: "mychatserver", ["0", "--log-file", path, "--log-format", "json"])
    func waitForLog(_ text: String, in path: String) throws {
      try eventually("\(text) in the log; it is \(TestSupport.text(ofFile: path))") {
        TestSupport.text(ofFile: path).contains(text)
      }
    }
    try waitForLog("\"listening\"", in: path)
    let port = text(ofFile: path).split(separator: "127.0.0.1:").last?.prefix(while: \.isNumber)
    let member = try Dialogue(port: try #require(UInt16(port ?? "")))
    try member.send("one\n")
    try waitForLog("\"text\":\"one\"", in: path)
    #expect(rename(path, path + ".1") == 0)
    let goesOn =
      ",\"event\":\"takeover\",\"peer\":null,\"name\":null,"
      + "\"text\":\"mychatserver 1.0.0 goes on with 1 member.\"}"
    for _ in 0..<2 {
      let told = try takeOver(server) { text(ofFile: path + ".1") }
      #expect(told.hasSuffix(goesOn), "\(told)")
    }
    try member.send("two\n")
    try waitForLog("\"text\":\"two\"", in: path + ".1")
    #expect(!exists(path))
    server.signal(SIGHUP)
    try waitForLog("was opened anew.", in: path)
    try member.send("three\n")
    try waitForLog("\"text\":\"three\"", in: path)
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
    #expect(server.outputLines == [])
    let log = text(ofFile: path + ".1") + text(ofFile: path)
    for word in ["one", "two", "three"] { #expect(log.ranges(of: "\"text\":\"\(word)\"").count == 1, "\(log)") }
  }

  // MARK: Options

  @Test func `A file of options is read again, and refused if it is wrong or would need a restart`() throws {
    let (file, log, token) = (directory.file("lab.conf"), directory.file("log"), directory.file("token"))
    try TestSupport.write("# Nothing yet\n", to: file)
    let server = try ServerProgram(options: ["--config", file])
    let member = try server.join()
    func refusal(of text: String) throws -> String {
      try TestSupport.write(text, to: file)
      return try takeOver(server.program, told: told)
    }
    func told() -> String {
      server.program.readWhatIsThere()
      return server.program.outputLines.joined(separator: "\n") + "\n" + text(ofFile: log)
    }
    func failed(_ why: String) -> String { "[TAKEOVER] failed: \(why) The former program goes on." }
    #expect(
      try refusal(of: "# A room\n--tpoic Tea\n")
        == failed("\(file):2: Unknown option '--tpoic'. Did you mean '--topic'? See 'mychatserver --help'."))
    #expect(
      try refusal(of: "unix:\(directory.file("s"))\n")
        == failed("The addresses to listen on have changed, and that takes a restart."))
    #expect(
      try refusal(of: "--transcript \(directory.file("t"))\n")
        == failed("--transcript has changed, and that takes a restart."))
    #expect(
      try refusal(of: "--socket-mode 600\n") == failed("--socket-mode has changed, and that takes a restart."))
    #expect(
      try refusal(of: "--socket-group 0\n") == failed("--socket-group has changed, and that takes a restart."))
    #expect(try refusal(of: "--operator-token-file \(token)\n").contains("Cannot use '\(token)'"))
    #expect(try refusal(of: "--log-file \(directory.file("none/log"))\n").contains("for the log: there is no such"))
    #expect(try refusal(of: "--welcome \(directory.file("none"))\n").contains("for the welcome: there is no such"))

    try TestSupport.write("a secret token\n", to: token, mode: 0o600)
    let options = ["--topic Tea", "--operator-token-file \(token)", "--log-file \(log)", "--no-message-text"]
    try TestSupport.write(options.joined(separator: "\n") + "\n", to: file)
    #expect(try takeOver(server.program, told: told) == "[TAKEOVER] mychatserver 1.0.0 goes on with 1 member.")
    #expect(text(ofFile: log).hasPrefix("[TAKEOVER] "))
    let other = try Dialogue(connectingTo: server.address)
    try other.expect("* Topic: Tea")
    try member.send("/op a secret token\nhello\n")
    try member.expect("* You are an operator now. /help lists what you can do.")
    try other.expect("\(member.localPort): hello")
    try server.stop()
    #expect(text(ofFile: log).contains("[('127.0.0.1', \(member.localPort))] Relaying message.\n"))
    #expect(!text(ofFile: log).contains("hello"))
  }
}
