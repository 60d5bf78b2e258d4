import ChatWire
import Glibc

/// Every sentence that the client itself says.
package enum Wording {
  static let connected = "Connected to chat server. Type 'exit' to leave.\n"
  static let disconnected = "Disconnected from server\n"
  static let connectionLost = "[DISCONNECTED] Server connection lost.\n"
  static let connectedAgain = "[RECONNECTED] Connected to chat server again.\n"
  static let goodbyeUnconfirmed =
    "[UNCERTAIN] The server did not confirm your goodbye. What you said last may or may not have arrived.\n"

  static func tryingAgain(inSeconds seconds: Int) -> String {
    "[DISCONNECTED] Server connection lost. Trying again " + (seconds > 0 ? "in \(seconds) s ..." : "now ...")
  }

  /// - Parameter line: safe to show.
  static func mayHaveArrived(_ line: [UInt8]) -> [UInt8] {
    Array("[UNCERTAIN] This line may or may not have arrived: ".utf8) + line + [UInt8(ascii: "\n")]
  }

  /// - Parameter line: safe to show.
  static func notSent(_ line: [UInt8]) -> [UInt8] {
    Array("[NOT SENT] ".utf8) + line + [UInt8(ascii: "\n")]
  }

  /// - Parameter lines: need not be safe; the first of them are named.
  static func notSent(_ lines: [[UInt8]]) -> [UInt8] {
    let named = lines.prefix(20).flatMap { notSent(SafeText.made(from: $0)) }
    return lines.count <= 20 ? named : named + notSent(Array("... and \(lines.count - 20) more".utf8))
  }

  static func tooLong(_ maximumBytes: Int) -> String {
    "[NOT SENT] A line of standard input is longer than \(maximumBytes) bytes. Part it into several.\n"
  }

  static let inputGoesOn = "[NOT SENT] Standard input goes on after 'exit'; the rest of it was not read.\n"

  /// Asked before a pasted block goes out.
  static func confirmPaste(of lines: Int) -> String { "Send \(lines) lines? [y/N] " }

  /// Told a person who has typed half a line, on a terminal where lines that arrive wait for the rest of it.
  static func waiting(lines: Int) -> String {
    "[WAITING] \(lines == 1 ? "1 line is" : "\(lines) lines are") shown once you enter this line or clear it (Ctrl-U).\n"
  }

  /// Told once if a name is wanted.
  static let namesUnknown = "[NAME] The server does not know names.\n"

  static func more(_ count: Int) -> [UInt8] { Array("and \(count) more".utf8) }

  static func cannotKeepHistory(in path: String, because failure: HistoryFile.Failure) -> String {
    let reason =
      switch failure {
      case .systemCall(let error): error.reason
      case .notRegular: "it is not a regular file"
      case .foreign: "it is not a history that mychatclient wrote for you, so it is left as it is"
      }
    return "Cannot keep history in \(path): \(reason). Choose another --history FILE, or --no-history."
  }

  static func notTaken(by address: Destination) -> String {
    "The connection to \(address) broke before the server had the whole line. It may or may not have arrived; send it again."
  }

  static func namesUnknown(by address: Destination) -> String {
    "\(address) does not know names and commands, or answers too slowly, so the line was not sent. Send it without --name, or "
      + "to another server."
  }

  static func notConfirmed(by address: Destination, within time: Duration) -> String {
    "\(address) did not confirm the line within \(time.components.seconds) s. It may or may not have arrived. Is that a chat server?"
  }

  static func notSaidYet(by address: Destination, within time: Duration) -> String {
    "\(address) did not confirm the line within \(time.components.seconds) s, because it has lost its link to the other servers. The line may still be said when the link is back."
  }

  static func notSentWithoutLink(of address: Destination) -> String {
    "\(address) has lost its link to the other servers, so the line was not sent. Try again later."
  }

  /// - Parameter notice: the server's own words, safe to show.
  static func refused(_ notice: [UInt8]) -> String {
    "The line was not taken. Change it, or try again later. The server says: \(String(decoding: notice, as: UTF8.self))"
  }

  /// - Parameter words: the peer's own, safe to show.
  static func isNoChatServer(_ address: Destination, saying words: [UInt8]) -> String {
    "There is no chat server on \(address), so the line was not taken. Check the address. The peer says: "
      + String(decoding: words, as: UTF8.self)
  }

  /// Why there is no connection to `address`, and what to do about it.
  package static func cannotConnect(to address: Address, because error: SystemCallError) -> String {
    let asIs = "Is the server running on \(address)?"
    return switch (error.code, address) {
    case (ECONNREFUSED, _):
      "Connection refused. \(asIs)"
    case (ENOENT, .unix(let path)), (ENOTDIR, .unix(let path)):
      "There is no socket file \(path). \(asIs)"
    case (EACCES, _), (EPERM, _):
      "No permission to connect to \(address). Ask its owner for access, or choose another address."
    case (ENETUNREACH, _), (EHOSTUNREACH, _), (EADDRNOTAVAIL, _), (ENETDOWN, _), (EHOSTDOWN, _):
      "\(address) cannot be reached: \(error.reason). Check the address and the network."
    case (ETIMEDOUT, _), (EAGAIN, _):
      "\(address) does not answer. Check the address and the network, or try again later."
    case (EPROTOTYPE, .unix(let path)), (ENOTSOCK, .unix(let path)):
      "\(path) is not the socket of a chat server. Choose another address."
    default:
      "Cannot connect to \(address): \(error.reason). Check the address."
    }
  }

  static func cannotFind(_ error: ResolutionError) -> String {
    "There is no host \(error.host): \(error.reason). Check the name, or give a numeric address."
  }

  static func takesNothing(within time: Duration) -> String {
    "The server has taken nothing for \(time.components.seconds) s. Try again later; these lines were not sent:"
  }

  static func cannotRead(because error: SystemCallError) -> String {
    "Cannot read standard input: \(error.reason). Lines that come after that are not sent; give another input."
  }

  static func cannotWrite(because error: SystemCallError) -> String {
    "Cannot write standard output: \(error.reason). What was said after that is not shown; write it elsewhere."
  }
}
