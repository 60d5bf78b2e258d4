/// Where a person's lines come from on a terminal: the editor, or the plain one. For the input thread alone.
protocol LineSource {
  /// Lets the person type a line.
  func nextLine() -> LineOutcome
  /// Keeps `line` to be brought back.
  func remember(_ line: [UInt8])
  /// Gives the terminal back, with the cursor at the start of a row. Nothing may be asked after that.
  func close()
}

/// How the typing of a line came to its end.
enum LineOutcome {
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
