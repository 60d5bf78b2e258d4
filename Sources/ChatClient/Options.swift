/// What the command line asks for, beside the address.
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

  /// The name to ask for on each connection; empty for none.
  package var name = ""
  /// Shown before the line that is typed on a terminal.
  package var prompt = Prompt()
  package var colours = Colours.auto
  /// Whether the time is shown before each received line.
  package var timestamps = false
  /// Whether a mention rings the terminal's bell.
  package var bell = false
  /// Whether to write no escape sequences, and to redraw nothing.
  package var plain = false
  /// Whether to write one JSON object for each line received.
  package var json = false
  package var history = History.standard
  /// Lines that the history keeps; at least 1.
  package var historyLines = 1000
  /// Where what is said is kept; nil for nowhere.
  package var log: String?
  /// Whether a pasted block of many lines is asked about.
  package var pasteGuard = true
  /// Whether to connect again when the connection breaks.
  package var reconnects = false

  package init() {}
}
