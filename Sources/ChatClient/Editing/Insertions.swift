/// Puts one of several texts in before the cursor, and when the next key asks for it again, the one before it in its place.
struct Insertions {
  private struct Last {
    /// The number of the key.
    let key: Int
    let byteCount: Int
    let index: Int
  }

  private var last: Last?

  /// Whether the key before `key` put something in.
  func isLast(beforeKey key: Int) -> Bool { last.map { $0.key == key - 1 } ?? false }

  /// Puts in the newest of `texts`, which are in the order in which they came; nil where there is none.
  mutating func insertNewest(of texts: [[UInt8]], into line: LineParts, byKey key: Int) -> LineParts? {
    insert(texts.count - 1, of: texts, into: line, byKey: key)
  }

  /// Puts in the text before the one that was put in last; nil where nothing was put in by the key before.
  /// - Parameter goingRound: whether the newest follows the first one. Otherwise that stays, and the result is nil.
  mutating func replaceByPrevious(
    of texts: [[UInt8]], in line: LineParts, byKey key: Int, goingRound: Bool
  ) -> LineParts? {
    guard let last, isLast(beforeKey: key) else { return nil }
    guard last.index > 0 || goingRound else {
      self.last = Last(key: key, byteCount: last.byteCount, index: last.index)
      return nil
    }
    let index = last.index > 0 ? last.index - 1 : texts.count - 1
    let bare = LineParts(before: line.before.dropLast(last.byteCount), after: line.after)
    return insert(index, of: texts, into: bare, byKey: key)
  }

  private mutating func insert(_ index: Int, of texts: [[UInt8]], into line: LineParts, byKey key: Int) -> LineParts? {
    guard texts.indices.contains(index) else { return nil }
    last = Last(key: key, byteCount: texts[index].count, index: index)
    return LineParts(before: line.before + texts[index], after: line.after)
  }
}
