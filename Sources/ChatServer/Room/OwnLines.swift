import ChatWire

/// Where a member's own lines lie in the log, oldest first, adjacent ones joined into a run.
///
/// Memory is bounded by what is live: there is space for at most `4 * count + 16` runs (each 32 bytes), and for 4 once none
/// is left. All members' live runs together are at most the lines that begin behind `tail` less a quarter of the log's
/// capacity, because every line has one owner and `Room` prunes forgotten ones each quarter of a lap.
struct OwnLines {
  struct Run {
    var start: LogOffset
    var end: LogOffset
    /// The number of its first line.
    var line: Int
    /// Lines in it.
    var count: Int
  }

  /// Runs before the index `first` are done with; they are fewer than half, or fewer than 8.
  private(set) var runs: [Run] = []
  private(set) var first = 0

  /// Live runs.
  var count: Int { runs.count - first }
  @inline(__always)
  var isEmpty: Bool { first == runs.count }
  /// Where the oldest live run begins. Traps if there is none.
  var firstStart: LogOffset { runs[first].start }

  mutating func append(from start: LogOffset, to end: LogOffset, line: Int) {
    if !isEmpty, runs[runs.count - 1].end == start {
      runs[runs.count - 1].end = end
      runs[runs.count - 1].count += 1
    } else {
      runs.append(Run(start: start, end: end, line: line, count: 1))
    }
  }

  /// Removes the run that begins at `position`, if there is one.
  /// - Returns: where that run ends.
  @inline(__always)
  mutating func end(ofRunAt position: LogOffset) -> LogOffset? {
    guard !isEmpty, runs[first].start == position else { return nil }
    let end = runs[first].end
    removeFirst()
    return end
  }

  /// Forgets the lines numbered below `line`, which begins at `start`.
  /// - Returns: how many they were.
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
      runs.removeAll(keepingCapacity: runs.capacity <= 4)
      first = 0
    } else if first >= 8, first * 2 >= runs.count {
      // A copy has just the space that it needs; removing in place would keep all that was ever needed.
      runs = Array(runs[first...])
      first = 0
    }
  }
}

extension OwnLines: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    runs = try reader.readEach { reader throws(StateError) in
      Run(start: try reader.read(), end: try reader.read(), line: try reader.read(), count: try reader.read())
    }
    for (run, next) in zip(runs, runs.dropFirst()) where run.end >= next.start {
      throw .impossible("a member's own lines overlap")
    }
    guard runs.allSatisfy({ $0.start < $0.end && $0.count > 0 }) else {
      throw .impossible("a member's own line has no bytes")
    }
  }

  func write(to writer: inout StateWriter) {
    writer.write(each: runs[first...]) { $0.write($1.start, $1.end, $1.line, $1.count) }
  }

  /// Whether all of them lie between two offsets.
  func lie(from start: LogOffset, to end: LogOffset) -> Bool {
    isEmpty || firstStart >= start && runs[runs.count - 1].end <= end
  }
}
