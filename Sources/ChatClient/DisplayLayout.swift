import CEditLine

/// Where text stands on a terminal's rows, by the rules by which libedit draws it.
///
/// - A wide character that does not fit on a row goes to the next one, and blanks fill its place.
/// - A full row is left at once: the cursor then stands at the start of the next one.
/// - A control character is shown as `^A`, one that is not printed as `\U+0085`, a TAB goes to the next multiple of 8
///   or the end of the row, and a code point of no width takes no place.
package struct DisplayLayout {
  /// Columns of a row, at least 2.
  package let columns: Int
  /// Where the next character goes, both counted from 0.
  package var row: Int { rows.count - 1 }
  package private(set) var column = 0
  /// What stands on each row; the last is the one with the place for the next character.
  private var rows = [Row()]

  private struct Row {
    var cells: [Cell] = []
    /// Whether a newline ended it before it was full.
    var endsInNewline = false
  }

  private struct Cell {
    /// Columns, 1 or 2.
    var width: Int
    var isBlank = false
  }

  package init(columns: Int) { self.columns = max(columns, 2) }

  package mutating func append(_ text: some Sequence<UInt8>) {
    for scalar in String(decoding: Array(text), as: UTF8.self).unicodeScalars { append(scalar) }
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    switch Self.kind(of: scalar) {
    case .tab:
      repeat { place(Cell(width: 1, isBlank: true)) } while column % 8 != 0
    case .newline:
      rows[row].endsInNewline = true
      startRow()
    case .spelled(let width):
      for _ in 0..<width { place(Cell(width: 1)) }
    case .printed(let width):
      if width > 0 { place(Cell(width: width, isBlank: scalar == " ")) }
    }
  }

  private mutating func place(_ cell: Cell) {
    while column + cell.width > columns { place(Cell(width: 1, isBlank: true)) }
    rows[row].cells.append(cell)
    column += cell.width
    if column >= columns { startRow() }
  }

  private mutating func startRow() {
    rows.append(Row())
    column = 0
  }

  /// The row of a cursor that stands before `next`: a wide character takes it along to the next row.
  package func cursorRow(before next: Unicode.Scalar?) -> Int {
    guard let next, case .printed(let width) = Self.kind(of: next), column + width > columns else { return row }
    return row + 1
  }

  /// The row on which the end of this text stands once the terminal has broken its rows anew, as most do when their
  /// width changes. They join rows that were left by being full, and leave alone those that a newline ended.
  /// - Parameters:
  ///   - paintedRows: how many rows libedit painted at once. It leaves out the blanks at their ends, and goes on with a
  ///     newline where there were any. On other rows the characters were typed, and written, one by one.
  ///   - continues: whether something, if only a blank, stands behind the end of this text.
  package func row(reflowedTo newColumns: Int, paintedRows: Int, continues: Bool) -> Int {
    let newColumns = max(newColumns, 2)
    var (newRow, newColumn) = (0, 0)
    for (index, row) in rows.enumerated() {
      var cells = row.cells[...]
      var isJoined = !row.endsInNewline
      if index < self.row, index < paintedRows, cells.last?.isBlank == true {
        isJoined = false
        while cells.last?.isBlank == true { cells.removeLast() }
      }
      for cell in cells {
        if newColumn + cell.width > newColumns { (newRow, newColumn) = (newRow + 1, 0) }
        newColumn += cell.width
      }
      if !isJoined, index < self.row { (newRow, newColumn) = (newRow + 1, 0) }
    }
    // A full row is left at once, so a blank stands where the cursor waits for the next character.
    let isFollowed = continues || (column == 0 && row > 0)
    return newColumn >= newColumns && isFollowed ? newRow + 1 : newRow
  }

  private enum Kind {
    case tab, newline
    /// Shown by so many ASCII characters in its place.
    case spelled(Int)
    case printed(Int)
  }

  private static func kind(of scalar: Unicode.Scalar) -> Kind {
    switch scalar.value {
    case 0x09: .tab
    case 0x0A: .newline
    case 0..<0x20, 0x7F: .spelled(2)
    case 0x20..<0x7F: .printed(1)
    case 0x80..<0xA0: .spelled(2)
    case let code where editline_is_printed(code) != 0: .printed(max(0, Int(editline_wcwidth(code))))
    case 0x10000...: .spelled(8)
    default: .spelled(7)
    }
  }
}
