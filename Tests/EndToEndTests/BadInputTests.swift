import ChatWire
import Glibc
import TestSupport
import Testing

/// What goes wrong is told in one line on standard error that says what to do, and by the exit status.
@Suite(.timeLimit(.minutes(10))) struct BadInputTests {
  struct Mistake: CustomTestStringConvertible, Sendable {
    let program: String
    let arguments: [String]
    let status: CInt
    /// Parts of the one line.
    let says: [String]

    var testDescription: String { ([program] + arguments).joined(separator: " ") }
  }

  static let mistakes = [
    Mistake(program: "mychatserver", arguments: ["70000"], status: 64, says: ["'70000'", "from 0 to 65535"]),
    Mistake(program: "mychatserver", arguments: ["a:b:c"], status: 64, says: ["'a:b:c'", "[IPV6]:PORT"]),
    Mistake(program: "mychatserver", arguments: ["/tmp/chat"], status: 64, says: ["'/tmp/chat'", "unix:PATH"]),
    Mistake(
      program: "mychatserver", arguments: ["http://localhost:12345"], status: 64,
      says: ["'http://localhost:12345'", "write HOST:PORT alone"]),
    Mistake(
      program: "mychatserver", arguments: ["unix:~/chat"], status: 64, says: ["'unix:~/chat'", "unix:$HOME/chat"]),
    Mistake(
      program: "mychatclient", arguments: ["localhost", "12345"], status: 64,
      says: ["'12345'", "one word: localhost:12345"]),
    Mistake(program: "mychatclient", arguments: ["unix:~/chat"], status: 64, says: ["unix:$HOME/chat"]),
    Mistake(program: "mychatclient", arguments: ["unix:~bob/chat"], status: 64, says: ["the path in full"]),
    Mistake(program: "mychatserver", arguments: ["0", ""], status: 64, says: ["empty", "HOST:PORT"]),
    Mistake(
      program: "mychatserver", arguments: ["--no-such-option"], status: 64, says: ["--no-such-option", "--help"]),
    Mistake(program: "mychatserver", arguments: ["--patience", "soon"], status: 64, says: ["soon", "--patience"]),
    Mistake(
      program: "mychatserver", arguments: ["--patience", "-1", "0"], status: 64,
      says: ["--patience", "0 to 3600", "-1"]),
    Mistake(
      program: "mychatserver", arguments: ["--patience=-1", "0"], status: 64, says: ["--patience", "0 to 3600", "-1"]),
    Mistake(program: "mychatserver", arguments: ["--patience"], status: 64, says: ["Missing value", "'. See"]),
    Mistake(program: "mychatserver", arguments: ["--rate", "-1"], status: 64, says: ["'-1' is no rate", "10:50"]),
    Mistake(
      program: "mychatserver", arguments: ["--max-per-address", "-1"], status: 64,
      says: ["--max-per-address", "from 1"]),
    Mistake(
      program: "mychatserver", arguments: ["unix:/tmp/" + String(repeating: "p", count: 200)], status: 64,
      says: ["205 bytes", "107", "shorter"]),
    Mistake(
      program: "mychatserver", arguments: ["nosuchhost.invalid:0"], status: 1, says: ["nosuchhost.invalid", "Check"]),
    Mistake(
      program: "mychatserver", arguments: ["unix:/nonexistent/chat.sock"], status: 1, says: ["no such directory"]),
    Mistake(
      program: "mychatserver", arguments: ["unix:/proc/chat.sock"], status: 1,
      says: ["/proc/chat.sock", "no socket can be made"]),
    Mistake(program: "mychatserver", arguments: ["unix:/dev/null"], status: 1, says: ["/dev/null", "no socket"]),
    Mistake(
      program: "mychatserver", arguments: ["203.0.113.1:0", "--allow-remote"], status: 1,
      says: ["203.0.113.1:0", "no such address"]),
    Mistake(
      program: "mychatserver", arguments: ["0.0.0.0:0"], status: 1,
      says: ["0.0.0.0:0", "under any name", "ssh", "Unix socket", "--allow-remote"]),
    Mistake(program: "mychatserver", arguments: ["0", "[::]:0"], status: 1, says: ["[::]:0", "--allow-remote"]),
    Mistake(
      program: "mychatserver", arguments: ["203.0.113.1:0"], status: 1, says: ["203.0.113.1:0", "--allow-remote"]),
    Mistake(
      program: "mychatserver", arguments: ["0", "--operator", "alice"], status: 1,
      says: ["--operator", "Unix sockets", "unix:PATH"]),
    Mistake(
      program: "mychatserver", arguments: ["--socket-mode", "600", "0"], status: 1,
      says: ["--socket-mode", "unix:PATH"]),
    Mistake(
      program: "mychatserver", arguments: ["unix:/nonexistent/s", "--socket-mode", "rw"], status: 64,
      says: ["'rw' is no mode", "660"]),
    Mistake(
      program: "mychatserver", arguments: ["unix:/nonexistent/s", "--socket-group", "no such group"], status: 1,
      says: ["no group 'no such group'", "--socket-group"]),
    Mistake(
      program: "mychatserver", arguments: ["unix:/nonexistent/s", "--operator", "a b"], status: 64,
      says: ["--operator", "'a b'", "uid-1001"]),
    Mistake(
      program: "mychatserver", arguments: ["0", "--redis", "rediss://:pw@host"], status: 64,
      says: ["--redis", "stunnel", "redis://127.0.0.1:PORT"]),
    Mistake(
      program: "mychatserver", arguments: ["0", "--redis", "host:6379"], status: 64, says: ["redis://", "unix:"]),
    Mistake(
      program: "mychatserver", arguments: ["0", "--redis", "redis://host", "--state-directory", "/tmp"], status: 64,
      says: ["kept in Redis", "--state-directory"]),
    Mistake(
      program: "mychatserver", arguments: ["0", "--redis-password-file", "/dev/null"], status: 64,
      says: ["--redis-password-file", "--redis"]),
    Mistake(
      program: "mychatserver", arguments: ["0", "--redis", "redis://host", "--redis-password-file", "/dev/null"],
      status: 1, says: ["/dev/null", "the password of Redis", "no regular file"]),
    Mistake(program: "mychatclient", arguments: ["70000"], status: 64, says: ["'70000'", "from 0 to 65535"]),
    Mistake(program: "mychatclient", arguments: ["0"], status: 64, says: ["'0'", "port 0", "[LISTENING]"]),
    Mistake(
      program: "mychatclient", arguments: ["[::1]:0", "--send", "x"], status: 64, says: ["'[::1]:0'", "port 0"]),
    Mistake(program: "mychatclient", arguments: ["[::1"], status: 64, says: ["'[::1'", "[IPV6]:PORT"]),
    Mistake(
      program: "mychatclient", arguments: ["--no-such-option"], status: 64, says: ["--no-such-option", "--help"]),
    Mistake(program: "mychatclient", arguments: ["1", "2"], status: 64, says: ["2", "--help"]),
    Mistake(
      program: "mychatclient", arguments: ["nosuchhost.invalid"], status: 1, says: ["nosuchhost.invalid", "Check"]),
    Mistake(
      program: "mychatclient", arguments: ["unix:/nonexistent/chat.sock"], status: 1,
      says: ["/nonexistent/chat.sock", "Is the server running"]),
  ]

  @Test(arguments: mistakes) func `A mistake is told in one line`(mistake: Mistake) throws {
    let program = try Program(built: mistake.program, mistake.arguments)
    #expect(try program.waitForExit() == .status(mistake.status))
    #expect(program.outputLines == [])
    let line = try #require(program.errorLines.first)
    #expect(program.errorLines.count == 1, "\(program.errorLines)")
    for part in mistake.says { #expect(line.contains(part), "'\(line)' does not say \(part)") }
  }

  @Test func `A port that is in use is refused, and the one who has it serves on`() throws {
    let server = try ServerProgram()
    let second = try Program(built: "mychatserver", [String(server.port)])
    #expect(try second.waitForExit() == .status(1))
    #expect(second.outputLines == [])
    #expect(second.errorLines.count == 1)
    let line = try #require(second.errorLines.first)
    for part in ["127.0.0.1:\(server.port)", "in use", "another port"] { #expect(line.contains(part), "\(line)") }
    _ = try server.join()
  }

  @Test func `If one of several addresses cannot be had, none is`() throws {
    let server = try ServerProgram()
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let second = try Program(built: "mychatserver", ["unix:\(path)", "0", String(server.port)])
    #expect(try second.waitForExit() == .status(1))
    #expect(second.outputLines == [])
    #expect(second.errorLines.count == 1)
    #expect(!exists(path), "the socket file of the first address is gone again")
  }

  @Test(arguments: [["127.0.0.1:PORT", "PORT"], ["0.0.0.0:PORT", "PORT"], ["unix:PATH", "unix:PATH"]])
  func `An address that is given twice is the giver's mistake, not another server's`(addresses: [String]) throws {
    let directory = try TemporaryDirectory()
    // Not one of those that the kernel gives to connections, because these come and go beside this test.
    let port = try #require(unusedFixedPort())
    let given = addresses.map {
      $0.replacing("PORT", with: String(port)).replacing("PATH", with: directory.file("chat.sock"))
    }
    let server = try Program(built: "mychatserver", given + ["--allow-remote"])
    #expect(try server.waitForExit() == .status(1))
    #expect(server.outputLines == [])
    #expect(server.errorLines.count == 1)
    let line = try #require(server.errorLines.first)
    #expect(line.contains(addresses[0] == addresses[1] || addresses[0].hasPrefix("127") ? "given twice" : "also given"))
    #expect(line.contains("Leave one"))
    #expect(!exists(directory.file("chat.sock")))
  }

  @Test(arguments: [">/dev/full", ">&-"])
  func `A server whose log cannot be written says so once and serves on`(redirection: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let arguments = ["-c", "exec \"$0\" \"$1\" \(redirection)", try Program.built("mychatserver"), "unix:\(path)"]
    let server = try Program("/bin/sh", arguments)
    try eventually("the server to listen") { exists(path) && (try? Dialogue(connectingTo: .unix(path: path))) != nil }
    let listener = try Dialogue(connectingTo: .unix(path: path))
    let speaker = try Dialogue(connectingTo: .unix(path: path))
    for text in ["one", "two", "three"] {
      try speaker.send("\(text)\n")
      #expect(try listener.expectLine().hasSuffix(": \(text)"))
    }
    listener.close()
    speaker.close()
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
    #expect(server.errorLines.count == 1)
    #expect(try #require(server.errorLines.first).contains("log cannot be written"))
  }

  @Test func `Where nobody listens, the client asks whether the server is running`() throws {
    // Bound and not listening: nobody else can get the port meanwhile.
    let address = try #require(try Address.internet(host: "127.0.0.1", port: 0).resolved().first)
    let socket = try FileDescriptor.socket(for: address)
    try socket.bind(to: address)
    let port = try socket.localAddress().port
    let client = try Program(built: "mychatclient", [String(port)])
    #expect(try client.waitForExit() == .status(1))
    #expect(client.outputLines == [])
    #expect(
      client.errorLines == ["[ERROR] Connection refused. Is the server running on 127.0.0.1:\(port)?"])
  }

  @Test(arguments: ["mychatserver", "mychatclient"]) func `Help and version go to standard output`(name: String) throws
  {
    for (option, part) in [("--help", "USAGE: \(name)"), ("--version", ".")] {
      let program = try Program(built: name, [option])
      #expect(try program.waitForExit() == .status(0))
      #expect(String(decoding: program.output, as: UTF8.self).contains(part))
      #expect(program.errorLines == [])
    }
  }
}
