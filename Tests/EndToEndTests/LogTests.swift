import ChatWire
import Glibc
import TestSupport
import Testing

/// The forms and the places of the server's log.
@Suite(.timeLimit(.minutes(10))) struct LogTests {
  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("log")
  }

  /// What an object of the log says behind its time, which has to be one.
  private func withoutTime(_ line: String) throws -> String {
    let start = "{\"time\":\""
    #expect(line.hasPrefix(start), "\(line)")
    let time = line.utf8.dropFirst(start.utf8.count).prefix(24)
    let seconds = WallTime(parsing: Array(time.prefix(19)) + [UInt8(ascii: "Z")])
    #expect(seconds.map { abs($0.seconds - WallTime.now.seconds) < 600 } == true, "\(line)")
    #expect(Array(time).last == UInt8(ascii: "Z"), "\(line)")
    return String(decoding: Array(line.utf8.dropFirst(start.utf8.count + 24 + 1)), as: UTF8.self)
  }

  private static let listening = ",\"event\":\"listening\",\"peer\":null,\"name\":null,\"text\":\""

  /// Waits until the log's file says where the server listens.
  private func address(in path: String) throws -> Address {
    var found: String?
    try eventually("a server that listens; its log is \(text(ofFile: path))") {
      for start in ["[LISTENING] Server is listening on ", Self.listening] where found == nil {
        found = text(ofFile: path).components(of: start, until: "\"\n").first
      }
      return found != nil
    }
    return try Address(parsing: try #require(found))
  }

  private func waitForLine(_ line: String, in path: String) throws {
    try eventually("\(line) in the log; it is \(text(ofFile: path))") {
      text(ofFile: path).split(separator: "\n").contains { $0 == line }
    }
  }

  @Test func `In JSON each thing that happens is an object that says who it is about`() throws {
    let server = try Program(built: "mychatserver", ["0", "--log-format", "json"])
    let first = try withoutTime(server.waitForLine("where it listens") { _ in true })
    #expect(first.hasPrefix(Self.listening), "\(first)")
    let member = try Dialogue(
      connectingTo: Address(parsing: String(first.dropFirst(Self.listening.count).prefix { $0 != "\"" })))
    try member.send("say \"hi\" \\ \tÅ\u{7}\n/me waves\n/nick ada\n/nick ada\nback\nexit\n")
    _ = try member.receiveAll()
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
    let port = member.localPort
    func object(_ event: String, _ name: String, _ text: String) -> String {
      ",\"event\":\"\(event)\",\"peer\":\"127.0.0.1:\(port)\",\"name\":\"\(name)\",\"text\":\(text)}"
    }
    #expect(
      try server.outputLines.dropFirst().map(withoutTime) == [
        object("connected", "\(port)", "null"),
        object("message", "\(port)", "\"say \\\"hi\\\" \\\\ \\tÅ^G\""),
        object("action", "\(port)", "\"waves\""),
        object("renamed", "\(port)", "\"ada\""),
        object("message", "ada", "\"back\""),
        object("exit", "ada", "null"),
        object("disconnected", "ada", "null"),
      ])
  }

  @Test func `Members of a Unix socket are told apart in JSON`() throws {
    let socket = Address.unix(path: directory.file("chat.sock"))
    let server = try Program(built: "mychatserver", [socket.description, "--log-format", "json"])
    _ = try server.waitForLine("where it listens") { $0.contains("listening") }
    let members = try (0..<2).map { _ in try Dialogue(connectingTo: socket) }
    for member in members { try member.send("hi\n") }
    var peers: Set<String> = []
    while peers.count < 2 {
      let line = try server.waitForLine("a message") { $0.contains("\"event\":\"message\"") }
      peers.formUnion(line.components(of: "\"peer\":\"", until: "\""))
    }
    // Both have the login of whoever runs the tests.
    let first = try #require(peers.min())
    #expect(first.hasPrefix("\(socket)#") && peers == [first, "\(first)/2"])
  }

  @Test(arguments: ["text", "json"]) func `Without the text of messages the log tells only that there was one`(
    format: String
  ) throws {
    let server = try Program(
      built: "mychatserver", ["0", "--no-message-text", "--log-format", format, "--log-file", path])
    let member = try Dialogue(connectingTo: address(in: path))
    try member.send("a secret\n/me hides a secret\nexit\n")
    _ = try member.receiveAll()
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
    let log = text(ofFile: path)
    #expect(!log.contains("secret"), "\(log)")
    let port = member.localPort
    if format == "text" {
      #expect(log.split(separator: "\n").count { $0 == "[('127.0.0.1', \(port))] Relaying message." } == 2, "\(log)")
    } else {
      #expect(log.contains("\"event\":\"message\",\"peer\":\"127.0.0.1:\(port)\",\"name\":\"\(port)\",\"text\":null}"))
    }
  }

  @Test func `Each line of the log has its time where that is wanted`() throws {
    let server = try Program(built: "mychatserver", ["0", "--log-times", "--log-file", path])
    try eventually("a server that listens") { text(ofFile: path).contains("[LISTENING] ") }
    let place = try #require(
      text(ofFile: path).components(of: "[LISTENING] Server is listening on ", until: "\n").first)
    let member = try Dialogue(connectingTo: Address(parsing: place))
    try member.send("hi\nexit\n")
    _ = try member.receiveAll()
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
    let lines = text(ofFile: path).split(separator: "\n")
    for line in lines {
      let time = WallTime(parsing: Array(line.utf8.prefix(WallTime.textBytes)))
      #expect(time.map { abs($0.seconds - WallTime.now.seconds) < 600 } == true, "\(line)")
    }
    let peer = "('127.0.0.1', \(member.localPort))"
    #expect(
      lines.dropFirst().map { String($0.dropFirst(WallTime.textBytes)) } == [
        " [NEW CONNECTION] \(peer) connected.", " [\(peer)] Relaying message: \(member.localPort): hi",
        " [\(peer)] Sent exit command.", " [DISCONNECTED] \(peer) has been removed.",
      ])
  }

  @Test(arguments: ["text", "json"]) func `A quiet log has all but messages`(format: String) throws {
    let server = try Program(
      built: "mychatserver", ["0", "--quiet", "--log-format", format, "--log-file", path])
    let member = try Dialogue(connectingTo: address(in: path))
    try member.send("hi\n/me waves\nexit\n")
    _ = try member.receiveAll()
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
    let log = text(ofFile: path)
    #expect(!log.contains("hi") && !log.contains("waves") && !log.contains("essage"), "\(log)")
    #expect(log.split(separator: "\n").count == 4, "\(log)")
  }

  @Test(arguments: [["--log-times", "--log-format", "json"], ["--quiet", "--no-message-text"]])
  func `Options of the log that contradict each other are wrong usage`(options: [String]) throws {
    let server = try Program(built: "mychatserver", ["0"] + options, input: .nothing)
    #expect(try server.waitForExit() == .status(64))
    #expect(server.errorLines.count == 1)
  }

  @Test func `A log in a file goes on behind what is there, and SIGHUP goes on in a new file after a rename`() throws {
    try append("of yesterday\n", to: path)
    let server = try Program(built: "mychatserver", ["0", "--log-file", path])
    let member = try Dialogue(connectingTo: address(in: path))
    try member.send("one\n")
    let prefix = "[('127.0.0.1', \(member.localPort))] Relaying message: \(member.localPort): "
    try waitForLine(prefix + "one", in: path)
    #expect(text(ofFile: path).hasPrefix("of yesterday\n[LISTENING] "))
    rename(path, path + ".1")
    server.signal(SIGHUP)
    try waitForLine("[LOG] \(path) was opened anew.", in: path)
    try member.send("two\n")
    try waitForLine(prefix + "two", in: path)
    #expect(!text(ofFile: path + ".1").contains("two"))
    // A place where no file can be made: the former one goes on.
    rename(path, path + ".2")
    mkdir(path, 0o700)
    server.signal(SIGHUP)
    try eventually("the trouble in the log") { text(ofFile: path + ".2").contains("The former file is written on.") }
    try member.send("three\n")
    try waitForLine(prefix + "three", in: path + ".2")
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
    #expect(server.outputLines == [])
    #expect(server.errorLines.count == 1)
    var status = stat()
    #expect(stat(path + ".2", &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test func `A log that cannot be there is refused, and one in the transcript's place as well`() throws {
    #expect(
      try ServerProgram.refusal(of: ["--log-file", directory.file("none/log")])
        == "[ERROR] Cannot use '\(directory.file("none/log"))' for the log: there is no such file or directory. Make it "
        + "first, or choose another path.")
    #expect(try ServerProgram.refusal(of: ["--log-file", directory.path]).contains("it is a directory"))
    #expect(
      try ServerProgram.refusal(of: ["--log-file", path, "--transcript", path]).contains("the log is there"))
  }

  @Test(.enabled(if: !isSanitized, "the limit on files breaks the sanitizer's own"))
  func `A full disk is told once, and the log in JSON says later how many lines it lacks`() throws {
    // A limit of the file's size fails as a full disk does, and takes no root.
    let script = "ulimit -S -f 8; exec \"$0\" 0 --log-format json --log-file \"$1\""
    let server = try Program("/bin/sh", ["-c", script, try Program.built("mychatserver"), path])
    let member = try Dialogue(connectingTo: address(in: path))
    let filler = String(repeating: "x", count: 1000)
    for number in 0..<20 { try member.send("\(number) \(filler)\n") }
    try eventually("the trouble on standard error") {
      server.readWhatIsThere()
      return !server.errorLines.isEmpty
    }
    #expect(server.errorLines.first?.contains("The log '\(path)' cannot be written") == true)
    // Nothing is left of the line that found no space, so that whatever reads JSON can read all of it.
    try eventually("whole lines; the log is \(text(ofFile: path))") { text(ofFile: path).hasSuffix("}\n") }
    // An emptied file takes lines again.
    truncate(path, 0)
    try member.send("again\n")
    try eventually("the count; the log is \(text(ofFile: path))") {
      text(ofFile: path).split(separator: "\n").contains {
        $0.contains("\"event\":\"file\"") && $0.contains(" lines left out, because the log's file took no more.\"}")
      }
    }
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
    #expect(server.errorLines.count == 1)
  }
}

extension String {
  /// What follows each `start` up to the next character of `ends`.
  fileprivate func components(of start: String, until ends: String) -> [String] {
    var found: [String] = []
    var rest = self[...]
    while let range = rest.firstRange(of: start) {
      let value = rest[range.upperBound...].prefix { !ends.contains($0) }
      found.append(String(value))
      rest = rest[value.endIndex...]
    }
    return found
  }
}
