import ChatWire
import Glibc

/// What is meant for one member alone and not sent yet: whole lines, oldest first.
///
/// It is bounded. Lines that do not fit are dropped and counted, and so are all that follow until the lines that wait
/// have been sent; then the member is told the count, at the place where the lines are missing.
struct PrivateQueue {
  /// Bytes that wait at most, besides the notices of the two counts below; what is appended while nothing waits may be more.
  static let maximumBytes = 12 << 10

  /// Whole lines, less what of the first is sent. Empty only if both counts are 0.
  private var bytes: ArraySlice<UInt8> = []
  /// The lines from other members that wait, as far as one is not sent whole: who sent it, and where it ends.
  private var letters: [(sender: Token, end: Int)] = []
  /// Bytes sent in all: where `bytes` begin, as `letters` count.
  private var sentBytes = 0
  /// Lines that were dropped and that the member is not told of yet.
  private var droppedLines = 0
  /// Lines of the log that the member missed and is not told of yet.
  private var missedLines = 0

  var isEmpty: Bool { bytes.isEmpty }
  var byteCount: Int { bytes.count }

  /// - Parameters:
  ///   - lines: one or more whole lines, each with its newline.
  ///   - sender: the member whose words they are; nil for the server.
  /// - Returns: whether they were kept. If not, all of them were dropped.
  mutating func append(_ lines: [UInt8], from sender: Token?) -> Bool {
    guard bytes.isEmpty || droppedLines == 0 && bytes.count + lines.count <= Self.maximumBytes else {
      for byte in lines where byte == UInt8(ascii: "\n") { droppedLines += 1 }
      tellCounts()
      return false
    }
    if let sender {
      let start = sentBytes + bytes.count
      for (index, byte) in lines.enumerated() where byte == UInt8(ascii: "\n") {
        letters.append((sender, start + index + 1))
      }
    }
    bytes += lines
    return true
  }

  /// Counts the lines from each member that were not sent whole, and forgets whose they are.
  mutating func takeUnsentLetters() -> [Token: Int] {
    var counts: [Token: Int] = [:]
    for letter in letters { counts[letter.sender, default: 0] += 1 }
    letters = []
    return counts
  }

  /// Has the member told that it missed lines of the log.
  mutating func noteMissed(lines: Int) {
    missedLines += lines
    tellCounts()
  }

  /// Sends what waits, or some of it.
  mutating func send(to send: (UnsafeMutableBufferPointer<iovec>) -> Transfer) -> Transfer {
    let transfer = bytes.sendPrefix(to: send)
    if case .bytes(let count) = transfer {
      sentBytes += count
      if !letters.isEmpty { letters.removeFirst(letters.prefix { $0.end <= sentBytes }.count) }
    }
    tellCounts()
    return transfer
  }

  private mutating func tellCounts() {
    guard bytes.isEmpty else { return }
    if droppedLines > 0 { bytes += Notice.privateLinesSkipped(droppedLines).line }
    if missedLines > 0 { bytes += Notice.linesSkipped(missedLines).line }
    (droppedLines, missedLines) = (0, 0)
  }
}

extension ArraySlice<UInt8> {
  /// Sends the bytes, of which there is at least one, and removes as many as were taken.
  mutating func sendPrefix(to send: (UnsafeMutableBufferPointer<iovec>) -> Transfer) -> Transfer {
    let transfer = withUnsafeBytes { bytes in
      var piece = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
      return withUnsafeMutablePointer(to: &piece) { send(UnsafeMutableBufferPointer(start: $0, count: 1)) }
    }
    // An empty slice would keep the memory of all that it was part of.
    if case .bytes(let count) = transfer { self = count < self.count ? dropFirst(count) : [] }
    return transfer
  }
}

extension PrivateQueue: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    bytes = try reader.read([UInt8].self)[...]
    letters = try reader.readEach { reader throws(StateError) in (try reader.read(), try reader.read()) }
    (sentBytes, droppedLines, missedLines) = (try reader.read(), try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) {
    writer.write(Array(bytes))
    writer.write(each: letters) { $0.write($1.sender, $1.end) }
    writer.write(sentBytes, droppedLines, missedLines)
  }
}
