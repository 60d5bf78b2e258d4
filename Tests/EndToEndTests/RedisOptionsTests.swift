import ChatWire
import Glibc
import TestSupport
import Testing

/// How a server is told of the Redis that it shares its room through.
@Suite(.timeLimit(.minutes(10))) struct RedisOptionsTests {
  private static let secret = "correct horse battery"

  /// A server, until it says something of Redis.
  private func report(
    of options: [String], environment: [String: String] = [:], until matches: @escaping (String) -> Bool
  ) throws -> (line: String, all: String) {
    let server = try Program(built: "mychatserver", ["0"] + options, environment: environment)
    let line = try server.waitForLine("a line of Redis") { $0.hasPrefix("[REDIS] ") && matches($0) }
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
    return (line, String(decoding: server.output + server.errors, as: UTF8.self))
  }

  @Test(.enabled(if: RedisServer.isInstalled))
  func `A password comes from a file, the environment or the address, and is never shown`() throws {
    let redis = try RedisServer(options: ["--requirepass", Self.secret])
    let file = redis.directory.file("password")
    try append("\(Self.secret)\n", to: file)
    chmod(file, 0o600)
    let plain = redis.url(room: "lab")
    let sharing = "[REDIS] Sharing the room 'lab' through \(redis.address);"
    let written = redis.url(room: "lab", credentials: ":correct%20horse%20battery@")
    for (options, environment) in [
      (["--redis", plain, "--redis-password-file", file], ["MYCHAT_REDIS_PASSWORD": "wrong"]),
      (["--redis", plain], ["MYCHAT_REDIS_PASSWORD": Self.secret]), (["--redis", written], [:]),
    ] {
      let (line, all) = try report(of: options, environment: environment) { _ in true }
      #expect(line.hasPrefix(sharing), "\(all)")
      #expect(!all.contains("horse"))
      #expect(all.contains("[WARNING]") == (environment.isEmpty))
    }
    let (line, all) = try report(of: ["--redis", plain]) { _ in true }
    #expect(line.contains("asks for a password") && line.contains("--redis-password-file"))
    // Whoever starts a server looks at standard error.
    #expect(all.split(separator: "\n").filter { $0 == line }.count == 2)
    chmod(file, 0o644)
    let refused = try ServerProgram.refusal(of: ["--redis", plain, "--redis-password-file", file])
    #expect(refused.contains("chmod 600 '\(file)'"))
  }

  @Test(.enabled(if: RedisServer.isInstalled))
  func `What this Redis cannot give is said in one line with what to do, while members come`() throws {
    let redis = try RedisServer()
    for (address, says) in [
      ("redis://\(redis.address)/99", "has no database 99: give one that it has"),
      ("redis://127.0.0.1:1", "Cannot reach Redis at 127.0.0.1:1: Connection refused"),
      ("unix:\(redis.directory.file("nothing"))", "No such file or directory"),
      ("redis://nosuchhost.invalid", "Cannot reach Redis at nosuchhost.invalid:6379"),
      ("redis://nobody:x@\(redis.address)", "refuses the user or the password"),
    ] {
      let server = try ServerProgram(options: ["--redis", address])
      let line = try server.program.waitForLine("a line of Redis") { $0.hasPrefix("[REDIS] ") }
      #expect(line.contains(says), "\(line)")
      let member = try server.join()
      #expect(try member.expectLine() == "* The link to the other servers is down; what you send waits.")
      try member.send("exit\n")
      try member.expectClosed()
      try server.stop()
      #expect(server.program.outputLines.filter { $0.hasPrefix("[REDIS] ") }.count == 1)
    }
  }

  @Test func `A host that is looked up for ever keeps nobody waiting, and ends with the server`() throws {
    let server = try Program(
      built: "mychatserver", ["0", "--redis", "redis://slow"],
      environment: ["LD_PRELOAD": try Program.built("libFailingCalls.so")])
    let prefix = "[LISTENING] Server is listening on "
    let line = try server.waitForLine("a [LISTENING] line") { $0.hasPrefix(prefix) }
    let member = try Dialogue(connectingTo: try Address(parsing: String(line.dropFirst(prefix.count))))
    try member.send("hello\n")
    #expect(try member.expectLine() == "* The link to the other servers is down; what you send waits.")
    #expect(server.errorLines.contains("asking for slow"))
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
  }
}
