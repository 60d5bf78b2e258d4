/// Where a member's own lines lie in the log, oldest first, neighbours joined.
///
/// All members' together are never more than the lines in the log, as every line has one owner.
struct OwnLines {
  struct Run {
    var start: LogOffset
    var end: LogOffset
    /// The number of its first line, and how many there are.
    var line: Int
    var count: Int
  }

  /// Runs before the index `first` are done with.
  private(set) var runs: [Run] = []
  private(set) var first = 0

  @inline(__always)
  var isEmpty: Bool { first == runs.count }
  /// Where the next run begins. There has to be one.
  var firstStart: LogOffset { runs[first].start }

  mutating func append(from start: LogOffset, to end: LogOffset, line: Int) {
    if !isEmpty, runs[runs.count - 1].end == start {
      runs[runs.count - 1].end = end
      runs[runs.count - 1].count += 1
    } else {
      runs.append(Run(start: start, end: end, line: line, count: 1))
    }
  }

  /// If a run begins at `position`, it is done with, and its end is where to go on.
  @inline(__always)
  mutating func end(ofRunAt position: LogOffset) -> LogOffset? {
    guard !isEmpty, runs[first].start == position else { return nil }
    let end = runs[first].end
    removeFirst()
    return end
  }

  /// Forgets the lines numbered below `line`, which begins at `start`, and says how many they were.
  mutating func removeAll(beforeLine line: Int, at start: LogOffset) -> Int {
    var removed = 0
    while !isEmpty, runs[first].line < line {
      let count = min(runs[first].count, line - runs[first].line)
      removed += count
      if count == runs[first].count {
        removeFirst()
      } else {
        runs[first].start = start
        runs[first].line += count
        runs[first].count -= count
      }
    }
    return removed
  }

  private mutating func removeFirst() {
    first += 1
    if first == runs.count {
      runs.removeAll(keepingCapacity: runs.count <= 64)
      first = 0
    } else if first >= 64, first * 2 >= runs.count {
      runs.removeFirst(first)
      first = 0
    }
  }
}
