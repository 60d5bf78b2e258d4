import CEditLine
import ChatWire
import Dispatch
import Glibc

/// Edits the lines that a person types on a terminal with libedit, and shows between the person's strokes what the inbox
/// holds, without disturbing the line that is being typed.
///
/// libedit knows one thread: all of this is for the input thread alone. While it exists the terminal is in libedit's
/// modes, in which every key is a byte to read; `close` gives it back.
final class LineEditor {
  /// Lines that the arrow keys can bring back.
  private static let historyLines: CInt = 1000
  /// Nanoseconds between two updates of the screen, however much arrives: 60 a second.
  private static let updateInterval: UInt64 = 16_666_667

  /// How the typing of a line came to its end.
  enum Outcome {
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

  private let terminal: Terminal
  private let inbox: Inbox
  private let wakeup: Wakeup
  private var signals: TerminalSignals
  private let editor: OpaquePointer
  private let history: OpaquePointer
  /// The prompt as libedit wants it: UTF-8, ended by a zero, alive as long as this is.
  private let prompt: UnsafeMutablePointer<CChar>
  /// Whether the terminal can move up and clear, so that a line in typing can be taken off the screen.
  private let canErase: Bool
  /// The terminal's modes while a line is typed; known from the first stroke on.
  private var editingModes: termios?
  /// The bytes so far of a character of several.
  private var decoding = mbstate_t()
  /// Why the line that is being typed has to end; libedit only hears of an end of input.
  private var outcome: Outcome?
  /// Rows of prompt and line that libedit drew all at once when it last did so.
  private var paintedRows = 0
  /// Whether libedit has drawn since the block was last known to be right.
  private var hasDrawn = false
  /// When the screen was last updated, in nanoseconds of the monotonic clock.
  private var lastUpdate: UInt64 = 0

  /// Nil where the person has switched editing off (`edit off` in `~/.editrc`), or the terminal is one for which libedit
  /// does so.
  init?(on terminal: Terminal, prompt text: String, inbox: Inbox, wakeup: Wakeup) {
    Self.chooseLocale()
    guard let editor = editline_init("mychatclient"), let history = history_init() else { return nil }
    self.terminal = terminal
    self.inbox = inbox
    self.wakeup = wakeup
    self.editor = editor
    self.history = history
    prompt = strdup(text)
    signals = TerminalSignals(calling: wakeup)

    editline_set_editor(editor, "emacs")
    editline_history_limit(history, Self.historyLines)
    editline_set_history(editor, history)
    el_source(editor, nil)
    // After the person's own settings: on these the client depends. Between two lines as well, or keys that come just
    // then would be echoed, joined to lines and taken for signals by the kernel, and a pasted block would be torn.
    editline_take_keys(editor, "-d")
    editline_take_keys(editor, "-x")
    editline_set_prompt(editor) { LineEditor.of($0)?.prompt }
    editline_set_reader(editor) { editor, character in
      guard let self = LineEditor.of(editor), let character else { return 0 }
      return self.read(into: character)
    }
    canErase = editline_terminal_can(editor, "up") != 0 && editline_terminal_can(editor, "cd") != 0
    guard editline_is_enabled(editor) != 0 else {
      close()
      return nil
    }
    editline_set_client_data(editor, Unmanaged.passUnretained(self).toOpaque())
  }

  deinit { free(prompt) }

  /// The wire is UTF-8, so the terminal has to be as well: a locale of another character set gives way.
  private static func chooseLocale() {
    setlocale(LC_ALL, "")
    let characterSet = nl_langinfo(CInt(CODESET)).map { String(cString: $0) }
    if characterSet != "UTF-8" { setlocale(LC_CTYPE, "C.UTF-8") }
  }

