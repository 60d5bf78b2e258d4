/// How a line was before each change since it was begun. Characters that are typed one after the other are one change a word.
package struct UndoHistory {
  private static let capacity = 1000

  private var changed: [LineParts] = []
  private var current = LineParts(before: [], after: [])
  private var isTyping = false

  package init() {}

  /// Takes note of the line, which a key may have changed.
  package mutating func note(_ line: LineParts) {
    guard line != current else { return }
    defer { current = line }
    guard line.text != current.text else {
      isTyping = false
      return
    }
    let isLonger = line.after == current.after && line.before.starts(with: current.before)
    let added = isLonger ? String(decoding: line.before[current.before.count...], as: UTF8.self) : ""
    let isTyped = added.unicodeScalars.count == 1
    let beginsWord = current.before.last == UInt8(ascii: " ") && added != " "
    if !isTyped || !isTyping || beginsWord {
      changed.append(current)
      if changed.count > Self.capacity { changed.removeFirst() }
    }
    isTyping = isTyped
  }

  /// - Returns: the line as it was before its last change; nil where it has had none.
  package mutating func undo(_ line: LineParts) -> LineParts? {
    note(line)
    guard let last = changed.popLast() else { return nil }
    (current, isTyping) = (last, false)
    return last
  }
}
