import CEditLine

/// Where text stands on a terminal's rows, and what to write to have it there.
///
/// - A wide character that does not fit on a row goes to the next one, and blanks fill its place.
/// - A full row is left at once: the cursor then stands at the start of the next one.
/// - A control character is shown as `^A`, one that is not printed as `<U+E000>`, a TAB as blanks up to the next multiple
///   of 8 or the end of the row, and a code point of no width goes with the one before it.
package struct RowLayout {
  /// Columns of a row, at least 2.
  package let columns: Int
  /// Where the next character goes, both counted from 0.
  package var row: Int { rows.count - 1 }
  package private(set) var column = 0
  /// What stands on each row; the last is the one with the place for the next character.
  private var rows = [Row()]

  private struct Row {
    /// The widths of its characters in columns, 1 or 2, in order.
    var widths: [Int] = []
    /// What to write to have this row.
    var bytes: [UInt8] = []
    /// Whether a newline ended it before it was full.
    var endsInNewline = false
  }

  package init(columns: Int) { self.columns = max(columns, 2) }

  package mutating func append(_ text: some Sequence<UInt8>) {
    for scalar in String(decoding: Array(text), as: UTF8.self).unicodeScalars { append(scalar) }
  }

  package mutating func append(_ text: StyledText) {
    for piece in text.pieces {
      switch piece {
      case .text(let bytes): append(bytes)
      case .style(let sequence): rows[row].bytes += sequence
      }
    }
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    switch Self.kind(of: scalar) {
    case .tab:
      repeat { placeBlank() } while column % 8 != 0
    case .newline:
      rows[row].endsInNewline = true
      startRow()
    case .spelled(let text):
      for character in text.unicodeScalars { place(1, Array(character.utf8)) }
    case .printed(let width):
      if width > 0 {
        while column + width > columns { placeBlank() }
        place(width, Array(scalar.utf8))
      } else {
        // It belongs to the character before it, wherever that stands.
        rows[rows[row].widths.isEmpty ? max(0, row - 1) : row].bytes += scalar.utf8
      }
    }
  }

  private mutating func placeBlank() { place(1, [UInt8(ascii: " ")]) }

  private mutating func place(_ width: Int, _ bytes: [UInt8]) {
    rows[row].widths.append(width)
    rows[row].bytes += bytes
    column += width
    if column >= columns { startRow() }
  }

  private mutating func startRow() {
    rows.append(Row())
    column = 0
  }

  /// Where a cursor stands that is before `next`: a wide character takes it along to the next row.
  package func cursor(before next: Unicode.Scalar?) -> (row: Int, column: Int) {
    guard let next, case .printed(let width) = Self.kind(of: next), column + width > columns else {
      return (row, column)
    }
    return (row + 1, 0)
  }

  /// What to write to have the rows of `range` on the screen, from the start of the first of them. The terminal goes
  /// from a full row to the next by itself, and so can join them again when its width changes.
  package func bytes(_ range: Range<Int>) -> [UInt8] {
    var output: [UInt8] = []
    for index in range {
      output += rows[index].bytes
      if rows[index].endsInNewline && index + 1 < range.upperBound { output.append(UInt8(ascii: "\n")) }
    }
    return output
  }

  package var bytes: [UInt8] { bytes(0..<rows.count) }

  /// What to write after the last row, as a terminal leaves a full row only when more is written.
  package var wrap: [UInt8] {
    column == 0 && row > 0 && !rows[row - 1].endsInNewline ? Array(" \r".utf8) : []
  }

  /// The row on which the end of this text stands once the terminal has broken its rows anew, as most do when their
  /// width changes.
  /// - Parameter continues: whether something, if only a blank, stands behind the end of this text.
  package func row(reflowedTo newColumns: Int, continues: Bool) -> Int {
    let newColumns = max(newColumns, 2)
    var (newRow, newColumn) = (0, 0)
    for (index, row) in rows.enumerated() {
      for width in row.widths {
        if newColumn + width > newColumns { (newRow, newColumn) = (newRow + 1, 0) }
        newColumn += width
      }
      if row.endsInNewline && index < self.row { (newRow, newColumn) = (newRow + 1, 0) }
    }
    // A full row is left at once, so a blank stands where the cursor waits for the next character.
    let isFollowed = continues || (column == 0 && row > 0)
    return newColumn >= newColumns && isFollowed ? newRow + 1 : newRow
  }

  /// A line of text with blanks in the place of its TABs, up to the next multiple of 8 columns each.
  package static func spreadTabs(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    guard line.contains(0x09) else { return line }
    var text = ""
    var column = 0
    for scalar in String(decoding: line, as: UTF8.self).unicodeScalars {
      switch kind(of: scalar) {
      case .tab:
        let blanks = 8 - column % 8
        text += String(repeating: " ", count: blanks)
        column += blanks
        continue
      case .newline: break
      case .spelled(let characters): column += characters.unicodeScalars.count
      case .printed(let width): column += width
      }
      text.unicodeScalars.append(scalar)
    }
    return Array(text.utf8)[...]
  }

  private enum Kind {
    case tab, newline
    /// Shown by these characters, of one column each, in its place.
    case spelled(String)
    case printed(columns: Int)
  }

  private static func kind(of scalar: Unicode.Scalar) -> Kind {
    let code = scalar.value
    return switch code {
    case 0x09: .tab
    case 0x0A: .newline
    case 0x20..<0x7F: .printed(columns: 1)
    case 0..<0x20, 0x7F: .spelled("^\(Unicode.Scalar(UInt8(code ^ 0x40)))")
    case _ where editline_is_printed(code) != 0: .printed(columns: max(0, Int(editline_wcwidth(code))))
    default: .spelled("<U+\(String(code, radix: 16, uppercase: true))>")
    }
  }
}

extension Unicode.Scalar {
  fileprivate var utf8: some Collection<UInt8> { Unicode.UTF8.encode(self) ?? Unicode.UTF8.encodedReplacementCharacter }
}