  /// The editor to which libedit's `editor` belongs.
  private static func of(_ editor: OpaquePointer?) -> LineEditor? {
    editline_client_data(editor).map { Unmanaged<LineEditor>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Gives the terminal back, with the cursor at the start of a row. Nothing may be asked of the editor after that.
  func close() {
    terminal.restoreModes()
    // libedit would restore them too, and throw away what is typed ahead.
    editline_disable(editor)
    el_end(editor)
    history_end(history)
    signals.stopNoting()
  }

  /// Lets the person type a line.
  func nextLine() -> Outcome {
    outcome = nil
    paintedRows = 0
    var count: CInt = 0
    if let line = el_gets(editor, &count) {
      var bytes = Array(UnsafeRawBufferPointer(start: line, count: Int(count)))
      if let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { bytes.removeLast() }
      return .line(bytes)
    }
    let outcome = outcome ?? .endOfInput
    // With a count of 0 libedit itself has gone to a fresh row, from within a search, say.
    let isInPlace = count != 0
    switch outcome {
    case .cleared: if isInPlace { StandardOutput.write(eraseSequence()) }
    case .hungUp: break
    default: if isInPlace { StandardOutput.write(leaveSequence()) }
    }
    return outcome
  }

  /// Keeps `line` for the arrow keys.
  func remember(_ line: [UInt8]) {
    line.withUnsafeBytes { bytes in
      let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      editline_history_add(history, text)
    }
  }
}

/// Waiting for keys.
extension LineEditor {
  /// Gives libedit the next character, once there is one.
  /// - Returns: 1, or 0 for the end of input.
  private func read(into character: UnsafeMutablePointer<wchar_t>) -> CInt {
    if editingModes == nil { editingModes = Terminal.currentModes() }
    hasDrawn = true
    while true {
      if let end = attendSignals() ?? showReceived() { return stop(end) }
      repaint()
      guard Terminal.waitForKey(or: wakeup, milliseconds: untilUpdate()) else { continue }
      do throws(SystemCallError) {
        guard let byte = try Terminal.readKey() else { continue }
        if let key = terminal.key(byte) {
          if let end = press(key) { return stop(end) }
          if key != .endOfInput { continue }
        }
        if decode(byte, into: character) { return 1 }
      } catch {
        return stop(.hungUp)
      }
    }
  }

  private func stop(_ outcome: Outcome) -> CInt {
    self.outcome = outcome
    return 0
  }

  private func press(_ key: Terminal.Key) -> Outcome? {
    switch key {
    case .interrupt: return isLineEmpty ? .endOfInput : .cleared
    case .endOfInput: return isLineEmpty ? .endOfInput : nil
    case .quit: return .terminated(signal: SIGQUIT)
    case .suspend:
      suspend()
      return nil
    }
  }

  private func attendSignals() -> Outcome? {
    for signal in [SIGTERM, SIGHUP, SIGQUIT] where signals.take(signal) { return .terminated(signal: signal) }
    if signals.take(SIGINT) { return press(.interrupt) }
    if signals.take(SIGTSTP) { suspend() }
    if signals.take(SIGCONT) { resume() }
    if signals.take(SIGWINCH) { redraw(after: eraseSequence()) }
    return nil
  }

  private func suspend() {
    StandardOutput.write(leaveSequence())
    terminal.restoreModes()
    signals.suspend()
    resume()
  }

  /// Whoever had the terminal in between may have changed its modes and the screen.
  private func resume() {
    if let editingModes { Terminal.setModes(editingModes) }
    redraw(after: [])
  }

  /// Adds a byte to the character that is being decoded.
  /// - Returns: whether it is complete now.
  private func decode(_ byte: UInt8, into character: UnsafeMutablePointer<wchar_t>) -> Bool {
    var byte = CChar(bitPattern: byte)
    switch mbrtowc(character, &byte, 1, &decoding) {
    case 0, 1:
      return true
    case Int(bitPattern: UInt.max - 1):
      return false
    default:
      // Not UTF-8: what was typed is shown to be damaged, not dropped.
      decoding = mbstate_t()
      UnsafeMutableRawPointer(character).storeBytes(of: 0xFFFD, as: UInt32.self)
      return true
    }
  }
}

/// What arrives, and the block of rows on which prompt and line stand.
extension LineEditor {
  /// Shows what waits in the inbox, if it is time for that.
  private func showReceived() -> Outcome? {
    guard untilUpdate() <= 0 else { return nil }
    let (lines, ending) = inbox.take()
    if !lines.isEmpty {
      redraw(after: eraseSequence() + lines)
      lastUpdate = DispatchTime.now().uptimeNanoseconds
    }
    return ending.map { .ended($0) }
  }

  /// Milliseconds until the screen is next to be updated; -1 if nothing waits for that.
  private func untilUpdate() -> CInt {
    if inbox.isEmpty { return inbox.hasEnded ? 0 : -1 }
    let since = DispatchTime.now().uptimeNanoseconds - lastUpdate
    return since >= Self.updateInterval ? 0 : CInt((Self.updateInterval - since) / 1_000_000) + 1
  }

  private func redraw(after bytes: [UInt8]) {
    StandardOutput.write(bytes)
    el_resize(editor)
    editline_refresh(editor)
    hasDrawn = true
    paintedRows = block.rows
  }

  private var isLineEmpty: Bool {
    let line = el_line(editor).pointee
    return line.buffer == line.lastchar
  }

  /// Prompt and line as libedit has them, and as it drew them.
  private var block: EditBlock {
    let line = el_line(editor).pointee
    return EditBlock(
      prompt: UnsafeRawBufferPointer(start: prompt, count: strlen(prompt)),
      before: UnsafeRawBufferPointer(start: line.buffer, count: line.cursor - line.buffer),
      after: UnsafeRawBufferPointer(start: line.cursor, count: line.lastchar - line.cursor),
      columns: Int(editline_terminal_number(editor, "co")),
      screenRows: Int(editline_terminal_number(editor, "li")))
  }

  /// Takes prompt and line off the screen, and leaves the cursor where they began. A terminal that cannot do that keeps
  /// them, and goes on below.
  private func eraseSequence() -> [UInt8] {
    let block = block
    if block.isEmpty { return [] }
    guard canErase else { return leaveSequence() }
    return Array("\r\(EditBlock.up(rowsAround(block).above))\u{1B}[J".utf8)
  }

  /// Goes to the row below prompt and line, which stay on the screen.
  private func leaveSequence() -> [UInt8] {
    let block = block
    return block.isEmpty ? [] : Array(repeating: UInt8(ascii: "\n"), count: rowsAround(block).below + 1)
  }

  private func rowsAround(_ block: EditBlock) -> (above: Int, below: Int) {
    block.rowsAround(reflowedTo: Terminal.reflows ? newColumns : nil, paintedRows: paintedRows)
  }

  /// The terminal's width, if it is no longer what libedit drew by.
  private var newColumns: Int? {
    guard let columns = Terminal.columns, columns != Int(editline_terminal_number(editor, "co")) else { return nil }
    return columns
  }

  /// Makes good what libedit may have drawn wrong, before the person looks at it.
  private func repaint() {
    guard hasDrawn, canErase, !Terminal.hasKey, newColumns == nil else { return }
    hasDrawn = false
    guard let repainting = block.repainting else { return }
    StandardOutput.write(repainting)
    paintedRows = 0
  }
}
