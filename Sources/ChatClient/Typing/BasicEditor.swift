import CEditLine
import ChatWire
import Glibc

/// Reads the lines that a person types on a terminal of which nothing is asked but to show text: it writes no escape sequence,
/// as suits a screen reader. What arrives while half a line stands there waits until that is entered, given up or rubbed out.
/// It is taken from the mailbox all the same, so that the server is never made to wait for the person. For the input thread
/// alone.
final class BasicEditor: LineReader {
  /// Bytes that wait beside half a line at most. Then they are shown, and the half line is written again below them.
  private static let maximumHeldBytes = 1024 * 1024
  /// How long the person has to pause before being told of what waits, because the half line is then written again.
  private static let announcementPause = Duration.seconds(3)

  let session: TerminalSession
  /// The line so far.
  private var line: [Unicode.Scalar] = []
  /// The bytes so far of a character of several.
  private var partial: [UInt8] = []
  /// What has arrived and waits to be shown, each line with its newline.
  private var held: [UInt8] = []
  /// The lines in `held`.
  private var heldLines = 0
  /// `heldLines` when the person was last told of them; 0 before.
  private var announcedLines = 0
  /// When the person last pressed a key.
  private var lastKeyAt = Moment.now

  /// Nil where the terminal's modes cannot be had.
  init?(_ session: TerminalSession) {
    guard var modes = Terminal.currentModes() else { return nil }
    modes.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
    // Ctrl-S would stop the terminal and the client with its next write, so that not even a signal could end it.
    modes.c_iflag &= ~tcflag_t(IXON)
    withUnsafeMutableBytes(of: &modes.c_cc) { keys in
      keys[Int(VMIN)] = 1
      keys[Int(VTIME)] = 0
    }
    self.session = session
    session.editingModes = modes
    session.resume()
  }

  func close() { session.close() }
  func remember(_ line: [UInt8]) {}
  func leaveScreen() {}
  func returnToScreen() {}
  func resize() {}

  /// Nothing is read beyond a line here, pasted or not.
  func takeUnsentPaste() -> [[UInt8]] { [] }

  func nextLine() -> InputEvent {
    write(held + session.prompt.bytes)
    (held, heldLines, announcedLines) = ([], 0, 0)
    let outcome = typeLine()
    switch outcome {
    case .cleared, .endOfInput, .terminated: if isRowOpen { write([UInt8(ascii: "\n")]) }
    case .line, .ended, .hungUp: break
    }
    (line, partial) = ([], [])
    return outcome
  }

  private func typeLine() -> InputEvent {
    while true {
      if let outcome = attendSignals() ?? showReceived() { return outcome }
      do throws(SystemCallError) {
        guard let key = try session.nextKey(until: announcementAt) else { continue }
        lastKeyAt = .now
        // Of what begins with ESC, only a character of the keypad is text.
        guard let byte = key.character else { continue }
        if let outcome = press(byte) { return outcome }
      } catch {
        return session.signals.outcomeAfterHangUp()
      }
    }
  }

  /// A character that is half there would be written into what is shown, so it counts.
  var isLineEmpty: Bool { line.isEmpty && partial.isEmpty }

  /// Whether the cursor does not stand at the start of a row.
  private var isRowOpen: Bool { !session.prompt.isEmpty || !line.isEmpty }

  private func press(_ byte: UInt8) -> InputEvent? {
    if byte & 0xC0 != 0x80 { endDamaged() }
    if let key = session.terminal.key(byte) { return press(key) }
    switch byte {
    case UInt8(ascii: "\r"), UInt8(ascii: "\n"):
      write([UInt8(ascii: "\n")])
      return .line(line.flatMap { Array(String($0).utf8) })
    case 0x08, 0x7F: rubOut()
    case 0x15: return line.isEmpty ? nil : .cleared
    default: put(byte)
    }
    return nil
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
    write(Self.shown(scalar))
  }

  /// A TAB is shown as a blank, because the columns it moves over could not be rubbed out.
  private static func shown(_ scalar: Unicode.Scalar) -> [UInt8] {
    scalar == "\t" ? [UInt8(ascii: " ")] : SafeText.made(from: Array(String(scalar).utf8))
  }

  /// Puts in U+FFFD for bytes that are not UTF-8, or no whole character, so that they are seen and not dropped.
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

  private func showReceived() -> InputEvent? {
    let update = session.takeUpdate(hasStatus: false)
    if let lines = update?.lines {
      held += lines
      heldLines += lines.count { $0 == UInt8(ascii: "\n") }
    }
    if let ending = update?.ending {
      write((isRowOpen ? [UInt8(ascii: "\n")] : []) + held)
      return .ended(ending)
    }
    if !held.isEmpty && (isLineEmpty || held.count > Self.maximumHeldBytes) {
      showAboveLine(held)
      (held, heldLines, announcedLines) = ([], 0, 0)
    } else if announcementAt.hasPassed {
      showAboveLine(Array(Wording.waiting(lines: heldLines).utf8))
      announcedLines = heldLines
    }
    return nil
  }

  /// When to tell the person, once they pause, how many lines wait: at the first line, then whenever the number has grown
  /// tenfold.
  private var announcementAt: Moment {
    heldLines > 0 && heldLines >= announcedLines * 10 ? lastKeyAt + Self.announcementPause : .never
  }

  /// Writes `lines` below what stands there, and prompt and line once more below them.
  private func showAboveLine(_ lines: [UInt8]) {
    write((isRowOpen ? [UInt8(ascii: "\n")] : []) + lines + session.prompt.bytes + line.flatMap(Self.shown))
  }

  private func write(_ bytes: [UInt8]) { Terminal.write(bytes) }
}
