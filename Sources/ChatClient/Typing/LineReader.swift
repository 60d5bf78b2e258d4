import ChatWire
import Glibc

/// Where a person's lines come from on a terminal: one of the two editors. For the input thread alone.
protocol LineReader: AnyObject {
  var session: TerminalSession { get }
  var isLineEmpty: Bool { get }
  /// Lets the person type a line.
  func nextLine() -> InputEvent
  /// Drops the rest of a pasted block after one of its lines left the chat.
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

/// What signals and the terminal's own keys mean to a line, in every editor.
extension LineReader {
  func attendSignals() -> InputEvent? {
    let signals = session.signals
    for signal in [SIGTERM, SIGHUP, SIGQUIT] where signals.take(signal) { return .terminated(signal: signal) }
    if signals.take(SIGINT) { return press(.interrupt) }
    if signals.take(SIGTSTP) { suspend() }
    if signals.take(SIGCONT) { resume() }
    if signals.take(SIGWINCH) { resize() }
    return nil
  }

  func press(_ key: Terminal.Key) -> InputEvent? {
    switch key {
    case .interrupt: return isLineEmpty ? .endOfInput : .cleared
    case .endOfInput: return isLineEmpty ? .endOfInput : nil
    case .quit: return .terminated(signal: SIGQUIT)
    case .suspend:
      suspend()
      return nil
    }
  }

  private func suspend() {
    leaveScreen()
    let stoppedAt = Moment.now
    session.suspend()
    session.noteSuspension(lasting: stoppedAt.distance(to: .now))
    resume()
  }

  private func resume() {
    session.resume()
    returnToScreen()
  }
}
