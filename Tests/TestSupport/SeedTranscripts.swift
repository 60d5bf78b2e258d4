/// The example of SEED.md, line for line.
package enum Seed {
  package static let listeningPort: UInt16 = 12345
  package static let ports: [UInt16] = [54321, 54322, 54323]

  package static let server = """
    [LISTENING] Server is listening on 127.0.0.1:12345
    [NEW CONNECTION] ('127.0.0.1', 54321) connected.
    [NEW CONNECTION] ('127.0.0.1', 54322) connected.
    [NEW CONNECTION] ('127.0.0.1', 54323) connected.
    [('127.0.0.1', 54321)] Relaying message: 54321: Hi everyone!
    [('127.0.0.1', 54322)] Relaying message: 54322: Hello there!
    [('127.0.0.1', 54323)] Relaying message: 54323: How is this chat assignment going?
    [('127.0.0.1', 54321)] Relaying message: 54321: Pretty well, it seems to work!
    [('127.0.0.1', 54322)] Sent exit command.
    [DISCONNECTED] ('127.0.0.1', 54322) has been removed.
    """

  package static let clients = [
    """
    Connected to chat server. Type 'exit' to leave.
    Hi everyone!
    54322: Hello there!
    54323: How is this chat assignment going?
    Pretty well, it seems to work!
    exit
    Disconnected from server
    """,
    """
    Connected to chat server. Type 'exit' to leave.
    54321: Hi everyone!
    Hello there!
    54323: How is this chat assignment going?
    54321: Pretty well, it seems to work!
    exit
    Disconnected from server
    """,
    """
    Connected to chat server. Type 'exit' to leave.
    54321: Hi everyone!
    54322: Hello there!
    How is this chat assignment going?
    54321: Pretty well, it seems to work!
    exit
    Disconnected from server
    """,
  ]

  /// Who says what, in order; the speakers count from 0.
  package static let conversation: [(speaker: Int, text: String)] = [
    (0, "Hi everyone!"),
    (1, "Hello there!"),
    (2, "How is this chat assignment going?"),
    (0, "Pretty well, it seems to work!"),
  ]

  /// `transcript` as lines, with the ports of a real run in place of SEED.md's.
  package static func lines(_ transcript: String, listeningOn listening: UInt16, ports: [UInt16]) -> [String] {
    let real = Dictionary(uniqueKeysWithValues: zip([listeningPort] + Self.ports, [listening] + ports))
    return transcript.split(separator: "\n").map { line in
      // All in one go: a real port may look like another of SEED.md's.
      String(line).replacing(/[0-9]{5}/) { UInt16($0.output).flatMap { real[$0] }.map(String.init) ?? "no such port" }
    }
  }
}
