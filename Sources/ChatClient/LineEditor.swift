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
  /// What was received and waits to be shown.
  private let inbox: Inbox
  /// Called by the inbox and by signals.
  private let wakeup: Wakeup
  private var signals: TerminalSignals
  private let editor: OpaquePointer
  private let history: OpaquePointer
  /// Where libedit draws: nowhere.
  private let nowhere: UnsafeMutablePointer<FILE>
  /// What stands before the line, safe to show.
  private let prompt: [UInt8]
  /// Prompt and line on the screen.
  private var block = EditBlock()
  /// Whether the terminal can move up and clear, so that a line in typing can be taken off the screen.
  private let canErase: Bool
  /// The terminal's modes while a line is typed; known from the first stroke on.
  private var editingModes: termios?
  /// The bytes so far of a character of several.
  private var decoding = mbstate_t()
  /// Why the line that is being typed has to end; libedit only hears of an end of input.
  private var outcome: Outcome?
  /// Whether a stroke may have changed the line since it was shown.
  private var isLineStale = false
  /// When the screen was last updated, in nanoseconds of the monotonic clock.
  private var lastUpdate: UInt64 = 0

  /// Nil where the person has switched editing off (`edit off` in `~/.editrc`), or the terminal is one for which libedit
  /// does so.
  init?(on terminal: Terminal, prompt text: String, inbox: Inbox, wakeup: Wakeup) {
    Self.chooseLocale()
    guard let nowhere = fopen("/dev/null", "w"), let editor = editline_init("mychatclient", nowhere),
      let history = history_init()
    else { return nil }
    self.nowhere = nowhere
    self.terminal = terminal
    self.inbox = inbox
    self.wakeup = wakeup
    self.editor = editor
    self.history = history
    prompt = SafeText.made(from: Array(text.utf8))
    signals = TerminalSignals(calling: wakeup)

    editline_set_editor(editor, "emacs")
    editline_history_limit(history, Self.historyLines)
    editline_set_history(editor, history)
    editline_bind(editor, "^L", "mychat-clear-screen") { editor, _ in
      LineEditor.of(editor)?.clearScreen()
      return UInt8(CC_NORM)
    }
    el_source(editor, nil)
    // After the person's own settings: on these the client depends. Between two lines as well, or keys that come just
    // then would be echoed, joined to lines and taken for signals by the kernel, and a pasted block would be torn.
    editline_take_keys(editor, "-d")
    editline_take_keys(editor, "-x")
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

  /// The wire is UTF-8, so the terminal has to be as well: a locale of another character set gives way.
  private static func chooseLocale() {
    setlocale(LC_CTYPE, "")
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
    fclose(nowhere)
    signals.stopNoting()
  }

  /// Lets the person type a line.
  func nextLine() -> Outcome {
    outcome = nil
    var count: CInt = 0
    if let text = el_gets(editor, &count) {
      var line = Array(UnsafeRawBufferPointer(start: text, count: Int(count)))
      if let last = line.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { line.removeLast() }
      show(before: line, after: [])
      // An empty line leaves no trace by itself.
      let left = block.leave(on: screen)
      StandardOutput.write(left.isEmpty ? [UInt8(ascii: "\n")] : left)
      return .line(line)
    }
    let outcome = outcome ?? .endOfInput
    switch outcome {
    case .cleared: StandardOutput.write(block.erase(on: screen))
    case .hungUp: break
    default: StandardOutput.write(block.leave(on: screen))
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
    isLineStale = true
    while true {
      if let end = attendSignals() ?? showReceived() { return stop(end) }
      if isLineStale && (!Terminal.hasKey || now() - lastUpdate >= Self.updateInterval) { showLine() }
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
    if signals.take(SIGWINCH) {
      el_resize(editor)
      showLine()
    }
    return nil
  }

  private func suspend() {
    StandardOutput.write(block.leave(on: screen))
    terminal.restoreModes()
    signals.suspend()
    resume()
  }

  /// Whoever had the terminal in between may have changed its modes and the screen.
  private func resume() {
    if let editingModes { Terminal.setModes(editingModes) }
    el_resize(editor)
    StandardOutput.write(block.erase(on: screen))
    showLine()
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

/// What is on the screen.
extension LineEditor {
  private var screen: EditBlock.Screen { Terminal.screen(canErase: canErase) }

  /// Nanoseconds of the monotonic clock.
  private func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

  /// Shows what waits in the inbox, if it is time for that.
  private func showReceived() -> Outcome? {
    guard untilUpdate() <= 0 else { return nil }
    let (lines, ending) = inbox.take()
    if !lines.isEmpty { showLine(after: lines) }
    return ending.map { .ended($0) }
  }

  /// Milliseconds until the screen is next to be updated; -1 if nothing waits for that.
  private func untilUpdate() -> CInt {
    if inbox.isEmpty { return inbox.hasEnded ? 0 : -1 }
    let since = now() - lastUpdate
    return since >= Self.updateInterval ? 0 : CInt((Self.updateInterval - since) / 1_000_000) + 1
  }

  private var isLineEmpty: Bool {
    let line = el_line(editor).pointee
    return line.buffer == line.lastchar
  }

  /// Shows the line as libedit has it, below `lines`, in one write.
  private func showLine(after lines: [UInt8] = []) {
    let line = el_line(editor).pointee
    let before = UnsafeRawBufferPointer(start: line.buffer, count: line.cursor - line.buffer)
    let after = UnsafeRawBufferPointer(start: line.cursor, count: line.lastchar - line.cursor)
    show(before: Array(before), after: Array(after), below: lines)
    isLineStale = false
    lastUpdate = now()
  }

  private func show(before: [UInt8], after: [UInt8], below lines: [UInt8] = []) {
    let screen = screen
    let output = lines.isEmpty ? [] : block.erase(on: screen) + lines
    StandardOutput.write(output + block.show(prompt: prompt, before: before, after: after, on: screen))
  }

  private func clearScreen() {
    guard canErase else { return }
    block.forget()
    StandardOutput.write("\u{1B}[H\u{1B}[2J")
  }
}
