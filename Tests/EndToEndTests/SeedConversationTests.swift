import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct SeedConversationTests {
  @Test func `A server and three clients on terminals show what SEED.md shows, line for line`() throws {
    let play = try SeedRehearsal()
    #expect(play.server == Seed.lines(Seed.server, listeningOn: play.listeningPort, ports: play.ports))
    for (shown, transcript) in zip(play.clients, Seed.clients) {
      #expect(shown == Seed.lines(transcript, listeningOn: play.listeningPort, ports: play.ports))
    }
    #expect(play.clientExits == [.status(0), .status(0), .status(0)])
    #expect(play.serverExit == .status(0))
    #expect(play.serverErrors == [])
    #expect(play.unknownSequences == [])
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
