import ChatWire

/// An answer that shows lines of the log again, each behind the minute in which it was said: `[21:03] alice: hello`.
///
/// What it shows is fixed at the question. It is made piece by piece as the asker takes it, and keeps no line: those that the
/// log evicts meanwhile are counted where they are missing.
struct EarlierLines {
  /// Bytes of a piece, unless a single line is longer.
  static let maximumPieceBytes = 4096

  /// Where the next line to show begins.
  private var position: LogOffset
  /// The number of that line.
  private var line: Int
  private let end: LogOffset
  /// The number of the line that begins at `end`.
  private let endLine: Int

  /// The lines between two kept line boundaries.
  init(from start: LogOffset, to end: LogOffset, in log: borrowing RoomLog) {
    position = start
    line = log.line(at: start)
    self.end = end
    endLine = log.line(at: end)
  }

  /// How many lines are not shown yet.
  var count: Int { endLine - line }

  /// Makes the next piece, of whole lines.
  ///
  /// - Parameters:
  ///   - isIgnored: whether the line that begins at a kept offset is left out.
  ///   - formatMinute: how the minute stands before a line; minutes since 1970, UTC, or nil if it is not known.
  /// - Returns: nil if there is nothing more to show.
  mutating func nextPiece(
    from log: borrowing RoomLog, isIgnored: (LogOffset) -> Bool, formatMinute: (Int32?) -> [UInt8],
    maximumBytes: Int = Self.maximumPieceBytes
  ) -> [UInt8]? {
    var piece: [UInt8] = []
    let firstKept = min(log.tailLine, endLine)
    if line < firstKept {
      piece += Notice.earlierLinesGone(firstKept - line).line
      (position, line) = (min(log.tail, end), firstKept)
    }
    while position < end {
      let next = log.boundary(atOrAfter: position + 1)
      if !isIgnored(position) {
        let minute = formatMinute(log.minute(at: position)) + [UInt8(ascii: " ")]
        guard piece.isEmpty || piece.count + minute.count + (next - position) <= maximumBytes else { return piece }
        piece += minute
        log.forEachPiece(from: position, to: next) { piece += $0 }
      }
      (position, line) = (next, line + 1)
    }
    return piece.isEmpty ? nil : piece
  }
}

extension EarlierLines: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (position, line) = (try reader.read(), try reader.read())
    (end, endLine) = (try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) { writer.write(position, line, end, endLine) }

  /// Whether it can go on in this log.
  func isPossible(in log: borrowing RoomLog) -> Bool {
    line <= endLine && endLine <= log.headLine && end <= log.head && position <= end
      && (position >= log.tail || line < min(log.tailLine, endLine) || position == end)
  }
}
