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
  package private(set) var row = 0
  package private(set) var column = 0
  /// The widths of all that stands on the rows so far, in order; 0 for the end of a row that is not full.
  private var cells: [UInt8] = []

  package init(columns: Int) { self.columns = max(columns, 2) }

  package mutating func append(_ text: some Sequence<UInt8>) {
    for scalar in String(decoding: Array(text), as: UTF8.self).unicodeScalars { append(scalar) }
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    switch Self.kind(of: scalar) {
    case .tab:
      repeat { place(1) } while column % 8 != 0
    case .newline:
      cells.append(0)
      row += 1
      column = 0
    case .spelled(let width):
      for _ in 0..<width { place(1) }
    case .printed(let width):
      if width > 0 { place(width) }
    }
  }

  private mutating func place(_ width: Int) {
    while column + width > columns { place(1) }
    cells.append(UInt8(width))
    column += width
    if column >= columns {
      row += 1
      column = 0
    }
  }

  /// The row of a cursor that stands before `next`: a wide character takes it along to the next row.
  package func cursorRow(before next: Unicode.Scalar?) -> Int {
    guard let next, case .printed(let width) = Self.kind(of: next), column + width > columns else { return row }
    return row + 1
  }

  /// The row on which the end of this text stands once the terminal has broken its rows anew, as most do when their
  /// width changes.
  /// - Parameter continues: whether something, if only a blank, stands behind the end of this text.
  package func row(reflowedTo newColumns: Int, continues: Bool) -> Int {
    let newColumns = max(newColumns, 2)
    var row = 0
    var column = 0
    for width in cells {
      if width == 0 || column + Int(width) > newColumns {
        row += 1
        column = 0
      }
      column += Int(width)
    }
    // A full row is left at once, so a blank stands where the cursor waits for the next character.
    let isFollowed = continues || (self.column == 0 && self.row > 0)
    return column >= newColumns && isFollowed ? row + 1 : row
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
