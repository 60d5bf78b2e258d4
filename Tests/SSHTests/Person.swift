import ChatWire
import Glibc
import TestSupport

/// Who sits at the terminal: a login with a home, keys and a list of known hosts of its own, empty at first.
final class Person {
  let home: String
  private let client: String

  init() throws {
    home = try Logins.home(of: Logins.person)
    client = try Program.built("mychatclient")
    try Logins.run("rm", ["-rf", "\(home)/.ssh", try Logins.home(of: Logins.host) + "/.bashrc"])
    try runAsSelf("mkdir", ["-m", "700", "\(home)/.ssh"])
  }

  /// A file in the directory `.ssh`.
  func file(_ name: String) -> String { "\(home)/.ssh/\(name)" }

  func writeFile(_ name: String, _ text: String) throws {
    try write(text, to: file(name), mode: 0o600)
    try Logins.run("chown", [Logins.person, file(name)])
  }

  /// Knows the host's present key.
  func know(_ host: Host) throws {
    let key = text(ofFile: host.directory.file("host_key.pub"))
    try writeFile("known_hosts", "[127.0.0.1]:\(host.port) \(key)")
  }

  /// Has a key, which the host accepts for its login, unless it is another.
  func useKey(at host: Host, isAccepted: Bool = true) throws {
    if !exists(file("id_ed25519")) {
      try runAsSelf("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file("id_ed25519")])
    }
    if isAccepted { try write(text(ofFile: file("id_ed25519.pub")), to: host.directory.file("keys/\(Logins.host)")) }
  }

  private func arguments(_ path: String, _ arguments: [String]) -> [String] {
    ["--reuid", Logins.person, "--regid", "users", "--clear-groups", "--", path] + arguments
  }

  private func runAsSelf(_ name: String, _ arguments: [String]) throws {
    try Logins.run("setpriv", self.arguments(try Program.found(name), arguments))
  }

  /// Starts the client on `terminal`.
  func join(_ arguments: [String], on terminal: Pty) throws -> Program {
    try Program(
      Program.found("setpriv"), self.arguments(client, arguments), environment: ["HOME": home],
      input: .terminal(terminal), output: .terminal(terminal), errors: .terminal(terminal))
  }

  /// Starts the client without a terminal.
  func join(_ arguments: [String]) throws -> Program { try start(client, arguments) }

  /// Starts a program without a terminal.
  func start(_ path: String, _ arguments: [String]) throws -> Program {
    try Program(Program.found("setpriv"), self.arguments(path, arguments), environment: ["HOME": home])
  }

  /// Whether none of the person's programs is left.
  func expectNothingLeft() throws {
    try eventually("the person's programs to end", within: .seconds(10)) {
      try Logins.processes(of: Logins.person).isEmpty
    }
  }
}
