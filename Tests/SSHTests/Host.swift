import ChatWire
import Glibc
import TestSupport

/// A host with a room: an sshd on loopback with a host key and settings of its own, and a server on a Unix socket that every
/// login may use.
final class Host {
  let port: UInt16
  let directory: TemporaryDirectory
  /// The room's socket.
  let path: String
  private let settings: String
  /// A block of settings for some logins, which comes last.
  private var match = ""
  private var daemon: Program?
  private var server: Program?

  /// - Parameters:
  ///   - settings: lines of sshd_config, which come before the others and win.
  ///   - path: of the room's socket; nil for one in the host's own directory.
  init(_ settings: String = "", room path: String? = nil) throws {
    guard let port = unusedFixedPort() else { throw TestFailure("no free port for sshd") }
    self.port = port
    self.settings = settings
    directory = try TemporaryDirectory()
    self.path = path ?? directory.file("room.sock")
    chmod(directory.path, 0o755)
    mkdir(directory.file("bin"), 0o755)
    mkdir(directory.file("keys"), 0o755)
    try Logins.run("cp", [Program.built("mychatclient"), directory.file("bin/mychatclient")])
    try makeKey()
    try start()
    server = try Program(built: "mychatserver", ["unix:\(self.path)"])
    _ = try server?.waitForLine("the server to listen") { $0.hasPrefix("[LISTENING]") }
    chmod(self.path, 0o666)
  }

  deinit {
    server?.signal(SIGTERM)
    _ = try? server?.waitForExit()
  }

  /// Makes a host key, in the place of the one before.
  func makeKey() throws {
    unlink(directory.file("host_key"))
    try Logins.run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", directory.file("host_key")])
  }

  /// Starts sshd.
  func start() throws {
    try write(
      """
      \(settings)
      ListenAddress 127.0.0.1:\(port)
      HostKey \(directory.file("host_key"))
      PidFile none
      UsePAM no
      StrictModes no
      KbdInteractiveAuthentication no
      Subsystem sftp internal-sftp
      AuthorizedKeysFile \(directory.file("keys"))/%u
      SetEnv PATH=\(directory.file("bin")):/usr/bin:/bin
      \(match)

      """, to: directory.file("sshd_config"))
    let daemon = try Program(
      Program.found("sshd"), ["-D", "-e", "-f", directory.file("sshd_config")],
      errors: .file(directory.file("sshd.log")))
    self.daemon = daemon
    try eventually("sshd to listen; its log: \(text(ofFile: directory.file("sshd.log")))") {
      if daemon.hasEnded { throw TestFailure("sshd ended: \(text(ofFile: directory.file("sshd.log")))") }
      return (try? Dialogue(port: port)) != nil
    }
  }

  /// Starts sshd anew with a block of settings for some logins.
  func restart(match: String) throws {
    try stop()
    self.match = match
    try start()
  }

  /// Ends sshd, and the connections of the host's login with it.
  func stop() throws {
    daemon?.signal(SIGTERM)
    try daemon?.waitForExit()
    try breakConnections()
  }

  /// Ends the processes of sshd that serve the host's login.
  func breakConnections() throws {
    for process in try Logins.processes(of: Logins.host) where process.name.hasPrefix("sshd") {
      kill(process.pid, SIGKILL)
    }
  }

  /// Where a person finds the room.
  var address: String { "ssh://\(Logins.host)@127.0.0.1:\(port)\(path)" }

  /// A member on the host itself. It is in the room, and hears what others say from now on.
  func join() throws -> Dialogue {
    let member = try Dialogue(connectingTo: .unix(path: path))
    try member.send("/nick\n")
    try member.expect("* You are root already.")
    return member
  }
}
