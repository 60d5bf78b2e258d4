// Draws what a terminal shows, as `tmux capture-pane -e` prints it, as an SVG that can be read on light and on dark.
// Usage: picture COLUMNS TITLE < capture > picture.svg
import Glibc

struct Style: Equatable {
  var colour = 0
  var isBold = false
  var isDim = false
  var isReversed = false

  mutating func apply(_ code: Int) {
    switch code {
    case 0: self = Style()
    case 1: isBold = true
    case 2: isDim = true
    case 7: isReversed = true
    case 22: (isBold, isDim) = (false, false)
    case 27: isReversed = false
    case 31...36: colour = code - 30
    case 39: colour = 0
    default: break
    }
  }

  var classes: String {
    var names: [String] = []
    if colour > 0 { names.append("c\(colour)") }
    if isBold { names.append("b") }
    if isDim { names.append("d") }
    if isReversed { names.append("r") }
    return names.joined(separator: " ")
  }
}

func width(_ character: Character) -> Int {
  guard let first = character.unicodeScalars.first else { return 0 }
  return switch first.value {
  case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
    0x1F300...0x1FAFF, 0x20000...0x3FFFD:
    2
  default: 1
  }
}

func escaped(_ text: String) -> String {
  String(
    text.flatMap { character in
      switch character {
      case "<": "&lt;"
      case ">": "&gt;"
      case "&": "&amp;"
      default: String(character)
      }
    })
}

let (cell, leading, margin) = (8.4, 18.0, 14.0)
var rows: [String] = []
while let row = readLine() { rows.append(row) }
while rows.last?.isEmpty == true { rows.removeLast() }
let columns = Int(CommandLine.arguments.dropFirst().first ?? "") ?? 80
let title = CommandLine.arguments.dropFirst(2).first ?? "A terminal"

var body = ""
var style = Style()
for (index, row) in rows.enumerated() {
  let baseline = margin + leading * Double(index) + 13
  var column = 0
  var (run, start) = ("", 0)
  func finish() {
    defer { (run, start) = ("", column) }
    guard run.contains(where: { $0 != " " }) || (style.isReversed && !run.isEmpty) else { return }
    let x = margin + cell * Double(start)
    let length = cell * Double(column - start)
    if style.isReversed {
      body += "<rect class=\"f\" x=\"\(x)\" y=\"\(baseline - 13)\" width=\"\(length)\" height=\"\(leading)\"/>\n"
    }
    body += "<text class=\"\(style.classes)\" x=\"\(x)\" y=\"\(baseline)\" textLength=\"\(length)\">\(escaped(run))</text>\n"
  }
  var rest = row[...]
  while let character = rest.popFirst() {
    guard character == "\u{1B}" else {
      // A wide character comes from another font, so it gets a place of its own.
      if width(character) == 2 { finish() }
      run.append(character)
      column += width(character)
      if width(character) == 2 { finish() }
      continue
    }
    finish()
    rest = rest.dropFirst()
    let codes = rest.prefix { $0 != "m" }
    rest = rest.dropFirst(codes.count + 1)
    for code in codes.split(separator: ";", omittingEmptySubsequences: false) { style.apply(Int(code) ?? 0) }
  }
  finish()
}

let (w, h) = (margin * 2 + cell * Double(columns), margin * 2 + leading * Double(max(rows.count, 1)))
print(
  """
  <svg xmlns="http://www.w3.org/2000/svg" width="\(w)" height="\(h)" viewBox="0 0 \(w) \(h)" role="img">
  <title>\(escaped(title))</title>
  <style>
  text { font: 14px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1f2328; white-space: pre; }
  .p { fill: #f6f8fa; stroke: #d1d9e0; } .f { fill: #1f2328; }
  .b { font-weight: bold; } .d { opacity: 0.6; }
  .c1 { fill: #a40e26; } .c2 { fill: #116329; } .c3 { fill: #7d4e00; }
  .c4 { fill: #0550ae; } .c5 { fill: #6f2da8; } .c6 { fill: #0f5f6b; } .r { fill: #f6f8fa; }
  @media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .p { fill: #161b22; stroke: #30363d; } .f { fill: #e6edf3; }
  .c1 { fill: #ff9492; } .c2 { fill: #56d364; } .c3 { fill: #e3b341; }
  .c4 { fill: #79c0ff; } .c5 { fill: #d2a8ff; } .c6 { fill: #76e3ea; } .r { fill: #161b22; }
  }
  </style>
  <rect class="p" x="0.5" y="0.5" width="\(w - 1)" height="\(h - 1)" rx="8"/>
  \(body)</svg>
  """)
