import CEditLine
import ChatWire
import Glibc

/// A pasted block: kept as lines, put in as text and never as keys, and asked about if it is long.
extension LibeditEditor {
  /// Nanoseconds without a byte after which the interrupt key ends a block: its own end may have been lost.
  private static let pastePause: UInt64 = 2_000_000_000

  /// How far a paste has come.
  enum Pasting {
    /// The person is asked whether it is to be sent.
    case asking(Paste)
    /// libedit is to put it in.
    case ready(Paste)
  }

  /// Takes in what has come of a block, and never more than the block.
  func takeInPaste() throws(SystemCallError) {
    guard var block = arriving else { return }
    // Or each addition would copy it.
    arriving = nil
    let end = Paste.end
    let matched = (0..<end.count).last { block.suffix($0).elementsEqual(end.prefix($0)) } ?? 0
    let bytes = try keyboard.next(atMost: end.count - matched)
    let pause = now() - lastArrival
    if !bytes.isEmpty { lastArrival = now() }
    if bytes.count == 1, terminal.key(bytes[0]) == .interrupt, !block.isEmpty, pause > Self.pastePause {
      return finishPaste(block)
    }
    block += bytes
    guard block.suffix(end.count).elementsEqual(end) else {
      arriving = block
      return
    }
    finishPaste(block.dropLast(end.count))
  }

  private func finishPaste(_ block: [UInt8]) {
    isLineStale = true
    let paste = Paste(block)
    if case .asking(var earlier) = pasting {
      earlier.append(paste)
      pasting = .asking(earlier)
    } else {
      pasting = guardsPaste && paste.isLong ? .asking(paste) : .ready(paste)
    }
  }

  /// Decides by the person's key, a code point, about the block that is asked about.
  func answer(_ key: some BinaryInteger) {
    guard case .asking(var paste) = pasting else { return }
    isLineStale = true
    switch UInt8(exactly: key) {
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
    // With its newline, as libedit puts one behind a typed line: it takes a line of no bytes for the end of input.
    insert(first + [UInt8(ascii: "\n")])
    pastedLines = paste.lines.dropFirst()
    if !paste.rest.isEmpty || !after.isEmpty { carried = (paste.rest, after) }
    return UInt8(CC_NEWLINE)
  }

  func takeUnsentPaste() -> [[UInt8]] {
    let rest = carried.map { [$0.before + $0.after] } ?? []
    defer { (pastedLines, carried) = ([], nil) }
    return pastedLines + rest
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
