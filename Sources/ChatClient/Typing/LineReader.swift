/// Where a person's lines come from on a terminal: the editor, or the plain one. For the input thread alone.
protocol LineReader {
  /// Lets the person type a line.
  func nextLine() -> InputEvent
  /// Keeps `line` to be brought back.
  func remember(_ line: [UInt8])
  /// Gives the terminal back, with the cursor at the start of a row. Nothing may be asked after that.
  func close()
}
