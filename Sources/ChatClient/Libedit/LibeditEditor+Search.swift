/// What stands in the place of the line while libedit asks for something: a search in the history, or a prompt of its own.
extension LibeditEditor {
  /// What Ctrl-R or Ctrl-S looks for in the history; nil where neither does. Below the line libedit then keeps `bck:` or `fwd:` and that
  /// text, with `?` where it is not found.
  var searchPattern: [UInt32]? {
    let line = parts.text
    guard let newline = line.lastIndex(of: UInt8(ascii: "\n")) else { return nil }
    let search = line[(newline + 1)...]
    guard ["bck:", "bck?", "fwd:", "fwd?"].contains(where: { search.starts(with: $0.utf8) }) else { return nil }
    return String(decoding: search.dropFirst(4), as: UTF8.self).unicodeScalars.map(\.value)
  }

  var isSearching: Bool { searchPattern != nil }

  /// Ctrl-R and Ctrl-S.
  static let searchKeys: [UInt8] = [0x12, 0x13]

  /// The line that libedit's own prompt takes the place of (`M-x`, vi's `:`, `/` and `?`), and leaves empty.
  enum Draft {
    case typed(LineParts)
    case covered(LineParts)

    private static let prompts = ["\n: ", "\n/", "\n?"]

    /// Takes in what libedit has as its line now.
    /// - Returns: the draft that it has lost, if it has.
    mutating func note(_ line: LineParts) -> LineParts? {
      switch self {
      case .typed(let draft) where Self.prompts.contains(where: { line.text.starts(with: $0.utf8) }):
        self = .covered(draft)
      case .typed: self = .typed(line)
      case .covered(let draft):
        if Self.prompts.contains(where: { line.text.starts(with: $0.utf8) }) { return nil }
        self = .typed(line)
        return line.text.isEmpty && !draft.text.isEmpty ? draft : nil
      }
      return nil
    }
  }
}
