import Glibc

/// A conversation of people with names, played by the real programs: two take names, one whispers, and one who comes later
/// sees what was said.
package struct NamesRehearsal {
  /// Who said what, as in the script: a person's number and what it typed.
  package static let names = ["alice", "bob", "carol"]
  /// What stood on each person's terminal when it had left, in the order of `names`.
  package let screens: [[String]]
  /// The first names of the three: their ports.
  package let ports: [UInt16]

  package init() throws {
    let server = try Program(built: "mychatserver", ["0", "--replay", "20"])
    let announcement = "[LISTENING] Server is listening on 127.0.0.1:"
    let port = String(
      try server.waitForLine("a [LISTENING] line") { $0.hasPrefix(announcement) }.dropFirst(announcement.count))

    var people: [(terminal: Pty, program: Program)] = []
    var ports: [UInt16] = []
    func join() throws {
      let terminal = try Pty()
      let name = Self.names[people.count]
      let client = try Program(built: "mychatclient", [port, "--name", name], on: terminal)
      people.append((terminal, client))
      let welcome = try server.waitForLine("a [NEW CONNECTION] line") { $0.hasPrefix("[NEW CONNECTION] ") }
      ports.append(UInt16(welcome.drop { $0 != "," }.filter(\.isNumber)) ?? 0)
      for person in people { try person.terminal.waitForLine("* \(ports[people.count - 1]) is now \(name)") }
    }
    func say(_ speaker: Int, _ text: String, heard line: String, by listeners: [Int], told: String? = nil) throws {
      try people[speaker].terminal.type(text + "\r")
      for listener in listeners { try people[listener].terminal.waitForLine(line) }
      if let told { try people[speaker].terminal.waitForLine(told) }
    }

    try join()
    try join()
    try say(0, "The build is green again.", heard: "alice: The build is green again.", by: [1])
    try say(1, "/me is relieved", heard: "[action] bob is relieved", by: [0])
    try say(
      1, "/msg alice Cake at four?", heard: "[private] bob: Cake at four?", by: [0], told: "* Sent to alice.")
    try join()
    try say(2, "What did I miss?", heard: "carol: What did I miss?", by: [0, 1])
    try say(0, "/msg carol Cake, at four.", heard: "[private] alice: Cake, at four.", by: [2], told: "* Sent to carol.")
    for person in people {
      try person.terminal.type("exit\r")
      _ = try person.program.waitForExit()
      person.terminal.readWhatIsThere()
    }
    screens = people.map(\.terminal.screen.lines)
    self.ports = ports
    server.signal(SIGTERM)
    _ = try server.waitForExit()
  }
}
