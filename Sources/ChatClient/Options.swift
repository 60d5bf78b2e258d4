/// What a person asked for on the command line, beside the address. All that is off by default leaves the client as it was.
package struct Options: Sendable {
  package enum Colours: String, Sendable, CaseIterable {
    case auto, always, never
  }

  /// Where lines are kept from one session to the next.
  package enum History: Sendable {
    case standard
    case file(String)
    case none
  }

  /// Stands before the line that is typed on a terminal.
  package var prompt = ""
  package var colours = Colours.auto
  /// Whether the time stands before each received line.
  package var timestamps = false
  /// Whether a mention rings the terminal's bell.
  package var bell = false
  /// Whether to write no escape sequence at all, and nothing that was written a second time.
  package var plain = false
  /// Whether to write one JSON object for each line received.
  package var json = false
  package var history = History.standard
  /// Lines that the history keeps; at least 1.
  package var historyLines = 1000
  /// Whether a pasted block of many lines is asked about.
  package var pasteGuard = true
  /// Whether a connection that breaks is made again.
  package var reconnects = false

  package init() {}
}
