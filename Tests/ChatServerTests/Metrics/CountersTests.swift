import ChatWire
import TestSupport
import Testing

@testable import ChatServer

/// What the counters say of a server that runs.
@Suite(.timeLimit(.minutes(10))) struct CountersTests {
  @Test func `Members, lines and bytes are counted, and lines of an earlier session are not`() throws {
    let directory = try TemporaryDirectory()
    try write("2026-11-23T21:03:05Z 1234: before\n", to: directory.file("transcript"))
    let server = try RunningServer(.alone) { $0.transcript = directory.file("transcript") }
    #expect(server.server.counters.said == 0)
    let (speaker, listener) = (try server.peer(), try server.peer())
    try server.settle()
    try speaker.send("hi\n")
    try listener.expect("\(speaker.localPort): hi")
    let line = "\(speaker.localPort): hi\n".utf8.count
    try server.wait("a line") { $0.said == 1 && $0.members == 2 && $0.bytesSent == line && $0.behind == 0 }
    try speaker.send("exit\n")
    try speaker.expectClosed()
    speaker.close()
    try server.wait("one to be gone, with its bytes") { $0.members == 1 && $0.left == 1 && $0.bytesSent == line }
  }

  @Test func `Members whose connections take no more are behind until they read`() throws {
    let server = try RunningServer(.alone) { $0.patience = .seconds(600) }
    let (speaker, slow) = (try server.peer(), try server.peer(receiveBuffer: 4096))
    try server.settle()
    let line = String(repeating: "x", count: 4000)
    try eventually("somebody to be behind; there are \(server.server.counters)") {
      _ = try speaker.sendWithoutWaiting(Array("\(line)\n".utf8)[...])
      return server.server.counters.behind == 1
    }
    let counters = server.server.counters
    #expect(counters.lagBytes > 0 && counters.lagBytes <= counters.logBytes)
    speaker.close()
    try eventually("nobody to be behind; there are \(server.server.counters)") {
      _ = try slow.peek()
      return server.server.counters.behind == 0
    }
    #expect(server.server.counters.lagBytes == 0)
  }
}
