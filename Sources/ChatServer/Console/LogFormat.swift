/// How the server's log tells what happens.
package struct LogFormat: Sendable {
  package enum Style: String, CaseIterable, Sendable {
    /// Lines for people, worded as in SEED.md.
    case text
    /// One JSON object a line, see `JSONLogLine`.
    case json
  }

  /// What the log has of messages.
  package enum Messages: Sendable {
    case text
    /// That there was one.
    case mention
    case nothing
  }

  package var style = Style.text
  package var messages = Messages.text
  /// Whether the time stands before each line for people; JSON has it in any case.
  package var hasTimes = false

  package init() {}
}

/// What the log tells of, by the name that JSON gives it.
enum LogEvent: String {
  /// Where the server can be reached.
  case listening, metrics
  /// Where proxies come in, and what is wrong with what they pass on.
  case proxy
  /// Who is turned away at the door.
  case refused
  /// What becomes of a peer.
  case connected, exit, lost, dropped, disconnected, renamed
  /// What a member says.
  case message, action
  /// What somebody did who keeps order.
  case moderated = "operator"
  /// What becomes of a take-over.
  case takeOver = "takeover"
  /// What becomes of the link to other servers.
  case redis
  /// What becomes of a file that the server keeps, its log included.
  case file
}
