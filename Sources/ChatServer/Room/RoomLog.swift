import ChatWire
import Glibc

/// What was said in a room, once, for everybody: a bounded ring of bytes that holds whole lines.
///
///             tail                  cursor of B      cursor of A          head
///              |                         |                |                 |
///     ... gone |54321: hi\n|54322: hello\n|54323: how is ...\n|54321: pretty well\n| free
///
/// Invariant: `tail` and `head` are line boundaries, `head - tail` is at most `capacity`, and every line in between ends
/// in the only LF it has. The log knows no member; who may be overtaken is the room's decision.
///
/// Every read of the ring goes through `contiguous`, which stops at the ring's end and traps unless the bytes lie between
/// `tail` and `head`. `append` traps unless what it writes fits into the free part.
package struct RoomLog: ~Copyable {
  /// Bytes that the ring holds; a power of two, so that an offset finds its place with a mask.
  package let capacity: Int
  private let storage: UnsafeMutablePointer<UInt8>

  /// The offset behind the last byte said.
  package private(set) var head = LogOffset(0)
  /// The offset of the oldest byte that is still kept.
  package private(set) var tail = LogOffset(0)
  /// Lines ever said, and so the number of the next one.
  package private(set) var headLine = 0
  /// Lines no longer kept, and so the number of the oldest that is.
  package private(set) var tailLine = 0

  /// Sparse index: for each block, the offset and number of the first line that starts in or after the block. Eviction
  /// moves `tail` by it without scanning bytes. Indexed by the block's number, modulo the count.
  private var marks: [Mark]
  /// A block's size is two to this power.
  private let blockShift: Int
  private var minutes: MinuteMarks

  struct Mark {
    var offset = LogOffset(0)
    var line = 0
  }

  /// - Parameter capacity: bytes, rounded up to a power of two. Pages that were never said in cost no memory.
  package init(capacity: Int) {
    var rounded = 1
    while rounded < capacity { rounded <<= 1 }
    self.capacity = rounded
    storage = .allocate(capacity: rounded)
    blockShift = max(0, rounded.trailingZeroBitCount - 6)
    // The ring has 64 blocks, and touches one more when it begins within one.
    marks = Array(repeating: Mark(), count: 128)
    minutes = MinuteMarks(maximumCount: max(1, rounded / 64))
  }

  deinit { storage.deallocate() }

  /// Bytes that can be appended before a line has to be evicted.
  package var free: Int { capacity - (head - tail) }

  /// Appends a line: the name as it stands before the text, the text, and LF. They have to fit into `free`.
  package mutating func append(_ name: [UInt8], _ text: Span<UInt8>) {
    precondition(name.count + text.count + 1 <= free, "a line is appended only where it fits")
    let block = head.bytes >> blockShift
    name.withUnsafeBytes { name in
      text.withUnsafeBytes { text in
        write(name)
        write(text)
      }
    }
    storage[head.bytes & (capacity - 1)] = UInt8(ascii: "\n")
    head.bytes += 1
    headLine += 1
    let lastBlock = head.bytes >> blockShift
    if lastBlock > block {
      for reached in block + 1...lastBlock { marks[reached & (marks.count - 1)] = Mark(offset: head, line: headLine) }
    }
  }

  /// The mark of the first block that begins at or behind a kept offset; nil if the log does not reach there yet.
  func mark(atOrAfter offset: LogOffset) -> Mark? {
    let block = (offset.bytes + (1 << blockShift) - 1) >> blockShift
    guard block << blockShift <= head.bytes else { return nil }
    return marks[block & (marks.count - 1)]
  }

  /// Evicts the lines before a mark.
  mutating func evict(before mark: Mark) {
    tail = mark.offset
    tailLine = mark.line
  }

  /// The last mark at or before a kept line, or `tail` as one: where counting lines begins.
  private func nearestMark(to isBehind: (Mark) -> Bool) -> Mark {
    var block = head.bytes >> blockShift
    while block << blockShift > tail.bytes {
      let mark = marks[block & (marks.count - 1)]
      if !isBehind(mark) { return mark }
      block -= 1
    }
    return Mark(offset: tail, line: tailLine)
  }

  /// The number of the line that begins at this kept offset, or would at `head`.
  func line(at boundary: LogOffset) -> Int {
    let mark = nearestMark { $0.offset > boundary }
    return mark.line + lines(from: mark.offset, to: boundary)
  }

  /// Where the last `count` lines begin, or all that are kept if they are fewer.
  package func start(ofLast count: Int) -> LogOffset {
    let line = max(tailLine, headLine - max(0, count))
    let mark = nearestMark { $0.line > line }
    var offset = mark.offset
    for _ in mark.line..<line { offset = boundary(atOrAfter: offset + 1) }
    return offset
  }

  // MARK: Times

  /// What is said from now on is said in this minute, in minutes since 1970, UTC. Called once a minute at most.
  package mutating func mark(minute: Int32) { minutes.mark(minute, at: head, tail: tail) }

  /// The minute in which the line that begins at this kept offset was said; nil if that is not known.
  package func minute(at offset: LogOffset) -> Int32? { minutes.minute(at: offset) }

  /// Where the first kept line begins that was said in this minute or later; `head` if there is none.
  package func start(sinceMinute minute: Int32) -> LogOffset { max(tail, minutes.start(since: minute) ?? head) }

  @inline(__always)
  private mutating func write(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    let place = head.bytes & (capacity - 1)
    let first = capacity - place
    if bytes.count <= first {
      memcpy(storage + place, source, bytes.count)
    } else {
      memcpy(storage + place, source, first)
      memcpy(storage, source + first, bytes.count - first)
    }
    head.bytes += bytes.count
  }

  /// Evicts the lines before `boundary`, which lies between `tail` and `head` and begins a line.
  package mutating func evict(before boundary: LogOffset) {
    tailLine += lines(from: tail, to: boundary)
    tail = boundary
  }

  /// How many lines end between two kept offsets.
  package func lines(from start: LogOffset, to end: LogOffset) -> Int {
    var lines = 0
    forEachPiece(from: start, to: end) { piece in
      for byte in piece where byte == UInt8(ascii: "\n") { lines += 1 }
    }
    return lines
  }

  /// The first line boundary at or behind a kept offset.
  package func boundary(atOrAfter offset: LogOffset) -> LogOffset {
    if isBoundary(offset) { return offset }
    var position = offset
    while position < head {
      let piece = contiguous(from: position, to: head)
      if let start = piece.baseAddress, let found = memchr(start, CInt(UInt8(ascii: "\n")), piece.count) {
        return position + (UnsafeRawPointer(found) - start + 1)
      }
      position = position + piece.count
    }
    return head
  }

  /// The last line boundary at or before a kept offset.
  func boundary(atOrBefore offset: LogOffset) -> LogOffset {
    var start = offset
    while !isBoundary(start) { start.bytes -= 1 }
    return start
  }

  /// Whether a line begins at this kept offset (or would, at `head`).
  package func isBoundary(_ offset: LogOffset) -> Bool {
    offset == tail || offset == head || storage[(offset.bytes - 1) & (capacity - 1)] == UInt8(ascii: "\n")
  }

  /// Whether the line at this kept offset begins with `prefix`, which has no LF.
  func isLine(at start: LogOffset, beginningWith prefix: [UInt8]) -> Bool {
    guard prefix.count <= head - start else { return false }
    return prefix.withUnsafeBytes { prefix in
      let piece = contiguous(from: start, to: start + prefix.count)
      let rest = contiguous(from: start + piece.count, to: start + prefix.count)
      return prefix.starts(with: piece) && prefix.dropFirst(piece.count).elementsEqual(rest)
    }
  }

  /// The kept bytes from `start` on: to `end`, or to where the ring begins again. Valid until the next mutation.
  @inline(__always)
  func contiguous(from start: LogOffset, to end: LogOffset) -> UnsafeRawBufferPointer {
    precondition(tail <= start && start <= end && end <= head, "only kept bytes can be read")
    let place = start.bytes & (capacity - 1)
    return UnsafeRawBufferPointer(start: storage + place, count: min(end - start, capacity - place))
  }

  /// Hands out the kept bytes between two offsets, in one piece or two.
  package func forEachPiece(from start: LogOffset, to end: LogOffset, _ body: (UnsafeRawBufferPointer) -> Void) {
    var position = start
    while position < end {
      let piece = contiguous(from: position, to: end)
      body(piece)
      position = position + piece.count
    }
  }
}

