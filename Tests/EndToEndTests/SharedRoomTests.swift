import Glibc
import TestSupport
import Testing

/// The programs where the room's order comes from Redis.
@Suite(.enabled(if: RedisServer.isInstalled), .timeLimit(.minutes(10))) struct SharedRoomTests {
  @Test func `A line from --send is confirmed when it is said, and not before`() throws {
    let redis = try RedisServer(onUnixSocket: true)
    let server = try ServerProgram(options: ["--redis", redis.url()])
    let member = try server.join()
    let before = try server.join()
    try before.send("it works\n")
    try member.expect("\(before.localPort): it works")
    redis.pause()
    let client = try Program(built: "mychatclient", [String(server.port), "--send", "the build is done"])
    let port = try server.nextPort()
    // It would have left long ago.
    let soon = ContinuousClock.now + .seconds(1)
    try eventually("a second to go by") { ContinuousClock.now > soon }
    #expect(!client.hasEnded)
    #expect(try member.peek().isEmpty)
    redis.resume()
    #expect(try client.waitForExit() == .status(0))
    try member.expect("\(port): the build is done")
  }

  @Test func `A line from --send that a server which stops never had back is a failure`() throws {
    let redis = try RedisServer(onUnixSocket: true)
    let server = try ServerProgram(options: ["--redis", redis.url()])
    let (member, before) = (try server.join(), try server.join())
    try before.send("it works\n")
    try member.expect("\(before.localPort): it works")
    redis.pause()
    let client = try Program(built: "mychatclient", [String(server.port), "--send", "the build is done"])
    _ = try server.nextPort()
    // Long enough for the server to have the line.
    let soon = ContinuousClock.now + .seconds(1)
    try eventually("a second to go by") { ContinuousClock.now > soon }
    server.program.signal(SIGTERM)
    #expect(try client.waitForExit() == .status(1))
    #expect(
      client.errorLines.count == 1 && client.errorLines[0].contains("1 line was not sent."), "\(client.errorLines)")
    for peer in [member, before] { peer.close() }
    #expect(try server.program.waitForExit() == .status(0))
  }
}
