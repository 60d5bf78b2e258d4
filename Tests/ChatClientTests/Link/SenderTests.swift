import ChatWire
import TestSupport
import Testing

@testable import ChatClient

/// What becomes of lines when the server goes.
@Suite(.timeLimit(.minutes(10))) struct SenderTests {
  @Test(arguments: [false, true]) func `A line for a server that has ended its stream is kept, and not sent to nobody`(
    remembers: Bool
  ) throws {
    let server = try ScriptedServer()
    let connection = try ServerConnection.open(
      to: .internet(host: "127.0.0.1", port: server.port), until: .now + generousLimit)
    let sender = Sender(connection, remembers: remembers, wakeup: try Wakeup())
    let peer = try server.accept()
    sender.send(Array("in time\n".utf8))
    try peer.expect("in time")
    try peer.finishSending()
    #expect(connection.isEnded(within: 30_000))
    sender.send(Array("too late\n".utf8))
    try eventually("the sender to give the connection up") {
      // It moves while there is no connection.
      let deadline = sender.stallDeadline
      return sender.stallDeadline > deadline
    }
    let uncertain = sender.disconnect(connection, inOrder: false).map { String(decoding: $0, as: UTF8.self) }
    #expect(uncertain == (remembers ? ["in time"] : []))
    #expect(sender.unsentLines == [Array("too late".utf8)])
    try peer.expectClosed()
  }
}
