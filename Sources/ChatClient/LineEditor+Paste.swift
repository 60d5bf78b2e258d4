import CEditLine
import ChatWire
import Glibc

/// A pasted block: kept as lines, put in as text and never as keys, and asked about if it is long.
extension LineEditor {
  /// Milliseconds between the bytes of one key at most, where a person presses ESC alone.
  private static let keyPatience: CInt = 50
  /// Milliseconds that a block may pause before it counts as ended: its end was lost.
  private static let pastePatience: CInt = 2000

  /// How far a paste has come.
  enum Pasting {
    /// The person is asked whether it is to be sent.
    case asking(Paste)
    /// libedit is to put it in.
    case ready(Paste)
  }

  /// After an ESC: takes in the block that begins with it, if one does.
  /// - Returns: nil if none does, and the bytes read meanwhile are keys to come.
  func readPaste() throws(SystemCallError) -> Paste? {
    guard canErase else { return nil }
    var read: [UInt8] = []
    while read.count + 1 < Paste.beginning.count {
      guard let byte = try nextByte(within: Self.keyPatience) else { break }
      read.append(byte)
      if !Paste.beginning.dropFirst().starts(with: read) { break }
    }
    guard read.elementsEqual(Paste.beginning.dropFirst()) else {
      keysAhead = read + keysAhead
      return nil
    }
    var block: [UInt8] = []
    while let byte = try nextByte(within: Self.pastePatience) {
      block.append(byte)
      if byte == Paste.end.last && block.suffix(Paste.end.count).elementsEqual(Paste.end) {
        block.removeLast(Paste.end.count)
        break
      }
    }
    return Paste(block)
  }

  private func nextByte(within milliseconds: CInt) throws(SystemCallError) -> UInt8? {
    if !keysAhead.isEmpty { return keysAhead.removeFirst() }
    guard Terminal.hasKey(within: milliseconds) else { return nil }
    return try Terminal.readKey()
  }

  /// Decides by the person's key about the block that is asked about.
  func answer(_ key: UInt8, about paste: Paste) {
    var paste = paste
    switch key {
    case UInt8(ascii: "y"), UInt8(ascii: "Y"):
      paste.endLastLine()
      pasting = .ready(paste)
    default:
      pasting = nil
    }
  }

  /// libedit's command for `pasteKey`: puts in what waits.
  func insertPaste() -> UInt8 {
    isPasteKeyOut = false
    if let (before, after) = carried {
      carried = nil
      insert(before)
      insert(after)
      editline_move(editor, -Self.characters(in: after))
    }
    guard case .ready(let paste) = pasting else { return UInt8(CC_REFRESH) }
    pasting = nil
    guard let first = paste.lines.first else {
      insert(paste.rest)
      return UInt8(CC_REFRESH)
    }
    let after = parts.after
    let characters = Self.characters(in: after)
    editline_move(editor, characters)
    if characters > 0 { el_deletestr(editor, characters) }
    insert(first)
    pastedLines = paste.lines.dropFirst()
    if !paste.rest.isEmpty || !after.isEmpty { carried = (paste.rest, after) }
    return UInt8(CC_NEWLINE)
  }

  private func insert(_ text: [UInt8]) {
    if !text.isEmpty { editline_insert(editor, String(decoding: text, as: UTF8.self)) }
  }

  private static func characters(in text: [UInt8]) -> CInt {
    CInt(String(decoding: text, as: UTF8.self).unicodeScalars.count)
  }

  /// What is left of `text` where `pasteKey` was taken for a part of it.
  static func withoutPasteKey(_ text: [UInt8]) -> [UInt8] {
    let kept = String(decoding: text, as: UTF8.self).unicodeScalars.filter { $0.value != pasteKey }
    return Array(String(String.UnicodeScalarView(kept)).utf8)
  }
}
