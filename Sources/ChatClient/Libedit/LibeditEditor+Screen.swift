import ChatWire

/// What is on the screen.
extension LibeditEditor {
  var screen: EditBlock.Screen { Terminal.screen(canErase: canErase) }

  func leaveScreen() { Terminal.write(block.leave(on: screen) + (canErase ? Paste.disable : [])) }

  func returnToScreen() {
    Terminal.write((canErase ? Paste.enable : []) + block.erase(on: screen))
    showLine()
  }

  /// The line is drawn anew once the size stands still, and what arrives waits so long.
  func resize() {
    resizing.note()
    session.delayUpdate(until: resizing.drawMoment)
    isLineStale = true
  }

  /// Shows what has arrived, if it is time for that.
  func showReceived() -> InputEvent? {
    // The rest of a block would be commands for the shell, so the end is shown once all of the block is read.
    if session.hasEnded && paste.expectsMore(at: .now) {
      session.noteUpdate()
      return nil
    }
    guard let update = session.takeUpdate(hasStatus: canErase) else { return nil }
    if let status = update.status { self.status = status }
    if !update.lines.isEmpty || update.status != nil { showLine(after: update.lines) }
    return update.ending.map { .ended($0) }
  }

  /// Shows the line as libedit has it, unless it is not known where it stands: then only what was typed at its end is shown at once.
  func showLineIfCertain() {
    guard !resizing.drawMoment.hasPassed else { return showLine() }
    guard paste.question == nil else { return }
    let line = parts
    let appended = block.append(prompt: wholePrompt(status: status), before: line.before, after: line.after)
    if let appended, !appended.isEmpty { Terminal.write(appended) }
  }

  /// Shows the line as libedit has it, below `lines`, in one write.
  func showLine(after lines: [UInt8] = []) {
    show(parts, below: lines, status: status)
    isLineStale = false
    session.noteUpdate()
    session.delayUpdate(until: resizing.drawMoment)
  }

  /// - Parameter stamp: stands before the prompt.
  func show(
    _ line: LineParts, below lines: [UInt8] = [], stamp: StyledText = StyledText(), status: [UInt8]
  ) {
    let screen = screen
    let isCertain = resizing.isSettled()
    if !isCertain { resizing.noteDrawing() }
    let output = lines.isEmpty ? [] : takeLineOff() + lines
    let asked = paste.question.map { StyledText(Array(Wording.confirmPaste(of: $0.sendableLines).utf8)) }
    let prompt = asked ?? wholePrompt(stamp, status: status)
    let line = asked == nil ? line : LineParts(before: [], after: [])
    Terminal.write(
      output
        + block.show(prompt: prompt, before: line.before, after: line.after, on: screen, isCertain: isCertain))
  }

  /// Takes the line off the screen, or leaves it there where nobody knows where it stands.
  func takeLineOff() -> [UInt8] { resizing.isSettled() ? block.erase(on: screen) : block.abandon() }

  /// All that stands before the line.
  private func wholePrompt(_ stamp: StyledText = StyledText(), status: [UInt8]) -> StyledText {
    StyledText(status.isEmpty ? [] : status + [UInt8(ascii: "\n")]) + stamp + session.prompt
  }

  func clearScreen() {
    guard canErase else { return }
    block.forget()
    Terminal.write(Array("\u{1B}[H\u{1B}[2J".utf8))
  }
}
