import ChatWire
import Glibc

/// What the client and its relay say of a room that is reached over ssh.
extension Wording {
  /// Shown below a word of ssh that came behind the question which it belongs before.
  static let sshStillAsks = "(ssh waits for your answer) "

  static func cannotStartSSH(because error: SystemCallError) -> String {
    error.code == ENOENT
      ? "There is no program 'ssh' here. Install OpenSSH's client." : "Cannot start ssh: \(error). Try again later."
  }

  /// - Parameter exit: how ssh ended. What it said itself was shown.
  static func cannotConnect(through address: SSHAddress, because exit: SSHProcess.Exit) -> String {
    let host = address.host
    return switch exit {
    case .status(255): "ssh could not connect to \(host)."
    case .status(127): "mychat is not installed on \(host)."
    case .status(126): "mychatclient on \(host) cannot be run by this login."
    case .status(64): "mychatclient on \(host) knows no --relay; it is older than this one."
    case .status(Relay.unavailable): "There is no way to a room on \(host)."
    case .status(let status): "\(host) did not start mychat's relay: the command ended with status \(status)."
    case .signal(let signal): "ssh was ended by signal \(signal)."
    }
  }

  static func gaveUp(_ address: SSHAddress) -> String { "Gave up connecting to \(address.host)." }

  // What the relay says, in one line that ssh carries to the person.

  static let relayIsForSSH =
    "--relay is what ssh runs at the other end, and not for a terminal. Use mychatclient ssh://HOST instead."

  static func noRoom(in directory: String) -> String {
    "There is no room on this host: no socket in \(directory). Start a server there, or name its socket: ssh://HOST/PATH."
  }

  /// - Parameter paths: of sockets, at least two.
  static func severalRooms(_ paths: [String]) -> String {
    let names = paths.map { String(decoding: SafeText.made(from: Array($0.utf8)), as: UTF8.self) }
    let list = names.joined(separator: ", ")
    return "There are several rooms on this host: \(list). Name one, as in ssh://HOST\(names[0])."
  }

  static func cannotLook(into directory: String, because error: SystemCallError) -> String {
    "Cannot look for a room in \(directory): \(error.reason). Ask whoever runs this host for access, or name the socket: ssh://HOST/PATH."
  }

  static func relayBroke(because error: SystemCallError) -> String {
    "The connection between ssh and the server broke: \(error.reason). Connect again."
  }
}
