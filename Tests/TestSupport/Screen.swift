/// What a person sees of a terminal's bytes: as much of an xterm as a line editor for ASCII text uses. All rows are kept,
/// those that have scrolled off the top too. Wide characters are tested in tmux, a real terminal; here one cannot pass unseen:
/// whatever this screen does not know is listed in `unknown`, and a test that compares lines requires that to be empty.
package struct Screen {
  private var height: Int
  private var width: Int
  private var cells: [[Character]] = [[]]
  /// The cursor's row in `cells`, and its column.
  private var row = 0
  private var column = 0
  /// The last column was written: the next character goes to the next row.
  private var wrapsNext = false
  /// An escape sequence that is not complete yet, without its ESC.
  private var sequence: [UInt8]?
  /// A code point that is not complete yet.
  private var partial: [UInt8] = []
  /// Sequences and characters that this screen cannot show.
  package private(set) var unknown: [String] = []

  package init(rows: Int, columns: Int) {
    height = rows
    width = columns
  }

  /// All rows from the first to the last with text, without blanks at their ends.
  package var lines: [String] {
    var lines = cells.map { cells in
      var line = String(cells)
      while line.last == " " { line.removeLast() }
      return line
    }
    while lines.last == "" { lines.removeLast() }
    return lines
  }

  package var text: String { lines.joined(separator: "\n") }

  package mutating func resize(rows: Int, columns: Int) {
    height = rows
    width = columns
    column = min(column, width - 1)
  }

  package mutating func show(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { show(byte) }
  }

  private mutating func show(_ byte: UInt8) {
    if let begun = sequence {
      sequence = begun + [byte]
      if Self.isComplete(begun + [byte]) {
        sequence = nil
        obey(begun + [byte])
      }
      return
    }
    switch byte {
    case 0x1B: sequence = []
    case UInt8(ascii: "\r"): move(toColumn: 0)
    case UInt8(ascii: "\n"): lineFeed()
    case 0x08: move(toColumn: column - 1)
    case UInt8(ascii: "\t"): move(toColumn: (column / 8 + 1) * 8)
    case 0x07: break
    case 0..<0x20, 0x7F: unknown.append("control \(byte)")
    default: put(byte)
    }
  }

  private mutating func put(_ byte: UInt8) {
    partial.append(byte)
    guard let text = String(validating: partial, as: UTF8.self), let character = text.first else {
      if partial.count == 4 {
        unknown.append("bytes \(partial)")
        partial = []
      }
      return
    }
    partial = []
    if byte >= 0x80 { unknown.append("character \(character)") }
    if wrapsNext {
      column = 0
      lineFeed()
    }
    while cells[row].count <= column { cells[row].append(" ") }
    cells[row][column] = character
    wrapsNext = column == width - 1
    if !wrapsNext { column += 1 }
  }

  private mutating func move(toColumn new: Int) {
    column = max(0, min(new, width - 1))
    wrapsNext = false
  }

  private mutating func lineFeed() {
    row += 1
    if row == cells.count { cells.append([]) }
    wrapsNext = false
  }

  /// The first row that is still on the screen.
  private var top: Int { max(0, cells.count - height) }

  private static func isComplete(_ sequence: [UInt8]) -> Bool {
    guard let last = sequence.last else { return false }
    switch sequence[0] {
    case UInt8(ascii: "["): return sequence.count > 1 && (0x40...0x7E).contains(last)
    case UInt8(ascii: "("), UInt8(ascii: ")"): return sequence.count == 2
    default: return true
    }
  }

  private mutating func obey(_ sequence: [UInt8]) {
    let text = String(decoding: sequence, as: UTF8.self)
    guard text.hasPrefix("["), let final = text.last else {
      // Keypad modes and character sets: nothing to be seen.
      if !["=", ">", "(B", ")B"].contains(text) { unknown.append("ESC \(text)") }
      return
    }
    let numbers = text.dropFirst().dropLast().split(separator: ";").map { Int($0) }
    let count = max(1, (numbers.first ?? 1) ?? 1)
    switch final {
    case "A": row = max(top, row - count)
    case "B": row = min(cells.count - 1, row + count)
    case "C": move(toColumn: column + count)
    case "D": move(toColumn: column - count)
    case "G": move(toColumn: count - 1)
    case "K" where text == "[K": cells[row].removeLast(max(0, cells[row].count - column))
    case "J" where text == "[J":
      cells[row].removeLast(max(0, cells[row].count - column))
      for below in cells.indices where below > row { cells[below] = [] }
    case "P": cells[row].removeSubrange(min(column, cells[row].count)..<min(column + count, cells[row].count))
    case "@" where column < cells[row].count:
      cells[row].insert(contentsOf: repeatElement(" ", count: count), at: column)
    case "@": break
    // Colours and the like: the text is the same.
    case "m" where numbers.allSatisfy({ $0 != nil }): break
    // Cursor keys, bracketed paste and the like: modes of the keyboard.
    case "h" where text.hasPrefix("[?"), "l" where text.hasPrefix("[?"): break
    default: unknown.append("ESC \(text)")
    }
    if "ABJKP@".contains(final) { wrapsNext = false }
  }
}
