import ChatWire
import Glibc
import TestSupport
import Testing

/// Options from a file, and `--check`.
@Suite(.timeLimit(.minutes(10))) struct ConfigTests {
  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("lab.conf")
  }

  /// What the server says that ends by itself.
  private func output(
    of arguments: [String], status: CInt = 0
  ) throws -> (lines: [String], errors: [String]) {
    let server = try Program(built: "mychatserver", arguments)
    #expect(try server.waitForExit() == .status(status), "\(server.errorLines)")
    return (server.outputLines, server.errorLines)
  }

  @Test func `A server does what its file of options says, and the command line counts more`() throws {
    try write("# The lab\n127.0.0.1:0\n--topic What we do today\n--announce\n--replay 5\n", to: path)
    let server = try ServerProgram([], options: ["--config", path, "--topic", "Something else"])
    let listening = try server.program.waitForLine("a [LISTENING] line") { $0.hasPrefix("[LISTENING] ") }
    let address = try Address(parsing: String(try #require(listening.split(separator: " ").last)))
    let member = try Dialogue(connectingTo: address)
    try member.expect("* Topic: Something else")
    let other = try Dialogue(connectingTo: address)
    try other.expect("* Topic: Something else")
    // Those who come within half a second are announced together.
    var line = ""
    while !line.hasSuffix("\(other.localPort) joined") { line = try member.expectLine() }
  }

  @Test func `Several files, the command line's own addresses, and options that repeat`() throws {
    try write("127.0.0.1:0\n--rate 5\n--patience 3\n", to: path)
    try write("[::1]:0\n--rate 7:9\n", to: path + "2")
    let lines = try output(of: ["--check", "--config", path, "unix:\(path).sock", "--config=\(path)2"]).lines
    #expect(
      Array(lines.prefix(3)) == ["listen: 127.0.0.1:0", "listen: [::1]:0", "listen: unix:\(path).sock"], "\(lines)")
    #expect(lines.contains("rate: 7 lines a second, and 9 at once"))
  }

  @Test(arguments: [
    ("127.0.0.1:0\n--tpoic x\n", 2, "Unknown option '--tpoic'"), ("\n--patience soon\n", 2, "soon"),
    ("--announce\n--patience -1\n", 2, "from 0 to 3600"), ("--topic\n", 1, "Missing value"),
    ("a:b:c\n", 1, "'a:b:c'"), ("--metrics a:b:c\n", 1, "'a:b:c'"), ("--topic\n--announce\n", 1, "Missing value"),
    ("--announce yes\n", 1, "--announce"),
    ("--redis-password-file /dev/null\n", 1, "--redis"),
    ("--redis redis://127.0.0.1\n--announce\n--state-directory /tmp\n", 3, "kept in Redis"),
    ("--config other\n", 1, "cannot name another"), ("--topic a\u{7}\n", 1, "control character"),
  ])
  func `What is wrong in a file is told with its line`(text: String, line: Int, says: String) throws {
    try write(text, to: path)
    let errors = try output(of: ["--config", path, "--check"], status: 64).errors
    #expect(errors.count == 1)
    let error = try #require(errors.first)
    #expect(error.hasPrefix("[ERROR] \(path):\(line): ") && error.contains(says), "\(error)")
  }

  @Test func `A FIFO that nobody writes to is not taken for a file without options`() throws {
    try #require(mkfifo(path, 0o600) == 0)
    let error = try output(of: ["--config", path, "--check"], status: 1).errors.first
    #expect(error == "[ERROR] Cannot use '\(path)' for the options: it is no regular file. Choose another one.")
  }

  @Test func `What is wrong on the command line is not laid to the file`() throws {
    try write("--announce\n", to: path)
    let error = try output(of: ["--config", path, "--rate", "0"], status: 64).errors.first
    #expect(
      error?.hasPrefix("[ERROR] The value '0' is invalid") == true && error?.contains(path) == false, "\(error ?? "")")
    let missing = try output(of: ["--config", directory.file("none")], status: 1).errors.first
    #expect(
      missing
        == "[ERROR] Cannot use '\(directory.file("none"))' for the options: there is no such file or directory. Make it "
        + "first, or choose another path.")
  }

  @Test func `A check says what the server would do, and does none of it`() throws {
    let (transcript, log, state) = (directory.file("transcript"), directory.file("log"), directory.file("state"))
    let (prom, socket) = (directory.file("lab.prom"), directory.file("chat.sock"))
    let options = [
      "unix:\(socket)", "--check", "--transcript", transcript, "--log-file", log, "--log-format", "json",
      "--state-directory", state, "--metrics-file", prom, "--metrics", "9464", "--announce", "--topic", "Lab",
    ]
    let lines = try output(of: options).lines
    for line in [
      "listen: unix:\(socket)", "log: \(log), as json", "transcript: \(transcript)", "bans: \(state)/bans",
      "metrics file: \(prom)", "metrics: 127.0.0.1:9464", "announced: who comes and who goes",
      "on coming: the topic, Lab",
    ] {
      #expect(lines.contains(line), "\(lines)")
    }
    #expect(lines.contains { $0.hasPrefix("members: at most ") })
    for path in [transcript, log, state, prom, socket, socket + ".lock"] { #expect(!exists(path), "\(path)") }
  }

  @Test func `A check finds what would keep the server from starting`() throws {
    let letter = directory.file("letter")
    try write("somebody's letter\n", to: letter)
    let token = directory.file("token")
    try write("a long token\n", to: token, mode: 0o644)
    let prom = directory.file("dir.prom")
    mkdir(prom, 0o700)
    for (options, says) in [
      (["--transcript", letter], "is not a transcript"), (["--transcript", directory.path], "no regular file"),
      (["--log-file", directory.file("none/log")], "no such file or directory"),
      (["--operator-token-file", token], "chmod 600"), (["--state-directory", letter], "Make it first"),
      (["--metrics-file", prom], "no regular file"),
      (["--metrics-file", directory.file("none/lab.prom")], "no such file or directory"),
      (["--log-file", directory.file("new"), "--transcript", directory.file("new")], "the log is there"),
      (["--welcome", directory.file("none")], "the welcome"),
      (["unix:\(letter)"], "it is no socket"), (["unix:\(directory.file("none/chat.sock"))"], "no such directory"),
      (["7000", "7000"], "it is given twice"), (["7000", "0.0.0.0:7000", "--allow-remote"], "has it already"),
      (["7000", "--proxy-protocol", "7000"], "it is given twice"),
      (["7000", "--metrics", "7000"], "it is given twice"),
      (["unix:\(letter).sock", "--proxy-protocol", "unix:\(letter).sock"], "it is given twice"),
      (["nosuchhost.invalid:0"], "Check the spelling"), (["--operator", "alice"], "--operator is for Unix sockets"),
    ] {
      let errors = try output(of: ["--check"] + options, status: 1).errors
      #expect(errors.count == 1 && errors.first?.contains(says) == true, "\(options): \(errors)")
    }
    #expect(text(ofFile: letter) == "somebody's letter\n")
  }

  @Test func `A check without an address names the standard one`() throws {
    #expect(try output(of: ["--check"]).lines.contains("listen: 127.0.0.1:12345"))
  }

  @Test func `A check takes port 0 for a free one each time`() throws {
    let lines = try output(of: ["--check", "0", "0", "--proxy-protocol", "0", "[::1]:7000", "7000"]).lines
    #expect(lines.filter { $0.hasPrefix("listen: ") }.count == 4 && lines.contains("proxies: 127.0.0.1:0"), "\(lines)")
  }

  @Test func `A check does not show the password of Redis`() throws {
    let (lines, errors) = try output(of: ["--check", "--redis", "redis://:horse@127.0.0.1/3?room=lab"])
    #expect(lines.contains("redis: redis://127.0.0.1:6379/3?room=lab"))
    #expect(!(lines + errors).contains { $0.contains("horse") })
  }
}
