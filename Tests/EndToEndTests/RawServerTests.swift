import TestSupport
import Testing

/// `mychatclient` at a server of SEED.md's kind, which knows no framing.
@Suite(.timeLimit(.minutes(10))) struct RawServerTests {
  @Test func `On a terminal, messages go both ways, and such a server reads exactly exit`() throws {
    let server = try RawServer()
    let terminal = try Pty()
    let client = try Program(built: "mychatclient", [String(server.port)], on: terminal)
    try eventually("the client to connect") { server.ports.count == 1 }
    let port = server.ports[0]
    let peer = try Dialogue(port: server.port)
    try eventually("the peer to connect") { server.ports.count == 2 }

    try terminal.type("Hi everyone!\r")
    #expect(try peer.receiveOnce() == "\(port): Hi everyone!\n")
    try peer.send("Hello there!")
    try terminal.waitForLine("\(peer.localPort): Hello there!")
    try peer.send("And again, ünïcödé.")
    try eventually("the second message on the screen") {
      terminal.readWhatIsThere()
      return terminal.screen.lines.contains("\(peer.localPort): And again, ünïcödé.")
    }
    try terminal.type("exit\r")
    #expect(try client.waitForExit() == .status(0))

    let sent = server.messages.filter { $0.port == port }.map(\.text)
    #expect(sent == ["Hi everyone!\n", "exit"])
    terminal.readWhatIsThere()
    #expect(
      terminal.screen.lines == [
        "Connected to chat server. Type 'exit' to leave.", "Hi everyone!", "\(peer.localPort): Hello there!",
        "\(peer.localPort): And again, ünïcödé.", "exit", "Disconnected from server",
      ])
  }

  @Test func `Without a terminal, messages go both ways, and such a server reads exactly exit`() throws {
    let server = try RawServer()
    let client = try Program(built: "mychatclient", [String(server.port)])
    try client.waitForErrorLine("Connected to chat server. Type 'exit' to leave.")
    try eventually("the client to connect") { server.ports.count == 1 }
    let port = server.ports[0]
    let peer = try Dialogue(port: server.port)
    try eventually("the peer to connect") { server.ports.count == 2 }

    try client.write("Hi everyone!\n")
    #expect(try peer.receiveOnce() == "\(port): Hi everyone!\n")
    try peer.send("Hello there!")
    try client.waitForLine("\(peer.localPort): Hello there!")
    try client.write("exit\n")
    #expect(try client.waitForExit() == .status(0))
    #expect(server.messages.filter { $0.port == port }.map(\.text) == ["Hi everyone!\n", "exit"])
    #expect(client.errorLines.last == "Disconnected from server")
  }

  @Test func `A message without newline is shown although another client's came with one`() throws {
    let server = try RawServer()
    let first = try Program(built: "mychatclient", [String(server.port)])
    try eventually("the first client to connect") { server.ports.count == 1 }
    let second = try Program(built: "mychatclient", [String(server.port)])
    try eventually("the second client to connect") { server.ports.count == 2 }
    let peer = try Dialogue(port: server.port)
    try eventually("the peer to connect") { server.ports.count == 3 }

    try first.write("from our client\n")
    try second.waitForLine("\(server.ports[0]): from our client")
    _ = try peer.receiveOnce()
    try peer.send("from a raw one")
    try second.waitForLine("\(peer.localPort): from a raw one")
  }

  @Test(arguments: [[], ["--json"]]) func `Messages without newline are lines of their own, and shown at once`(
    options: [String]
  ) throws {
    let server = try RawServer()
    let client = try Program(built: "mychatclient", [String(server.port)] + options)
    try eventually("the client to connect") { server.ports.count == 1 }
    let peers = try (0..<2).map { _ in try Dialogue(port: server.port) }
    try eventually("the peers to connect") { server.ports.count == 3 }
    try peers[0].send("with a newline\n")
    _ = try client.waitForLine("the line") { $0.contains("with a newline") }

    // Two messages that are on their way at once. Where the machine is busy the client may receive both together, and then
    // nothing tells them apart.
    let areApart = try (0..<5).contains { attempt in
      try peers[0].send("one \(attempt)")
      try eventually("the server to have one") { server.messages.last?.text == "one \(attempt)" }
      try peers[1].send("two \(attempt)")
      let one = try client.waitForLine("one") { $0.contains("one \(attempt)") }
      if one.contains("two") { return false }
      _ = try client.waitForLine("two") { $0.contains("two \(attempt)") }
      return true
    }
    #expect(areApart)

    // One of several, as others use the machine too; most of the time is the pause that ends a message.
    let isAtOnce = try (0..<20).contains { attempt in
      let began = ContinuousClock.now
      try peers[0].send("alone \(attempt)")
      _ = try client.waitForLine("the message") { $0.contains("alone \(attempt)") }
      return ContinuousClock.now - began < .milliseconds(150)
    }
    #expect(isAtOnce)
  }

  @Test func `A raw server that goes away is a lost connection`() throws {
    var server: RawServer? = try RawServer()
    let client = try Program(built: "mychatclient", [String(try #require(server).port)])
    try eventually("the client to connect") { server?.ports.count == 1 }
    server = nil
    #expect(try client.waitForExit() == .status(1))
    #expect(client.errorLines.last == "[DISCONNECTED] Server connection lost.")
  }
}
