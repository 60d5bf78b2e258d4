import CEditLine
import ChatWire
import Dispatch
import Glibc

/// Reads the lines that a person types on a terminal of which nothing is asked but to show text: no escape sequence is
/// written, and nothing twice, as suits a screen reader. What arrives while half a line stands there waits until it is
/// entered, given up or rubbed out. For the input thread alone.
final class BasicEditor: LineReader {
  private let terminal: Terminal
  private let mailbox: Mailbox
  private let formatter: LineFormatter
  private let wakeup: Wakeup
  private let signals: TerminalSignals
  private let modes: termios
  private let prompt: [UInt8]
  private var keyboard = Keyboard()
  /// The line so far.
  private var line: [Unicode.Scalar] = []
  /// The bytes so far of a character of several.
  private var partial: [UInt8] = []
  /// When lines that arrived were last written, in nanoseconds of the monotonic clock.
  private var lastUpdate: UInt64 = 0

  /// Nil where the terminal's modes cannot be had.
  init?(on terminal: Terminal, _ options: Options, formatter: LineFormatter, mailbox: Mailbox, wakeup: Wakeup) {
    guard var modes = Terminal.currentModes() else { return nil }
    modes.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
    // Ctrl-S would stop the terminal, and with it whoever writes on it: not even a signal could end the client.
    modes.c_iflag &= ~tcflag_t(IXON)
    withUnsafeMutableBytes(of: &modes.c_cc) { keys in
      keys[Int(VMIN)] = 1
      keys[Int(VTIME)] = 0
    }
    self.terminal = terminal
    self.mailbox = mailbox
    self.formatter = formatter
    self.wakeup = wakeup
    self.modes = modes
    prompt = SafeText.made(from: Array(options.prompt.utf8))
    signals = TerminalSignals(calling: wakeup)
    Terminal.setModes(modes)
  }

  func close() {
    terminal.restoreModes()
    var signals = signals
    signals.stopNoting()
  }

  func remember(_ line: [UInt8]) {}

  /// Pasted text comes as single keys here; what follows `exit` was not read.
  func takeUnsentPaste() -> [[UInt8]] { [] }

  func nextLine() -> InputEvent {
    write(prompt)
    let outcome = typeLine()
    switch outcome {
    case .endOfInput, .terminated: if isRowOpen { write([UInt8(ascii: "\n")]) }
    case .line, .cleared, .ended, .hungUp: break
    }
    return outcome
  }

  private func typeLine() -> InputEvent {
    while true {
      if let outcome = attendSignals() ?? showReceived() { return outcome }
      guard keyboard.hasByte || Terminal.waitForKey(or: wakeup, milliseconds: untilUpdate) else { continue }
      do throws(SystemCallError) {
        guard let byte = try keyboard.next() else { continue }
        // Arrow keys and their like are ESC and more, of which nothing is text.
        if byte == 0x1B {
          _ = try keyboard.restOfKey()
          continue
        }
        if let outcome = press(byte) { return outcome }
      } catch {
        return signals.hungUp()
      }
    }
  }

  /// Whether the cursor does not stand at the start of a row.
  private var isRowOpen: Bool { !prompt.isEmpty || !line.isEmpty }

  private func press(_ byte: UInt8) -> InputEvent? {
    if byte & 0xC0 != 0x80 { endDamaged() }
    switch terminal.key(byte) {
    case .interrupt: return line.isEmpty ? .endOfInput : abandon()
    case .endOfInput: return line.isEmpty ? .endOfInput : nil
    case .quit: return .terminated(signal: SIGQUIT)
    case .suspend:
      suspend()
      return nil
    case nil: break
    }
    switch byte {
    case UInt8(ascii: "\r"), UInt8(ascii: "\n"):
      defer { line = [] }
      write([UInt8(ascii: "\n")])
      return .line(line.flatMap { Array(String($0).utf8) })
    case 0x08, 0x7F: rubOut()
    case 0x15: return line.isEmpty ? nil : abandon()
    default: put(byte)
    }
    return nil
  }

  /// Gives the line up: it stays where it stands, and a new one begins below.
  private func abandon() -> InputEvent {
    line = []
    write([UInt8(ascii: "\n")])
    return .cleared
  }

  private func put(_ byte: UInt8) {
    partial.append(byte)
    if let text = String(validating: partial, as: UTF8.self) {
      partial = []
      for scalar in text.unicodeScalars { put(scalar) }
    } else if partial.count >= 4 {
      endDamaged()
    }
  }

  private func put(_ scalar: Unicode.Scalar) {
    // Other controls are not typed in text.
    guard scalar == "\t" || scalar.properties.generalCategory != .control else { return }
    line.append(scalar)
    // A TAB is shown as a blank, as nobody could rub out what it moves over.
    write(scalar == "\t" ? [UInt8(ascii: " ")] : SafeText.made(from: Array(String(scalar).utf8)))
  }

  /// The character so far is not UTF-8, or never came whole: it is shown to be damaged, not dropped.
  private func endDamaged() {
    guard !partial.isEmpty else { return }
    partial = []
    put("\u{FFFD}" as Unicode.Scalar)
  }

  /// Takes the last character away, and blanks its place.
  private func rubOut() {
    while let last = line.popLast() {
      let columns = last == "\t" ? 1 : Int(editline_wcwidth(last.value))
      guard columns > 0 else { continue }
      write(Array(repeatElement([0x08, 0x20, 0x08], count: columns).joined()))
      return
    }
  }

  private func attendSignals() -> InputEvent? {
    for signal in [SIGTERM, SIGHUP, SIGQUIT] where signals.take(signal) { return .terminated(signal: signal) }
    if signals.take(SIGINT) { return line.isEmpty ? .endOfInput : abandon() }
    if signals.take(SIGTSTP) { suspend() }
    if signals.take(SIGCONT) { Terminal.setModes(modes) }
    return nil
  }

  private func suspend() {
    terminal.restoreModes()
    signals.suspend()
    Terminal.setModes(modes)
  }

  private func showReceived() -> InputEvent? {
    guard untilUpdate == 0 else { return nil }
    let update = formatter.update(for: mailbox.take(), hasStatus: false)
    if update.lines.isEmpty && update.ending == nil { return nil }
    if update.ending != nil {
      write((isRowOpen ? [UInt8(ascii: "\n")] : []) + update.lines)
    } else {
      write(prompt.isEmpty ? update.lines : [UInt8(ascii: "\n")] + update.lines + prompt)
    }
    lastUpdate = DispatchTime.now().uptimeNanoseconds
    return update.ending.map { .ended($0) }
  }

  /// Milliseconds until what waits is to be written; -1 if nothing does, or half a line stands there.
  private var untilUpdate: CInt {
    if mailbox.ending != nil { return 0 }
    guard line.isEmpty && partial.isEmpty, !mailbox.isEmpty else { return -1 }
    let since = DispatchTime.now().uptimeNanoseconds - lastUpdate
    let interval = LibeditEditor.updateInterval
    return since >= interval ? 0 : CInt((interval - since) / 1_000_000) + 1
  }

  private func write(_ bytes: [UInt8]) { Terminal.write(bytes) }
}
