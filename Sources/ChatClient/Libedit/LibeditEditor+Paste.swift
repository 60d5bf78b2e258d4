import CEditLine
import ChatWire

/// Pasted blocks: from the keyboard into `paste`, and from there into libedit's line as text, never as keys.
extension LibeditEditor {
  /// Takes in what has come of a block, and never more than the block.
  func takeInPaste() throws(SystemCallError) {
    let bytes = try session.keyboard.next(atMost: paste.wantedBytes)
    let isInterrupt = bytes.count == 1 && session.terminal.key(bytes[0]) == .interrupt
    if paste.append(bytes, at: .now, isInterrupt: isInterrupt, asksIfLong: asksAboutLongPastes) { isLineStale = true }
  }

  /// Decides by the person's key, a code point, about the block that is asked about.
  func answer(_ key: some BinaryInteger) {
    let unsentLines = paste.answer(isYes: key == UInt8(ascii: "y") || key == UInt8(ascii: "Y"))
    if unsentLines > 0 { showLine(after: Array(Wording.notSent(lines: unsentLines).utf8)) }
    isLineStale = true
  }

  /// libedit's command for `pasteKey`.
  func insertPaste() -> UInt8 {
    switch paste.insert(into: parts) {
    case .edit(let line):
      replaceLine(with: line)
      return UInt8(CC_REFRESH)
    case .enter(let line):
      // With the newline that libedit appends to a typed line, because it takes an empty one for the end of input.
      replaceLine(with: LineParts(before: line + [UInt8(ascii: "\n")], after: []))
      return UInt8(CC_NEWLINE)
    }
  }

  func takeUnsentPaste() -> [[UInt8]] { paste.cancel() }

  /// Makes libedit begin its line anew, after a command that reads keys of its own took `pasteKey` for text.
  func restartLine() {
    let line = parts
    paste.restart(LineParts(before: Self.withoutPasteKey(line.before), after: Self.withoutPasteKey(line.after)))
  }

  private static func withoutPasteKey(_ text: [UInt8]) -> [UInt8] {
    let kept = String(decoding: text, as: UTF8.self).unicodeScalars.filter { $0.value != pasteKey }
    return Array(String(String.UnicodeScalarView(kept)).utf8)
  }
}
