/// Copies of lines that the log is about to evict while members are receiving them: one copy of each line, shared by
/// all members that are inside it.
struct EvictedLines {
  /// Whole lines by the offset at which they end.
  private var copies: [LogOffset: [UInt8]] = [:]

  /// What is left from `position`, which lies within a line, to that line's `end`.
  mutating func rest(from position: LogOffset, to end: LogOffset, in log: borrowing RoomLog) -> ArraySlice<UInt8> {
    if let line = copies[end] { return line.suffix(end - position) }
    let start = log.boundary(atOrBefore: position)
    var line: [UInt8] = []
    line.reserveCapacity(end - start)
    log.forEachPiece(from: start, to: end) { line.append(contentsOf: $0) }
    copies[end] = line
    return line.suffix(end - position)
  }
}
