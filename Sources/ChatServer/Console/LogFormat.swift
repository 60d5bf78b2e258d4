/// How the server's log tells what happens.
package struct LogFormat: Sendable {
  package enum Style: String, CaseIterable, Sendable {
    /// Lines for people, worded as in SEED.md.
    case text
    /// One JSON object a line, see `JSONLogLine`.
    case json
  }

  package var style = Style.text
  /// Whether the log has the text of messages, or only that there was one.
  package var hasMessageText = true

  package init() {}
}

/// What the log tells of, by the name that JSON gives it.
enum LogEvent: String {
  /// Where the server can be reached.
  case listening, metrics
  /// Where proxies come in, and what is wrong with what they pass on.
  case proxy
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
