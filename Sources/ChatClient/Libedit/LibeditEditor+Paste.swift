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
    paste.answer(isYes: key == UInt8(ascii: "y") || key == UInt8(ascii: "Y"))
    isLineStale = true
  }

  /// libedit's command for `pasteKey`.
  func insertPaste() -> UInt8 {
    let old = parts
    editline_move(editor, Self.characters(in: old.after))
    let count = Self.characters(in: old.before + old.after)
    if count > 0 { el_deletestr(editor, count) }
    switch paste.insert(into: old) {
    case .edit(let line):
      insert(line.before + line.after)
      editline_move(editor, -Self.characters(in: line.after))
      return UInt8(CC_REFRESH)
    case .enter(let line):
      // With the newline that libedit appends to a typed line, because it takes an empty one for the end of input.
      insert(line + [UInt8(ascii: "\n")])
      return UInt8(CC_NEWLINE)
    }
  }

  func takeUnsentPaste() -> [[UInt8]] { paste.cancel() }

  private func insert(_ text: [UInt8]) {
    if !text.isEmpty { editline_insert(editor, String(decoding: text, as: UTF8.self)) }
  }

  private static func characters(in text: [UInt8]) -> CInt {
    CInt(String(decoding: text, as: UTF8.self).unicodeScalars.count)
  }

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
