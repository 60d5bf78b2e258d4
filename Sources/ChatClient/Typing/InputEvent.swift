/// How the typing of a line came to its end.
enum InputEvent {
  /// A line, without its newline.
  case line([UInt8])
  /// The line was given up for an empty one.
  case cleared
  /// The end of input was typed.
  case endOfInput
  /// Nothing more will come from the server, and all that came is shown.
  case ended(Ending)
  /// A signal asks the process to end.
  case terminated(signal: CInt)
  /// The terminal has gone.
  case hungUp
}
