/// The rows on which prompt and line stand on the screen while the line is typed. The caller must write the returned bytes
/// completely, or this no longer matches the screen.
///
/// libedit's own drawing is not used, because it is wrong (see `LibeditEditor`) and could not be taken off the screen reliably.
package struct EditBlock {
  /// A terminal, as far as drawing goes.
  package struct Screen: Equatable {
    package var columns: Int
    package var rows: Int
    /// Whether it can move up and clear what is below. One that cannot keeps what was written, and goes on below.
    package var canErase: Bool
    /// Whether it wraps its rows anew when its width changes.
    package var reflows: Bool

    package init(columns: Int, rows: Int, canErase: Bool, reflows: Bool) {
      self.columns = max(2, columns)
      self.rows = max(1, rows)
      self.canErase = canErase
      self.reflows = reflows
    }
  }

  /// Prompt and line, laid out.
  private struct Image {
    let screen: Screen
    /// As far as the cursor, and all of it.
    let beforeCursor, whole: RowLayout
    /// Where the cursor stands, counted from 0.
    let cursor: (row: Int, column: Int)
    /// Whether the cursor stands behind the last character.
    let isCursorAtEnd: Bool

    init(on screen: Screen, prompt: StyledText, before: [UInt8], after: [UInt8]) {
      self.screen = screen
      var layout = RowLayout(columns: screen.columns)
      layout.append(prompt)
      layout.append(before)
      beforeCursor = layout
      isCursorAtEnd = after.isEmpty
      cursor = layout.cursor(before: String(decoding: after.prefix(4), as: UTF8.self).unicodeScalars.first)
      layout.append(after)
      whole = layout
    }

    /// The rows that are on the screen: the last ones if there are too many, but always that of the cursor.
    var visible: Range<Int> {
      let count = whole.row + 1
      let first = min(cursor.row, max(0, count - screen.rows))
      return first..<min(count, first + screen.rows)
    }

    var wrap: [UInt8] { visible.upperBound == whole.row + 1 ? whole.wrap : [] }
    /// Rows on the screen above that of the cursor.
    var rowsAbove: Int { cursor.row - visible.lowerBound }
    /// Rows on the screen below that of the cursor.
    var rowsBelow: Int { visible.upperBound - 1 - cursor.row }
  }

  /// What stands on the screen; nil where nothing does, and the cursor is at the start of a row.
  private var shown: Image?
  /// Whether it stands there as it was laid out.
  private var isCertain = true

  package init() {}

  /// Shows prompt and line with the cursor between `before` and `after`, in place of what was shown.
  /// - Parameter isCertain: whether the screen has this size for certain.
  package mutating func show(
    prompt: StyledText, before: [UInt8], after: [UInt8], on screen: Screen, isCertain: Bool = true
  ) -> [UInt8] {
    var output: [UInt8] = []
    if let old = shown, old.screen != screen || !self.isCertain || !isCertain {
      output += isCertain ? erase(on: screen) : abandon()
    }
    self.isCertain = isCertain
    let new = Image(on: screen, prompt: prompt, before: before, after: after)
    if let old = shown {
      output += Self.change(old, to: new)
    } else {
      output += new.whole.bytes(new.visible) + new.wrap + Self.back(to: new)
    }
    shown = prompt.isEmpty && before.isEmpty && after.isEmpty ? nil : new
    return output
  }

  /// Shows what was typed behind it, which is right on a screen of any size.
  /// - Returns: nil where something else has changed.
  mutating func append(prompt: StyledText, before: [UInt8], after: [UInt8]) -> [UInt8]? {
    guard let old = shown, old.isCursorAtEnd else { return nil }
    let new = Image(on: old.screen, prompt: prompt, before: before, after: after)
    guard new.isCursorAtEnd, new.whole.bytes.starts(with: old.whole.bytes) else { return nil }
    shown = new
    return Array(new.whole.bytes[old.whole.bytes.count...])
  }

  /// Leaves it on the screen, for a terminal on which nobody knows where it stands, and goes to the start of a row below its cursor.
  /// What was said above it stays, at the price of a copy.
  mutating func abandon() -> [UInt8] {
    guard let old = shown else { return [] }
    shown = nil
    return Array(old.screen.canErase ? "\n\r\u{1B}[J".utf8 : "\n".utf8)
  }

  /// Takes it off the screen, and leaves the cursor where it began.
  package mutating func erase(on screen: Screen) -> [UInt8] {
    guard let old = shown else { return [] }
    guard isCertain else { return abandon() }
    guard screen.canErase else { return leave(on: screen) }
    shown = nil
    return Self.home(from: Self.rowsAround(old, on: screen).above)
  }

  /// Goes to the start of the row below it; it stays on the screen.
  package mutating func leave(on screen: Screen) -> [UInt8] {
    guard let old = shown else { return [] }
    shown = nil
    let below = screen.canErase || old.whole.row == 0 ? Self.rowsAround(old, on: screen).below : 0
    return Array(repeating: UInt8(ascii: "\n"), count: below + 1)
  }

  /// Forgets it: the screen was cleared by other means.
  mutating func forget() { shown = nil }
}

