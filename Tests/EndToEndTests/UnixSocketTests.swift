import ChatWire
import Glibc
import TestSupport
import Testing

/// The file of a Unix socket: whose it is, and what becomes of it.
@Suite(.timeLimit(.minutes(10))) struct UnixSocketTests {
  @Test func `Of two servers started at once on a dead server's path one lives, and the other says why`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let environment = ["LD_PRELOAD": try Program.built("libFailingCalls.so"), "SLOW_UNLINK": "yes"]
    for _ in 0..<20 {
      let dead = try ServerProgram(["unix:\(path)"])
      dead.program.signal(SIGKILL)
      try dead.program.waitForExit()
      let servers = try (0..<2).map { _ in
        try Program(built: "mychatserver", ["unix:\(path)"], environment: environment)
      }
      try eventually("one of the two to give up") { servers.contains(where: \.hasEnded) }
      let loser = try #require(servers.first { $0.hasEnded })
      let winner = try #require(servers.first { $0 !== loser })
      #expect(try loser.waitForExit() == .status(1))
      #expect(loser.errorLines.contains { $0.contains("listening there already") })
      _ = try winner.waitForLine("a [LISTENING] line") { $0.hasPrefix("[LISTENING] ") }
      let member = try Dialogue(connectingTo: .unix(path: path))
      _ = try winner.waitForLine("a [NEW CONNECTION] line") { $0.hasPrefix("[NEW CONNECTION] ") }
      member.close()
      winner.signal(SIGTERM)
      #expect(try winner.waitForExit() == .status(0))
    }
  }

  @Test func `A link put in the socket's place neither gives its target away nor is removed`() throws {
    let directory = try TemporaryDirectory()
    let (path, secret) = (directory.file("chat.sock"), directory.file("secret"))
    close(open(secret, O_CREAT | O_WRONLY, 0o600))
    let server = try Program(
      built: "mychatserver", ["unix:\(path)"],
      environment: ["LD_PRELOAD": try Program.built("libFailingCalls.so"), "REPLACE_SOCKET_BY": secret])
    #expect(try server.waitForExit() == .status(1))
    #expect(server.errorLines.contains { $0.contains("replaced") })
    #expect(mode(of: secret) == 0o600)
    #expect(exists(path))
  }

  @Test func `The socket of a successor outlives the server that was there before`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let first = try ServerProgram(["unix:\(path)"])
    for name in ["chat.sock", "chat.sock.lock"] { unlink(directory.file(name)) }
    let second = try ServerProgram(["unix:\(path)"])
    first.program.signal(SIGTERM)
    #expect(try first.program.waitForExit() == .status(0))
    let member = try Dialogue(connectingTo: second.address)
    try member.send("exit\n")
    try member.expectClosed()
    let third = try Program(built: "mychatserver", ["unix:\(path)"])
    #expect(try third.waitForExit() == .status(1))
  }

  @Test func `A stopped server leaves nothing behind`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let server = try ServerProgram(["unix:\(path)"])
    #expect(exists(path))
    server.program.signal(SIGTERM)
    #expect(try server.program.waitForExit() == .status(0))
    #expect(rmdir(directory.path) == 0)
  }

  @Test func `The socket is open to its owner and group, whatever the umask`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("chat.sock")
    let server = try Program(
      "/bin/sh", ["-c", "umask 077; exec \"$0\" \"$1\"", try Program.built("mychatserver"), "unix:\(path)"])
    _ = try server.waitForLine("a [LISTENING] line") { $0.hasPrefix("[LISTENING] ") }
    #expect(mode(of: path) == 0o660)
  }

  @Test func `A file with something in it is no lock, whatever its name, and stays`() throws {
    let directory = try TemporaryDirectory()
    let (path, lock) = (directory.file("Cargo"), directory.file("Cargo.lock"))
    let file = FileDescriptor(owning: open(lock, O_WRONLY | O_CREAT, 0o600))
    #expect(Array("precious".utf8).withUnsafeBytes { file.write($0) } == .bytes(8))
    let server = try Program(built: "mychatserver", ["unix:\(path)"])
    #expect(try server.waitForExit() == .status(1))
    #expect(try #require(server.errorLines.first).contains("'\(lock)'"))
    #expect(exists(lock) && !exists(path))
  }

  @Test func `What stands where the lock belongs is named, and stays`() throws {
    let directory = try TemporaryDirectory()
    let (path, lock) = (directory.file("chat.sock"), directory.file("chat.sock.lock"))
    mkdir(lock, 0o700)
    let server = try Program(built: "mychatserver", ["unix:\(path)"])
    #expect(try server.waitForExit() == .status(1))
    #expect(server.errorLines.count == 1)
    #expect(try #require(server.errorLines.first).contains("'\(lock)'"))
    #expect(exists(lock) && !exists(path))
  }

  private func mode(of path: String) -> mode_t? {
    var information = stat()
    return lstat(path, &information) == 0 ? information.st_mode & 0o7777 : nil
  }
}
