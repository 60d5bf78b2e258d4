import ChatClient
import Glibc
import Testing

/// As much of a terminal as the client needs: it wraps late, as all that are common do, and knows `ESC [ n A`,
/// `ESC [ n C`, `ESC [ J` and `ESC [ K`.
private struct Screen {
  let columns: Int
  var rows: [[String]] = [[]]
  var row = 0
  var column = 0

  var lines: [String] {
    var lines = rows.map { row in
      var line = row.joined()
      while line.hasSuffix(" ") { line.removeLast() }
      return line
    }
    while lines.count > 1, lines.last == "" { lines.removeLast() }
    return lines
  }

  mutating func write(_ bytes: [UInt8]) {
    var rest = String(decoding: bytes, as: UTF8.self).unicodeScalars[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\r": column = 0
      case "\n": (row, column) = (row + 1, 0)
      case "\u{1B}":
        rest.removeFirst()
        let digits = rest.prefix { ("0"..."9").contains($0) }
        let count = Int(String(digits)) ?? 1
        rest.removeFirst(digits.count)
        switch rest.removeFirst() {
        case "A": row = max(0, row - count)
        case "C": column = min(columns - 1, column + count)
        case "J":
          rows.removeLast(max(0, rows.count - row - 1))
          if row < rows.count { rows[row] = Array(rows[row].prefix(column)) }
        case "K": if row < rows.count { rows[row] = Array(rows[row].prefix(column)) }
        default: Issue.record("an unknown command")
        }
      default: put(String(Character(scalar)))
      }
    }
  }

  private mutating func put(_ character: String) {
    let width = character.utf8.count >= 3 ? 2 : 1
    if column + width > columns { (row, column) = (row + 1, 0) }
    while rows.count <= row { rows.append([]) }
    while rows[row].count < column + width { rows[row].append(" ") }
    rows[row][column] = character
    if width == 2 { rows[row][column + 1] = "" }
    column += width
  }
}

private func screen(_ columns: Int, canErase: Bool = true) -> EditBlock.Screen {
  setlocale(LC_CTYPE, "C.UTF-8")
  return EditBlock.Screen(columns: columns, rows: 24, canErase: canErase, reflows: true)
}

extension EditBlock {
  fileprivate mutating func show(_ before: String, _ after: String = "", on screen: Screen) -> [UInt8] {
    show(prompt: StyledText(), before: Array(before.utf8), after: Array(after.utf8), on: screen)
  }
}

@Suite(.timeLimit(.minutes(10))) struct EditBlockTests {
  @Test func `What is typed at the end goes out as it is`() {
    var block = EditBlock()
    #expect(block.show("h", on: screen(80)) == Array("h".utf8))
    #expect(block.show("hi", on: screen(80)) == Array("i".utf8))
    #expect(block.show("hi", on: screen(80)) == [])
    #expect(block.leave(on: screen(80)) == Array("\n".utf8))
    #expect(block.leave(on: screen(80)) == [])
  }

  @Test func `An empty line without prompt writes nothing`() {
    var block = EditBlock()
    #expect(block.show("", on: screen(80)) == [])
    #expect(block.erase(on: screen(80)) == [])
  }

  @Test(arguments: [8, 9, 10, 11, 40])
  func `Whatever is typed, the screen shows it, and arrivals stand above it`(columns: Int) {
    var generator = SplitMix(state: UInt64(columns))
    let screen = screen(columns)
    var terminal = Screen(columns: columns)
    var block = EditBlock()
    var line: [Character] = []
    var cursor = 0
    var arrived: [String] = []
    for step in 0..<300 {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0..<5:
        line.insert(["a", "b", " ", "漢", "字"].randomElement(using: &generator) ?? "a", at: cursor)
        cursor += 1
      case 5: cursor = line.isEmpty ? 0 : Int.random(in: 0...line.count, using: &generator)
      case 6: cursor = line.count
      case 7 where cursor > 0:
        cursor -= 1
        line.remove(at: cursor)
      case 8:
        terminal.write(block.erase(on: screen) + Array("m\(step)\n".utf8))
        arrived.append("m\(step)")
      default: break
      }
      terminal.write(block.show(String(line[..<cursor]), String(line[cursor...]), on: screen))
      var expected = Screen(columns: columns)
      expected.write(arrived.flatMap { Array("\($0)\n".utf8) } + Array(String(line).utf8))
      #expect(terminal.lines == expected.lines)
      if terminal.lines != expected.lines || line.count > 60 {
        terminal.write(block.erase(on: screen))
        (line, cursor) = ([], 0)
      }
    }
  }

  @Test func `A terminal that cannot move up gets no escape sequence`() {
    let screen = screen(10, canErase: false)
    var block = EditBlock()
    var output = block.show("hello", on: screen)
    output += block.show("hel", "lo", on: screen)
    output += block.show("helX", "lo", on: screen)
    #expect(!output.contains(0x1B))
    var terminal = Screen(columns: 10)
    terminal.write(output)
    #expect(terminal.lines == ["helXlo"])
    #expect(terminal.column == 4)
    output = block.erase(on: screen) + Array("1: hi\n".utf8) + block.show("helX", "lo", on: screen)
    #expect(!output.contains(0x1B))
    terminal.write(output)
    #expect(terminal.lines == ["helXlo", "1: hi", "helXlo"])
  }

  @Test func `A line higher than the screen keeps the cursor on it`() {
    let screen = EditBlock.Screen(columns: 10, rows: 3, canErase: true, reflows: true)
    setlocale(LC_CTYPE, "C.UTF-8")
    var block = EditBlock()
    _ = block.show(String(repeating: "x", count: 45), on: screen)
    var terminal = Screen(columns: 10)
    terminal.write(block.erase(on: screen) + block.show("a", String(repeating: "y", count: 44), on: screen))
    #expect(terminal.lines == ["ayyyyyyyyy", "yyyyyyyyyy", "yyyyyyyyyy"])
    #expect((terminal.row, terminal.column) == (0, 1))
  }
}

private struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