extension RoomLog {
  /// The log as another program has kept it.
  init(from reader: inout StateReader, capacity: Int) throws(StateError) {
    self.init(capacity: capacity)
    (tail, tailLine, headLine) = (try reader.read(), try reader.read(), try reader.read())
    minutes = try MinuteMarks(from: &reader, maximumCount: max(1, self.capacity / 64))
    let kept = try reader.read([UInt8].self)
    guard kept.count <= self.capacity else { throw .impossible("the log keeps more than there is space for") }
    guard tail.bytes >= 0, tail.bytes <= .max / 2, tailLine >= 0, headLine >= 0,
      headLine - tailLine == kept.count(where: { $0 == UInt8(ascii: "\n") }),
      kept.isEmpty || kept.last == UInt8(ascii: "\n")
    else { throw .impossible("the log does not hold the lines that it says") }
    head = tail
    headLine = tailLine
    // Where a block begins with this line, none that is appended marks it.
    marks[(tail.bytes >> blockShift) & (marks.count - 1)] = Mark(offset: tail, line: tailLine)
    var start = 0
    while let newline = kept[start...].firstIndex(of: UInt8(ascii: "\n")) {
      append([], kept.span.extracting(start..<newline))
      start = newline + 1
    }
  }

  func write(to writer: inout StateWriter) {
    writer.write(tail, tailLine, headLine)
    minutes.write(to: &writer)
    var kept: [UInt8] = []
    kept.reserveCapacity(head - tail)
    forEachPiece(from: tail, to: head) { kept.append(contentsOf: $0) }
    writer.write(kept)
  }
}
