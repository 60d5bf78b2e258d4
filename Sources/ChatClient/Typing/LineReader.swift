/// Where a person's lines come from on a terminal: the editor, or the plain one. For the input thread alone.
protocol LineReader {
  /// Lets the person type a line.
  func nextLine() -> InputEvent
  /// Keeps `line` to be brought back.
  func remember(_ line: [UInt8])
  /// Gives up what is left of a pasted block when one of its lines leaves the chat.
  /// - Returns: its lines that `nextLine` has not returned, and the text that would begin the next line.
  func takeUnsentPaste() -> [[UInt8]]
  /// Gives the terminal back, with the cursor at the start of a row. Nothing may be asked after that.
  func close()
}
