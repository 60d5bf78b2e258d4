/// What was killed, to be put in again. What a key kills right after another one is joined to that.
package struct KillRing {
  private static let capacity = 60

  /// In the order in which they were killed.
  private var texts: [[UInt8]] = []
  /// The number of the key that killed last.
  private var lastKey = -1
  private var insertions = Insertions()

  package init() {}

  /// - Parameter key: the number of the key that does it, one more than that of the key before.
  /// - Returns: the line without it; nil where there is nothing to kill.
  package mutating func kill(_ kill: LineParts.Kill, in line: LineParts, byKey key: Int) -> LineParts? {
    guard let (rest, killed) = line.killing(kill) else { return nil }
    if lastKey >= 0, key - lastKey <= 1, let last = texts.popLast() {
      switch kill {
      case .wordBack, .blackBack: texts.append(killed + last)
      case .toEnd, .wordForward: texts.append(last + killed)
      // What was killed before stood at the cursor.
      case .line: texts.append(line.before + last + line.after)
      }
    } else {
      texts.append(killed)
      if texts.count > Self.capacity { texts.removeFirst() }
    }
    lastKey = key
    return rest
  }

  /// Puts in what was killed last; nil where nothing was.
  package mutating func yank(into line: LineParts, byKey key: Int) -> LineParts? {
    insertions.insertNewest(of: texts, into: line, byKey: key)
  }

  /// Puts in what was killed before that in its place; nil where the key before put nothing in.
  package mutating func yankPrevious(in line: LineParts, byKey key: Int) -> LineParts? {
    insertions.replaceByPrevious(of: texts, in: line, byKey: key, goingRound: true)
  }
}
