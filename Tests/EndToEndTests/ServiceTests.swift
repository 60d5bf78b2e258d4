import ChatWire
import Glibc
import TestSupport
import Testing

/// The server as a service: what its manager hands to it.
@Suite(.timeLimit(.minutes(10))) struct ServiceTests {
  /// Opens what is named before `--`, and becomes the program behind it, which inherits that, as systemd does it. A number is a
  /// port of 127.0.0.1, `any` one of all addresses, `unix:PATH` a path, `datagram` and `unbound` are sockets that cannot take
  /// connections.
  private static let activator = """
    import fcntl, os, socket, sys
    split = sys.argv.index("--")
    opened = []
    for wanted in sys.argv[1:split]:
        if wanted.startswith("unix:"):
            one = socket.socket(socket.AF_UNIX)
            one.bind(wanted[5:])
            one.listen()
        elif wanted == "file":
            one = open("/dev/null")
        else:
            one = socket.socket(type=socket.SOCK_DGRAM if wanted == "datagram" else socket.SOCK_STREAM)
            if wanted.isdigit() or wanted == "any":
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.bind(("", 0) if wanted == "any" else ("127.0.0.1", int(wanted)))
                one.listen()
        opened.append(fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 100))
    for index, number in enumerate(opened):
        os.dup2(number, 3 + index)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(opened)), LISTEN_FDNAMES="chat")
    os.execv(sys.argv[split + 1], sys.argv[split + 1:])
    """

  private static func activated(_ sockets: [String], _ arguments: [String] = []) throws -> Program {
    try Program(
      Program.found("python3"), ["-c", activator] + sockets + ["--", Program.built("mychatserver")] + arguments)
  }

  private static let prefix = "[LISTENING] Server is listening on "

  private static func nextAddress(of server: Program) throws -> String {
    String(try server.waitForLine("a [LISTENING] line") { $0.hasPrefix(prefix) }.dropFirst(prefix.count))
  }

  @Test func `The service manager is told of the start and of the stop`() throws {
    let manager = try PlayedServiceManager()
    let server = try Program(built: "mychatserver", ["0"], environment: ["NOTIFY_SOCKET": manager.path])
    try manager.expect("READY=1")
    _ = try Address(parsing: Self.nextAddress(of: server))
    server.signal(SIGTERM)
    try manager.expect("STOPPING=1")
    #expect(try server.waitForExit() == .status(0))
    #expect(server.errorLines == [])
  }

  @Test func `A server that cannot start is not ready`() throws {
    let manager = try PlayedServiceManager()
    let server = try Program(
      built: "mychatserver", ["unix:/nonexistent/chat"], environment: ["NOTIFY_SOCKET": manager.path])
    #expect(try server.waitForExit() == .status(1))
    try manager.takeMessages()
    #expect(manager.messages == [])
  }

  @Test func `A manager that cannot be reached is reported once`() throws {
    let server = try Program(
      built: "mychatserver", ["0"], environment: ["NOTIFY_SOCKET": "/nonexistent", "WATCHDOG_USEC": "20000"])
    let address = try Address(parsing: Self.nextAddress(of: server))
    let member = try Dialogue(connectingTo: address)
    try member.send("exit\n")
    try member.expectClosed()
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
    #expect(server.errorLines.count == 1)
    #expect(server.errorLines.first?.contains("No such file or directory") == true)
  }

  @Test func `With inherited sockets and no address the server listens on these alone`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let server = try Self.activated(["0", "unix:\(path)"])
    let port = try Self.nextAddress(of: server)
    #expect(try Self.nextAddress(of: server) == "unix:\(path)")
    let member = try Dialogue(connectingTo: Address(parsing: port))
    let other = try Dialogue(connectingTo: .unix(path: path))
    try member.send("/nick bob\n")
    try other.expect("* \(member.localPort) is now bob")
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
    #expect(server.outputLines.count { $0.hasPrefix(Self.prefix) } == 2)
  }

  @Test func `Members on an inherited Unix socket go by their logins`() throws {
    let login = String(cString: try #require(getpwuid(geteuid())).pointee.pw_name)
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let server = try Self.activated(["unix:\(path)"], ["--operator", login])
    #expect(try Self.nextAddress(of: server) == "unix:\(path)")
    let member = try Dialogue(connectingTo: .unix(path: path))
    try member.expect("* You are an operator now. /help lists what you can do.")
    try member.send("/nick\n")
    try member.expect("* You are \(login) already.")
  }

  @Test func `An inherited socket that other machines reach takes --allow-remote`() throws {
    let refused = try Self.activated(["any"])
    #expect(try refused.waitForExit() == .status(1))
    #expect(refused.errorLines.count == 1)
    #expect(refused.errorLines.first?.contains("--allow-remote") == true)
    let server = try Self.activated(["any"], ["--allow-remote"])
    #expect(try Self.nextAddress(of: server).hasPrefix("0.0.0.0:"))
  }

  @Test func `An inherited socket stands for its address and its file stays when the server stops`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let server = try Self.activated(["unix:\(path)"], ["unix:\(path)", "0"])
    #expect(try Self.nextAddress(of: server) == "unix:\(path)")
    #expect(try Self.nextAddress(of: server).hasPrefix("127.0.0.1:"))
    let member = try Dialogue(connectingTo: .unix(path: path))
    try member.send("exit\n")
    try member.expectClosed()
    #expect(!exists(path + ".lock"))
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
    #expect(exists(path))
  }

  @Test func `Members over an inherited socket are looked after as others are`() throws {
    let server = try Self.activated(["0"])
    let member = try Dialogue(connectingTo: Address(parsing: Self.nextAddress(of: server)))
    try member.send("/nick bob\n")
    try member.expect("* \(member.localPort) is now bob")
    // The kernel shows the timer of a connection with keepalive as 02 (/proc/net/tcp).
    let port = String(member.localPort, radix: 16, uppercase: true)
    let suffix = ":" + String(repeating: "0", count: 4 - port.count) + port
    try eventually("the server's end of the connection to have keepalive") {
      let columns = text(ofFile: "/proc/net/tcp").split(separator: "\n").map { $0.split(separator: " ") }
      return columns.contains { $0[2].hasSuffix(suffix) && $0[5].hasPrefix("02:") }
    }
  }

  @Test(arguments: ["datagram", "unbound", "file"])
  func `What cannot take connections is refused and the error names its number`(kind: String) throws {
    let server = try Self.activated(["0", kind])
    #expect(try server.waitForExit() == .status(1))
    #expect(server.outputLines == [])
    #expect(server.errorLines.count == 1)
    #expect(server.errorLines.first?.hasPrefix("[ERROR] Cannot listen on descriptor 4") == true)
  }

  @Test func `Sockets for another process are left alone`() throws {
    let server = try Program(
      built: "mychatserver", ["0"], environment: ["LISTEN_PID": "1", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"])
    _ = try Self.nextAddress(of: server)
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
    #expect(server.errorLines == [])
  }
}
