import ChatWire

/// When the lines of a log were said, to the minute: sparse marks, none of them per line.
///
/// Invariant: the marks' offsets grow, and each is a line boundary. Their minutes grow unless the clock was set back.
struct MinuteMarks {
  private struct Mark {
    /// The first byte that was said in this minute or later.
    var offset: LogOffset
    /// Minutes since 1970, UTC.
    var minute: Int32
  }

  private var marks: [Mark] = []
  /// Marks kept at most; the oldest is dropped for a new one.
  private let maximumCount: Int

  init(maximumCount: Int) { self.maximumCount = maximumCount }

  /// What is said from `offset` on is said in `minute`. Forgets what is only about offsets before `tail`.
  mutating func mark(_ minute: Int32, at offset: LogOffset, tail: LogOffset) {
    if let last = marks.last {
      if last.minute == minute { return }
      if last.offset == offset { marks.removeLast() }
    }
    let forgotten = max(index(at: tail) ?? 0, marks.count + 1 - maximumCount)
    if forgotten > 0 { marks.removeFirst(forgotten) }
    marks.append(Mark(offset: offset, minute: minute))
  }

  /// The minute in which the byte at `offset` was said; nil if that is not known.
  func minute(at offset: LogOffset) -> Int32? {
    index(at: offset).map { marks[$0].minute }
  }

  /// The first mark of that minute or a later one; nil if there is none.
  func start(since minute: Int32) -> LogOffset? { marks.first { $0.minute >= minute }?.offset }

  /// The last mark at or before `offset`.
  private func index(at offset: LogOffset) -> Int? {
    var (low, high) = (0, marks.count)
    while low < high {
      let middle = (low + high) / 2
      if marks[middle].offset <= offset { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? low - 1 : nil
  }
}

extension MinuteMarks {
  init(from reader: inout StateReader, maximumCount: Int) throws(StateError) {
    self.init(maximumCount: maximumCount)
    marks = try reader.readEach { reader throws(StateError) in
      Mark(offset: try reader.read(), minute: try reader.read())
    }
  }

  func write(to writer: inout StateWriter) { writer.write(each: marks) { $0.write($1.offset, $1.minute) } }
}
