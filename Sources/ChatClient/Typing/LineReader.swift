/// Where a person's lines come from on a terminal: one of the two editors. For the input thread alone.
protocol LineReader: AnyObject {
  var session: TerminalSession { get }
  var isLineEmpty: Bool { get }
  /// Lets the person type a line.
  func nextLine() -> InputEvent
  /// Gives up what is left of a pasted block when one of its lines leaves the chat.
  /// - Returns: its lines that `nextLine` has not returned, and the text that would begin the next line.
  func takeUnsentPaste() -> [[UInt8]]
  /// Keeps `line` to be brought back.
  func remember(_ line: [UInt8])
  /// Gives the terminal back, with the cursor at the start of a row. Nothing may be asked after that.
  func close()
  /// Leaves the screen to others, before the process stops.
  func leaveScreen()
  /// Shows the line again, after others may have changed the screen.
  func returnToScreen()
  /// Shows the line as the new size of the screen asks for.
  func resize()
}

extension LineReader {
  func attendSignals() -> InputEvent? {
    while let request = session.takeSignal(isLineEmpty: isLineEmpty) {
      if let event = perform(request) { return event }
    }
    return nil
  }

  func press(_ key: Terminal.Key) -> InputEvent? {
    session.request(by: key, isLineEmpty: isLineEmpty).flatMap(perform)
  }

  private func perform(_ request: TerminalSession.Request) -> InputEvent? {
    switch request {
    case .end(let event): return event
    case .suspend:
      leaveScreen()
      session.suspend()
      fallthrough
    case .resume:
      session.resume()
      returnToScreen()
    case .resize: resize()
    }
    return nil
  }
}
