import Glibc

/// SEED.md's conversation over three servers that share a room through Redis: each client is at a server of its own.
package final class ClusterRehearsal {
  /// Where the servers listen, and their clients' ports, in their order.
  package let listeningPorts: [UInt16]
  package let ports: [UInt16]
  /// What stood on each client's terminal when it had left.
  package let clients: [[String]]
  package let clientExits: [Program.Exit]
  /// What each server had printed when its client had left, without its lines about Redis.
  package let serverLines: [[String]]
  /// Empty once `end` was called.
  private var servers: [Program]
  private let redis: RedisServer
  /// How the servers ended, and what they had to say on standard error.
  package private(set) var serverExits: [Program.Exit] = []
  package private(set) var errors: [String] = []

  /// - Parameter staysOpen: whether Redis and the servers go on when the conversation is over, until `end`.
  package init(staysOpen: Bool = false) throws {
    redis = try RedisServer()
    var servers: [Program] = []
    var listeningPorts: [UInt16] = []
    for _ in 0..<3 {
      let server = try Program(built: "mychatserver", ["0", "--redis", redis.url()])
      let announcement = "[LISTENING] Server is listening on 127.0.0.1:"
      let line = try server.waitForLine("a [LISTENING] line") { $0.hasPrefix(announcement) }
      listeningPorts.append(UInt16(line.dropFirst(announcement.count)) ?? 0)
      servers.append(server)
    }
    self.listeningPorts = listeningPorts

    var terminals: [Pty] = []
    var clients: [Program] = []
    var ports: [UInt16] = []
    for (server, port) in zip(servers, listeningPorts) {
      let terminal = try Pty()
      terminals.append(terminal)
      clients.append(try Program(built: "mychatclient", [String(port)], on: terminal))
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
    var exits: [Program.Exit] = []
    var serverLines: [[String]] = [[], [], []]
    for leaver in [1, 0, 2] {
      try terminals[leaver].type("exit\r")
      exits.append(try clients[leaver].waitForExit())
      try servers[leaver].waitForLine("[DISCONNECTED] ('127.0.0.1', \(ports[leaver])) has been removed.")
      serverLines[leaver] = servers[leaver].outputLines.filter { !$0.hasPrefix("[REDIS] ") }
    }
    for terminal in terminals { terminal.readWhatIsThere() }
    self.clients = terminals.map(\.screen.lines)
    self.serverLines = serverLines
    self.ports = ports
    self.servers = servers
    clientExits = exits
    if !staysOpen { try end() }
  }

  /// Commands that join the servers, each with the client as built.
  package var invitations: [String] {
    get throws {
      let client = try Program.built("mychatclient")
      return listeningPorts.map { "\(client) \($0)" }
    }
  }

  /// A server must not wait for a reader of its output.
  package func readWhatServersPrint() { for server in servers { server.readWhatIsThere() } }

  /// Ends the servers in order, and then Redis.
  package func end() throws {
    for server in servers {
      server.signal(SIGTERM)
      serverExits.append(try server.waitForExit())
      errors += server.errorLines
    }
    servers = []
    try redis.end()
  }

  /// What a server should have printed by SEED.md: what it says of its own member.
  package func expectedLines(ofServer index: Int) -> [String] {
    let seedPort = "\(Seed.ports[index])"
    var lines = Seed.server.split(separator: "\n").map(String.init).filter {
      $0.hasPrefix("[LISTENING]") || $0.contains("('127.0.0.1', \(seedPort))")
    }
    // SEED.md ends when the second client has left; the others leave as it does.
    if index != 1 {
      lines += [
        "[('127.0.0.1', \(seedPort))] Sent exit command.",
        "[DISCONNECTED] ('127.0.0.1', \(seedPort)) has been removed.",
      ]
    }
    return Seed.lines(lines.joined(separator: "\n"), listeningOn: listeningPorts[index], ports: ports)
  }
}
