import ChatWire
import Glibc
import TestSupport
import Testing

/// The built server and accounts of this machine. Two accounts of every Debian stand for people.
@Suite(.timeLimit(.minutes(10))) struct IdentityTests {
  private let directory: TemporaryDirectory
  private var path: String { directory.file("s") }

  init() throws { directory = try TemporaryDirectory() }

  private func server(_ options: String...) throws -> ServerProgram {
    let server = try ServerProgram(["0", "unix:\(path)"], options: options)
    chmod(directory.path, 0o755)
    return server
  }

  private static let isRoot = geteuid() == 0

  /// Somebody on the Unix socket, by whatever account; in the room under `name`.
  private func join(as userID: uid_t, called name: String) throws -> Program {
    let peer = try Program(
      try Program.found("setpriv"),
      ["--reuid", "\(userID)", "--clear-groups", try Program.found("nc"), "-U", path])
    try peer.write("/nick\n")
    try peer.waitForLine("* You are \(name) already.")
    return peer
  }

  private static func userID(of login: String) throws -> uid_t {
    try #require(getpwnam(login), "there is no account \(login)").pointee.pw_uid
  }

  @Test(.enabled(if: isRoot, "only root can come as somebody else"))
  func `Nobody gets a login's name by any way, and its owner has it by every one`() throws {
    let server = try server("--socket-mode", "666", "--operator", "daemon")
    let unknown = try #require((54_300...54_399).map { uid_t($0) }.first { getpwuid($0) == nil })
    let port = try server.join()
    try port.send("/nick daemon\n")
    try port.expect("* That name belongs to a login of this machine.")
    let daemon = try join(as: Self.userID(of: "daemon"), called: "daemon")
    #expect(daemon.outputLines.contains("* You are an operator now. /help lists what you can do."))
    let second = try join(as: Self.userID(of: "daemon"), called: "daemon/2")
    let nobody = try join(as: Self.userID(of: "nobody"), called: "nobody")
    let stranger = try join(as: unknown, called: "uid-\(unknown)")

    for name in ["daemon", "Daemon", "root", "ԁаемоп"] {
      try nobody.write("/nick \(name)\n")
      try nobody.waitForLine("* That name belongs to a login of this machine.")
      try port.send("/nick \(name)\n")
      try port.expect("* That name belongs to a login of this machine.")
    }
    for name in ["daemon/2", "uid-1", "daemon:"] {
      for text in ["/nick \(name)\n", "/nick\n"] { try nobody.write(text) }
      try nobody.waitForLine("* You are nobody already.")
    }
    try nobody.write("/op x\n/kick daemon\n")
    try nobody.waitForLine("* Only operators can do that.")
    try nobody.write("daemon: hi\n")
    for peer in [daemon, second, stranger] { try peer.waitForLine("nobody: daemon: hi") }
    try port.expect("nobody: daemon: hi")
    try stranger.write("hi\n")
    try port.expect("uid-\(unknown): hi")
    try second.write("hi\n")
    try port.expect("daemon/2: hi")

    // While its owner is away.
    for peer in [daemon, second] {
      peer.closeInput()
      peer.signal(SIGTERM)
    }
    for _ in 0..<2 { _ = try server.program.waitForLine("a [DISCONNECTED] line") { $0.hasPrefix("[DISCONNECTED]") } }
    try port.send("/nick daemon\n")
    try port.expect("* That name belongs to a login of this machine.")
    _ = try join(as: Self.userID(of: "daemon"), called: "daemon")
  }

  @Test(.enabled(if: isRoot, "only root can become somebody else"))
  func `Whose connection it is was decided when it was made`() throws {
    let server = try server("--socket-mode", "660")
    let port = try server.join()
    let script = """
      import os, socket, sys
      peer = socket.socket(socket.AF_UNIX)
      peer.connect(sys.argv[1])
      os.setuid(65534)
      peer.sendall(b"hi\\n")
      sys.stdin.read()
      """
    let peer = try Program(try Program.found("python3"), ["-c", script, path])
    try port.expect("root: hi")
    peer.closeInput()
  }

  @Test(.enabled(if: isRoot, "only root can become somebody else"))
  func `A connection that one account hands to another stays the one's`() throws {
    let server = try server("--socket-mode", "666")
    let port = try server.join()
    // The parent gives its connection away; the child has that, and one of its own.
    let script = """
      import array, os, pwd, socket, sys
      near, far = socket.socketpair()
      if os.fork():
        os.setuid(pwd.getpwnam("daemon").pw_uid)
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(sys.argv[1])
        near.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [peer.fileno()]))])
        peer.close()
        os.wait()
      else:
        os.setuid(pwd.getpwnam("nobody").pw_uid)
        numbers = array.array("i", far.recvmsg(1, 64)[1][0][2])
        handed = socket.socket(fileno=numbers[0])
        own = socket.socket(socket.AF_UNIX)
        own.connect(sys.argv[1])
        own.sendall(b"/nick daemon\\n")
        print(own.makefile().readline(), end="", flush=True)
        handed.sendall(b"by another hand\\n")
        sys.stdin.read(1)
        own.sendall(b"by my own\\n")
        sys.stdin.read()
      """
    let peer = try Program(try Program.found("python3"), ["-c", script, path])
    try peer.waitForLine("* That name belongs to a login of this machine.")
    try port.expect("daemon: by another hand")
    try peer.write("x")
    try port.expect("nobody: by my own")
    peer.closeInput()
    #expect(try peer.waitForExit() == .status(0))
  }

  @Test func `Descriptors that a member sends to the server are nobody's, and cost it none`() throws {
    let server = try server()
    let port = try server.join()
    let script = """
      import array, os, socket, sys
      peer = socket.socket(socket.AF_UNIX)
      peer.connect(sys.argv[1])
      for _ in range(100):
        numbers = array.array("i", [os.open("/dev/zero", os.O_RDONLY) for _ in range(5)])
        peer.sendmsg([b"hi\\n"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])
        for number in numbers: os.close(number)
      sys.stdin.read()
      """
    let peer = try Program(try Program.found("python3"), ["-c", script, path])
    for _ in 0..<100 { #expect(try port.expectLine().hasSuffix(": hi")) }
    #expect(!(try #require(ProcessFigures(of: server.program.pid)).openFiles.contains("/dev/zero")))
    peer.closeInput()
  }

  @Test(.enabled(if: isRoot, "only root can become somebody else"))
  func `Who runs the relay by hand is who runs it, whatever is said of them`() throws {
    let server = try server("--socket-mode", "666")
    let port = try server.join()
    let relay = directory.file("relay")
    try Program(try Program.found("cp"), [Program.built("mychatclient"), relay]).waitForExit()
    for login in ["nobody", "daemon"] {
      let peer = try Program(
        try Program.found("setpriv"), ["--reuid", login, "--clear-groups", relay, "--relay", path],
        environment: ["USER": "root", "LOGNAME": "root", "SUDO_USER": "root", "SSH_ORIGINAL_COMMAND": "root"])
      try peer.waitForLine("mychat relay ready")
      try peer.write("/nick root\nhi\n")
      try peer.waitForLine("* That name belongs to a login of this machine.")
      try port.expect("\(login): hi")
      peer.closeInput()
      #expect(try peer.waitForExit() == .status(0))
    }
  }

  @Test func `The client knows its name on a Unix socket, and marks where it is mentioned`() throws {
    let server = try server()
    let port = try server.join()
    let terminal = try Pty(rows: 24, columns: 100)
    let client = try Program(built: "mychatclient", ["unix:\(path)", "--no-history"], on: terminal)
    _ = try server.program.waitForLine("the client") { $0.hasPrefix("[NEW CONNECTION] ('unix:") }
    try terminal.type("hi\r")
    let line = try port.expectLine()
    #expect(line.hasSuffix(": hi"))
    let name = line.dropLast(": hi".count)
    try port.send("so, \(name), how are you?\n")
    try terminal.waitForLine("\(port.localPort): so, \(name), how are you?")
    #expect(String(decoding: terminal.bytes, as: UTF8.self).contains("\u{1B}[0;1;7m\(name)\u{1B}[0m, how"))
    #expect(!terminal.screen.text.contains("Here:"))
    client.signal(SIGTERM)
  }

  // MARK: The file

  private func information() throws -> stat {
    var information = stat()
    try #require(lstat(path, &information) == 0)
    return information
  }

  @Test(arguments: ["600", "0666", "777"]) func `The socket has the mode that is wanted, whatever the umask`(
    mode: String
  )
    throws
  {
    let server = try Program(
      "/bin/sh",
      [
        "-c", "umask 077; exec \"$0\" \"$@\"", try Program.built("mychatserver"), "unix:\(path)", "--socket-mode", mode,
      ])
    _ = try server.waitForLine("a [LISTENING] line") { $0.hasPrefix("[LISTENING] ") }
    #expect(try information().st_mode & 0o7777 == mode_t(mode, radix: 8))
  }

  @Test(.enabled(if: isRoot, "only root can give a file to any group"), arguments: ["mail", "54399"])
  func `The socket has the group that is wanted`(group: String) throws {
    _ = try ServerProgram(["unix:\(path)"], options: ["--socket-group", group])
    let wanted = try #require(gid_t(group) ?? getgrnam(group)?.pointee.gr_gid)
    let information = try information()
    #expect(information.st_gid == wanted && information.st_uid == 0 && information.st_mode & 0o7777 == 0o660)
  }

  @Test(.enabled(if: !isRoot, "root may give a file to every group"))
  func `A group that the server may not give a file to is refused`() throws {
    let server = try Program(built: "mychatserver", ["unix:\(path)", "--socket-group", "0"])
    #expect(try server.waitForExit() == .status(1))
    #expect(server.errorLines.count == 1)
    #expect(try #require(server.errorLines.first).contains("may not give a file to that group"))
    #expect(!exists(path))
  }
}
