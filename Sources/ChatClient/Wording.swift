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

  /// Told a person who does not want to send a pasted block.
  static func notSent(lines: Int) -> String { "[NOT SENT] \(lines) lines\n" }

  static func tooLong(_ maximumBytes: Int) -> String {
    "[NOT SENT] A line of standard input is longer than \(maximumBytes) bytes. Part it into several.\n"
  }

  /// - Parameter reason: nil where the editor itself has said it.
  static func notEdited(because reason: String?) -> String {
    "[EDITOR] The line is as it was, because the editor "
      + (reason.map { "could not be used: \($0)" } ?? "did not end with status 0") + ".\n"
  }

  /// Told once of a line of libedit's settings.
  static func wrongSetting(_ place: String, _ line: [UInt8]) -> [UInt8] {
    Array("[EDITRC] \(place): libedit does not take this line: ".utf8) + line + [UInt8(ascii: "\n")]
  }

  /// Told somebody whose suspended client was given up.
  static func missed(_ time: Duration) -> String {
    let seconds = time.components.seconds
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
    let text =
      hours > 0 ? "\(hours) h \(minutes) min" : minutes > 0 ? "\(minutes) min \(seconds % 60) s" : "\(seconds) s"
    return "[MISSED] The client was suspended for \(text), and its connection has ended meanwhile. "
      + "What was said after that is not here.\n"
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

  /// Answers `/help`, with what a server that knows commands has to say below it.
  static let keys = """
    Keys: Tab completes a command or a name, and on an empty line shows who is here.
      Up, Down         bring back earlier lines; Ctrl-R searches them
      Ctrl-A, Ctrl-E   go to the start and the end of the line; Ctrl-Left, Ctrl-Right by words
      Ctrl-W, Ctrl-K   delete a word, the rest of the line; Ctrl-U all of it. Ctrl-Y puts it back
      Ctrl-_           undoes a change
      Ctrl-X Ctrl-E    edits the line with $VISUAL or $EDITOR
      Ctrl-L, Ctrl-Z   clear the screen, suspend
      Ctrl-C           gives up the line. On an empty one it leaves, as do Ctrl-D, exit and /quit
    /set shows, and /set NAME on or off changes: \(Looks.Setting.allCases.map(\.rawValue).joined(separator: ", ")).

    """

  static let keysOfPlain = """
    Keys: Backspace deletes a character, Ctrl-U the line; Ctrl-C and Ctrl-D on an empty line leave, as do exit and /quit.
    /set shows, and /set NAME on or off changes: timestamps, bell.

    """

  /// - Parameter settings: as in `color on, bell off`.
  static func settings(_ settings: String) -> String { "[SET] \(settings)\n" }
  static let noColours = "[SET] --plain shows no colours; leave it out to have them.\n"
  static let howToSet =
    "[SET] Write /set NAME on or /set NAME off, with one of: "
    + "\(Looks.Setting.allCases.map(\.rawValue).joined(separator: ", ")).\n"

  /// Stands between the lines of two days, where lines have their times.
  static func day(_ day: String) -> String { "[DAY] \(day)" }

  static func cannotLog(in path: String, because reason: String) -> String {
    "Cannot write a log in \(path): \(reason). Choose another --log FILE."
  }

  static func logStops(in path: String, because error: SystemCallError) -> String {
    "[LOG] \(path) cannot be written: \(error.reason). Lines wait for it; beyond 64 KiB they are only counted there.\n"
  }

  /// Stands in a log for lines that are missing there, with its newline.
  static func logLacks(_ lines: Int) -> String {
    "[LOG] \(lines) lines are missing here, because they could not be written.\n"
  }

  static func logEndsWithout(_ lines: Int) -> String { "[LOG] \(lines) lines are missing at the end of the log.\n" }

  /// Begins a log's record of a conversation, with a newline.
  static func logBegins(at destination: Destination) -> String { "[CONNECTED] \(destination)\n" }

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

  static func isNoChatServer(_ destination: Destination, but other: OtherProtocol) -> String {
    let advice =
      switch (other, destination) {
      case (.ssh, .direct(.internet(let host, _))):
        "is a server for ssh, not for chat. To reach a room there through ssh, write ssh://\(host.contains(":") ? "[\(host)]" : host)."
      case (.ssh, _): "is a server for ssh, not for chat. Check the address."
      case (.web, _): "is a web server, not one for chat. Check the address."
      case (.tls, _): "speaks TLS, as no chat server does by itself. Check the address."
      }
    return "\(destination) \(advice)"
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
