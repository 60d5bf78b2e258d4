/// The rows on which prompt and line stand while the line is typed, and what to write to do something with them.
///
/// Where libedit has left the cursor follows from the text alone. A block that is higher than the screen has lost its
/// first rows to the scrollback.
package struct EditBlock {
  /// Prompt and line.
  private let layout: DisplayLayout
  /// Prompt and line as far as the cursor.
  private let beforeCursor: DisplayLayout
  /// Where the cursor stands in the block, counted from 0.
  private let cursor: (row: Int, column: Int)
  /// Whether something stands behind the cursor.
  private let isCursorInside: Bool
  /// Rows of the screen.
  private let screenRows: Int

  package let isEmpty: Bool

  package init(
    prompt: some Collection<UInt8>, before: some Collection<UInt8>, after: some Collection<UInt8>, columns: Int,
    screenRows: Int
  ) {
    var layout = DisplayLayout(columns: columns)
    layout.append(prompt)
    layout.append(before)
    beforeCursor = layout
    let next = String(decoding: Array(after.prefix(4)), as: UTF8.self).unicodeScalars.first
    cursor = layout.cursor(before: next)
    layout.append(after)
    self.layout = layout
    self.screenRows = max(1, screenRows)
    isCursorInside = !after.isEmpty
    isEmpty = prompt.isEmpty && before.isEmpty && after.isEmpty
  }

  /// Rows of the whole block.
  package var rows: Int { max(layout.row, cursor.row) + 1 }

  /// How many rows of it are above and below the cursor on the screen.
  /// - Parameters:
  ///   - newColumns: the terminal's width, if it has changed since the block was drawn and the terminal breaks rows anew.
  ///   - paintedRows: see `DisplayLayout.row`.
  package func rowsAround(reflowedTo newColumns: Int?, paintedRows: Int) -> (above: Int, below: Int) {
    var above = cursor.row
    var last = rows - 1
    if let newColumns {
      above = beforeCursor.row(reflowedTo: newColumns, paintedRows: paintedRows, continues: isCursorInside)
      last = layout.row(reflowedTo: newColumns, paintedRows: paintedRows, continues: false)
    }
    above = min(above, screenRows - 1)
    return (above, max(0, min(last, screenRows - 1) - above))
  }

  /// Writes the block once more, over itself, and puts the cursor where it belongs; nil where libedit can be trusted to
  /// have done so. It cannot where there are wide characters, over which it moves the cursor by writing a part of
  /// one, or such of no width, which it leaves out.
  package var repainting: [UInt8]? {
    guard layout.isIrregular, rows <= screenRows else { return nil }
    let (above, _) = rowsAround(reflowedTo: nil, paintedRows: 0)
    let back = "\u{1B}[J\(Self.up(layout.row - cursor.row))\r\(cursor.column > 0 ? "\u{1B}[\(cursor.column)C" : "")"
    return Array("\r\(Self.up(above))".utf8) + layout.painted + Array(back.utf8)
  }

  /// Goes so many rows up.
  package static func up(_ rows: Int) -> String {
    switch rows {
    case 1...: "\u{1B}[\(rows)A"
    case ..<0: String(repeating: "\n", count: -rows)
    default: ""
    }
  }
}