extension EditBlock {
  private static func change(_ old: Image, to new: Image) -> [UInt8] {
    let (oldBytes, newBytes) = (old.whole.bytes, new.whole.bytes)
    // What is typed at the end goes out as it is, so that a record of the terminal reads as what was typed.
    if old.isCursorAtEnd && new.isCursorAtEnd && newBytes.starts(with: oldBytes) {
      return newBytes.count == oldBytes.count ? [] : newBytes[oldBytes.count...] + new.whole.wrap
    }
    let isSame = newBytes == oldBytes && new.visible == old.visible
    guard new.screen.canErase else { return rewrite(old, as: new, isSame: isSame) }
    if isSame { return Array(up(old.rowsAbove - new.rowsAbove).utf8) + column(of: new) }
    return home(from: old.rowsAbove) + new.whole.bytes(new.visible) + new.wrap + back(to: new)
  }

  /// On a terminal that cannot move up: in place if there is but one row, else once more below.
  private static func rewrite(_ old: Image, as new: Image, isSame: Bool) -> [UInt8] {
    guard old.whole.row == 0 && new.whole.row == 0 else {
      return isSame ? [] : [UInt8(ascii: "\n")] + new.whole.bytes + new.whole.wrap
    }
    let rest = Array(repeating: UInt8(ascii: " "), count: max(0, old.whole.column - new.whole.column))
    return [UInt8(ascii: "\r")] + new.whole.bytes + rest + back(to: new, isAtEnd: false)
  }

  /// Goes from the end of what is visible to the cursor's place.
  private static func back(to image: Image, isAtEnd: Bool = true) -> [UInt8] {
    if image.isCursorAtEnd && isAtEnd { return [] }
    if image.screen.canErase { return Array(up(image.rowsBelow).utf8) + column(of: image) }
    return image.whole.row == 0 ? [UInt8(ascii: "\r")] + image.beforeCursor.bytes : []
  }

  private static func column(of image: Image) -> [UInt8] {
    Array("\r\(image.cursor.column > 0 ? "\u{1B}[\(image.cursor.column)C" : "")".utf8)
  }

  /// Goes to the start of the row so many rows up, and clears all from there on. Not in one go: tmux keeps in its scrollback what
  /// is cleared from the first place of the screen.
  private static func home(from rows: Int) -> [UInt8] { Array("\r\(up(rows))\u{1B}[C\u{1B}[J\r\u{1B}[K".utf8) }

  private static func up(_ rows: Int) -> String {
    rows > 0 ? "\u{1B}[\(rows)A" : String(repeating: "\n", count: -rows)
  }

  /// How many of its rows are above and below the cursor, on a screen that may have another width by now.
  private static func rowsAround(_ image: Image, on screen: Screen) -> (above: Int, below: Int) {
    var (above, below) = (image.rowsAbove, image.rowsBelow)
    if screen.columns != image.screen.columns && screen.reflows {
      above = image.beforeCursor.row(reflowedTo: screen.columns, continues: !image.isCursorAtEnd)
      below = image.whole.row(reflowedTo: screen.columns, continues: false) - above
    }
    above = min(above, screen.rows - 1)
    return (above, max(0, min(below, screen.rows - 1 - above)))
  }
}
