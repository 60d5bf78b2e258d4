/// A line that is being edited: what stands before the cursor, and what behind it. In UTF-8.
package struct LineParts: Equatable, Sendable {
  package var before: [UInt8]
  package var after: [UInt8]

  package init(before: [UInt8], after: [UInt8]) {
    self.before = before
    self.after = after
  }

  var text: [UInt8] { before + after }

  /// What is taken away at once, to be put in elsewhere.
  package enum Kill: Sendable {
    case toEnd, line
    /// The word before the cursor, of letters and digits; or all that is no white space.
    case wordBack, blackBack
    case wordForward
  }

  /// The line without what is killed, and that; nil where there is nothing to kill.
  package func killing(_ kill: Kill) -> (line: LineParts, killed: [UInt8])? {
    var line = self
    let killed: [UInt8]
    switch kill {
    case .toEnd:
      killed = after
      line.after = []
    case .line:
      killed = text
      line = LineParts(before: [], after: [])
    case .wordBack: killed = Self.cutEnd(of: &line.before, Self.isWord)
    case .blackBack: killed = Self.cutEnd(of: &line.before) { !$0.isWhitespace }
    case .wordForward: killed = Self.cutStart(of: &line.after)
    }
    return killed.isEmpty ? nil : (line, killed)
  }

  private static func isWord(_ character: Character) -> Bool { character.isLetter || character.isNumber }

  /// Cuts the last run of characters that are `inside`, and what is not inside behind it.
  private static func cutEnd(of text: inout [UInt8], _ inside: (Character) -> Bool) -> [UInt8] {
    var characters = Substring(decoding: text, as: UTF8.self)
    while let last = characters.last, !inside(last) { characters.removeLast() }
    while let last = characters.last, inside(last) { characters.removeLast() }
    defer { text = Array(text.prefix(characters.utf8.count)) }
    return Array(text.dropFirst(characters.utf8.count))
  }

  /// Cuts the first word, and what is before it.
  private static func cutStart(of text: inout [UInt8]) -> [UInt8] {
    let characters = Substring(decoding: text, as: UTF8.self)
    let rest = characters.drop { !isWord($0) }.drop(while: isWord)
    defer { text = Array(rest.utf8) }
    return Array(text.dropLast(rest.utf8.count))
  }

  /// The line with the word at or behind the cursor, or else the last one, and the word before it in each other's places, and the
  /// cursor behind both; nil where there are no two.
  package var transposingWords: LineParts? {
    let characters = Array(String(decoding: text, as: UTF8.self))
    let cursor = String(decoding: before, as: UTF8.self).count
    let starts = characters.indices.filter {
      Self.isWord(characters[$0]) && ($0 == 0 || !Self.isWord(characters[$0 - 1]))
    }
    let words = starts.map { start in start..<(characters[start...].firstIndex { !Self.isWord($0) } ?? characters.count)
    }
    guard let second = words.firstIndex(where: { $0.upperBound > cursor }) ?? words.indices.last, second > 0 else {
      return nil
    }
    let (first, last) = (words[second - 1], words[second])
    let swapped =
      characters[..<first.lowerBound] + characters[last] + characters[first.upperBound..<last.lowerBound]
      + characters[first]
    return LineParts(before: Array(String(swapped).utf8), after: Array(String(characters[last.upperBound...]).utf8))
  }
}
