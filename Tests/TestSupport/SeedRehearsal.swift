import Glibc

/// SEED.md's conversation, played by the real programs: a server, and three clients each on a terminal of its own.
package struct SeedRehearsal {
  /// Where the server listened, and the clients' ports in their order.
  package let listeningPort: UInt16
  package let ports: [UInt16]
  /// What the server had printed when the second client had left, which is where SEED.md ends.
  package let server: [String]
  /// What stood on each client's terminal when it had left.
  package let clients: [[String]]
  /// How the clients ended, and the server after SIGTERM.
  package let clientExits: [Program.Exit]
  package let serverExit: Program.Exit
  /// What the server had to say on standard error.
  package let serverErrors: [String]
  /// Control sequences that a plain terminal would not have understood.
  package let unknownSequences: [String]

  package init() throws {
    let server = try Program(built: "mychatserver", ["0"])
    let announcement = "[LISTENING] Server is listening on 127.0.0.1:"
    let line = try server.waitForLine("a [LISTENING] line") { $0.hasPrefix(announcement) }
    listeningPort = UInt16(line.dropFirst(announcement.count)) ?? 0

    var terminals: [Pty] = []
    var clients: [Program] = []
    var ports: [UInt16] = []
    for _ in 0..<3 {
      let terminal = try Pty()
      terminals.append(terminal)
      clients.append(try Program(built: "mychatclient", [String(listeningPort)], on: terminal))
      let welcome = try server.waitForLine("a [NEW CONNECTION] line") { $0.hasPrefix("[NEW CONNECTION] ") }
      ports.append(UInt16(welcome.drop { $0 != "," }.filter(\.isNumber)) ?? 0)
      try terminal.waitForLine("Connected to chat server. Type 'exit' to leave.")
    }

    for (speaker, text) in Seed.conversation {
      try terminals[speaker].type(text + "\r")
      for listener in 0..<3 where listener != speaker {
        try terminals[listener].waitForLine("\(ports[speaker]): \(text)")
      }
    }
    var exits: [Program.Exit?] = [nil, nil, nil]
    try terminals[1].type("exit\r")
    exits[1] = try clients[1].waitForExit()
    try server.waitForLine("[DISCONNECTED] ('127.0.0.1', \(ports[1])) has been removed.")
    self.server = server.outputLines
    for leaver in [0, 2] {
      try terminals[leaver].type("exit\r")
      exits[leaver] = try clients[leaver].waitForExit()
    }
    for terminal in terminals { terminal.readWhatIsThere() }
    self.clients = terminals.map(\.screen.lines)
    unknownSequences = terminals.flatMap(\.screen.unknown)
    clientExits = exits.compactMap(\.self)
    self.ports = ports
    server.signal(SIGTERM)
    serverExit = try server.waitForExit()
    serverErrors = server.errorLines
  }
}
