import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct SeedConversationTests {
  @Test func `A server and three clients on terminals show what SEED.md shows, line for line`() throws {
    let server = try ServerProgram()
    var terminals: [Pty] = []
    var clients: [Program] = []
    var ports: [UInt16] = []
    for _ in 0..<3 {
      let terminal = try Pty()
      terminals.append(terminal)
      clients.append(try Program(built: "mychatclient", [String(server.port)], on: terminal))
      ports.append(try server.nextPort())
      try terminal.waitForLine("Connected to chat server. Type 'exit' to leave.")
    }

    for (speaker, text) in Seed.conversation {
      try terminals[speaker].type(text + "\r")
      for listener in 0..<3 where listener != speaker {
        try terminals[listener].waitForLine("\(ports[speaker]): \(text)")
      }
    }
    try terminals[1].type("exit\r")
    #expect(try clients[1].waitForExit() == .status(0))
    try server.program.waitForLine("[DISCONNECTED] ('127.0.0.1', \(ports[1])) has been removed.")
    #expect(
      server.program.outputLines == Seed.lines(Seed.server, listeningOn: server.port, ports: ports))

    for leaver in [0, 2] {
      try terminals[leaver].type("exit\r")
      #expect(try clients[leaver].waitForExit() == .status(0))
    }
    for (terminal, transcript) in zip(terminals, Seed.clients) {
      terminal.readWhatIsThere()
      #expect(terminal.screen.lines == Seed.lines(transcript, listeningOn: server.port, ports: ports))
      #expect(terminal.screen.unknown == [])
    }

    server.program.signal(SIGTERM)
    #expect(try server.program.waitForExit() == .status(0))
    #expect(server.program.errorLines == [])
  }

  /// Three of the four kinds of speaker at a time, each kind in every part.
  @Test(arguments: 0..<4) func `The conversation goes on among peers of every kind`(rotation: Int) throws {
    let server = try ServerProgram()
    var speakers: [any Speaker] = []
    for part in 0..<3 { speakers.append(try speaker(kind: (rotation + part) % 4, in: server)) }

    for (speaker, text) in Seed.conversation {
      try speakers[speaker].say(text)
      for listener in 0..<3 where listener != speaker {
        try speakers[listener].hear("\(speakers[speaker].port): \(text)")
      }
    }
    var expected = Seed.lines(Seed.server, listeningOn: server.port, ports: speakers.map(\.port))
    for leaver in [1, 0, 2] {
      let who = "('127.0.0.1', \(speakers[leaver].port))"
      if leaver != 1 { expected += ["[\(who)] Sent exit command.", "[DISCONNECTED] \(who) has been removed."] }
      try speakers[leaver].leave()
      try server.program.waitForLine("[DISCONNECTED] \(who) has been removed.")
    }
    server.program.signal(SIGTERM)
    #expect(try server.program.waitForExit() == .status(0))
    #expect(server.program.outputLines == expected)
  }

  private func speaker(kind: Int, in server: ServerProgram) throws -> any Speaker {
    switch kind {
    case 0: try NetcatSpeaker(in: server)
    case 1: try ReturnSpeaker(in: server)
    case 2: try RawSpeaker(in: server)
    default: try PlainClientSpeaker(in: server)
    }
  }
}
