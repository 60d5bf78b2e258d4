import Glibc

/// Cuts what a server sends into lines of the load and everything else.
///
/// Keeps no state between calls: the caller passes an incomplete piece again when more has come.
struct StreamDecoder: ~Copyable {
  enum Kind {
    /// A line of the load: its text is in `start..<start + textBytes`.
    case line
    /// The server confirms that this connection is in the room.
    case entered
    /// The server wants `PONG` and the bytes in `start..<contentEnd`.
    case ping
    /// The server itself says something, in `start..<contentEnd`.
    case notice
    /// The server refuses something; its reason is in `start..<contentEnd`.
    case refusal
    /// Nothing that matters here.
    case other
    /// Neither a line of the load nor anything that this dialect knows.
    case torn
  }

  /// One piece of a stream, by offsets into the bytes that it was found in.
  struct Frame {
    var kind: Kind
    /// Where what matters of it begins and ends.
    var start: Int
    var contentEnd: Int
    /// Where the next piece begins.
    var end: Int
  }

  private let dialect: Dialect
  private let textBytes: Int
  private let prefix: UnsafeRawBufferPointer

  init(dialect: Dialect, textBytes: Int) {
    self.dialect = dialect
    self.textBytes = textBytes
    let text = Array(dialect.receivedPrefix(textBytes: textBytes).utf8)
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: text.count, alignment: 1)
    copy.copyBytes(from: text)
    prefix = UnsafeRawBufferPointer(copy)
  }

  deinit { prefix.deallocate() }

  /// The piece that begins at `index` of `bytes`; nil if not all of it is there.
  @inline(__always)
  func frame(in bytes: UnsafeRawBufferPointer, at index: Int) -> Frame? {
    switch dialect {
    case .line, .irc: lineFrame(in: bytes, at: index)
    case .redis, .nats: countedFrame(in: bytes, at: index)
    }
  }

  /// A line that ends with its newline; its text is the end of it. Before that stands the sender's name, or nothing: some
  /// servers name a sender only once for all the lines that it sent at once.
  @inline(__always)
  private func lineFrame(in bytes: UnsafeRawBufferPointer, at index: Int) -> Frame? {
    guard let newline = Self.newline(in: bytes, from: index) else { return nil }
    var contentEnd = newline
    if contentEnd > index, bytes[contentEnd - 1] == UInt8(ascii: "\r") { contentEnd -= 1 }
    let start = contentEnd - textBytes
    let nameEnd = start - prefix.count
    if start == index, dialect == .line {
      return Frame(kind: .line, start: start, contentEnd: contentEnd, end: newline + 1)
    }
    if nameEnd > index, matchesPrefix(bytes, at: nameEnd), Self.isWord(bytes, index..<nameEnd) {
      return Frame(kind: .line, start: start, contentEnd: contentEnd, end: newline + 1)
    }
    return judged(bytes, index..<contentEnd, end: newline + 1)
  }

  /// A piece whose length the server states. As all lines have one length, what stands before their text is always the same.
  @inline(__always)
  private func countedFrame(in bytes: UnsafeRawBufferPointer, at index: Int) -> Frame? {
    if bytes.count - index >= prefix.count, matchesPrefix(bytes, at: index) {
      let start = index + prefix.count
      let contentEnd = start + textBytes
      guard contentEnd + 2 <= bytes.count else { return nil }
      if bytes[contentEnd] == UInt8(ascii: "\r"), bytes[contentEnd + 1] == UInt8(ascii: "\n") {
        return Frame(kind: .line, start: start, contentEnd: contentEnd, end: contentEnd + 2)
      }
    }
    // The start of a prefix ends with a newline too; only the whole of it can be told from something else.
    if bytes.count - index < prefix.count, startsPrefix(bytes, at: index) { return nil }
    guard let newline = Self.newline(in: bytes, from: index) else { return nil }
    let contentEnd = newline > index && bytes[newline - 1] == UInt8(ascii: "\r") ? newline - 1 : newline
    return judged(bytes, index..<contentEnd, end: newline + 1)
  }

  private func matchesPrefix(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Bool {
    Self.equal(bytes, index, prefix, count: prefix.count)
  }

  private func startsPrefix(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Bool {
    Self.equal(bytes, index, prefix, count: bytes.count - index)
  }

  /// What a line is that is not the load's.
  private func judged(_ bytes: UnsafeRawBufferPointer, _ content: Range<Int>, end: Int) -> Frame {
    let text = UnsafeRawBufferPointer(rebasing: bytes[content])
    func frame(_ kind: Kind, from offset: Int = 0) -> Frame {
      Frame(kind: kind, start: content.lowerBound + offset, contentEnd: content.upperBound, end: end)
    }
    switch dialect {
    case .line:
      if text.starts(with: "* ".utf8) { return frame(.notice) }
      if text.starts(with: "<announce> ".utf8) { return frame(.other) }
      return frame(.torn)
    case .redis:
      // The pieces of the confirmation, and the counts that answer PUBLISH.
      if text.elementsEqual("subscribe".utf8) { return frame(.entered) }
      if text.elementsEqual("room".utf8) || ["*3", "$9", "$4"].contains(where: { text.elementsEqual($0.utf8) }) {
        return frame(.other)
      }
      if text.first == UInt8(ascii: ":") { return frame(.other) }
      return frame(text.first == UInt8(ascii: "-") ? .refusal : .torn)
    case .nats:
      if text.elementsEqual("PONG".utf8) { return frame(.entered) }
      if text.elementsEqual("PING".utf8) { return frame(.ping, from: 4) }
      if text.starts(with: "-ERR".utf8) { return frame(.refusal) }
      return frame(text.starts(with: "INFO ".utf8) || text.starts(with: "+OK".utf8) ? .other : .torn)
    case .irc:
      if text.starts(with: "PING ".utf8) { return frame(.ping, from: 4) }
      if text.starts(with: "ERROR ".utf8) { return frame(.refusal) }
      let words = text.prefix(512).split(separator: UInt8(ascii: " "), maxSplits: 2)
      guard words.count > 1, words[0].first == UInt8(ascii: ":") else { return frame(.torn) }
      // 366 ends the list of those who are in the channel; from 400 on a reply is an error.
      if words[1].elementsEqual("366".utf8) { return frame(.entered) }
      let isReply = words[1].count == 3
      if isReply, words[1].first == UInt8(ascii: "4") || words[1].first == UInt8(ascii: "5") {
        // 422: there is no message of the day, which nobody misses.
        return frame(words[1].elementsEqual("422".utf8) ? .other : .refusal)
      }
      return frame(words[1].elementsEqual("PRIVMSG".utf8) ? .torn : .other)
    }
  }

  @inline(__always)
  private static func newline(in bytes: UnsafeRawBufferPointer, from index: Int) -> Int? {
    guard let base = bytes.baseAddress, let found = memchr(base + index, 0x0A, bytes.count - index) else { return nil }
    return UnsafeRawPointer(found) - base
  }

  /// Whether there is no space in `range`.
  @inline(__always)
  private static func isWord(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
    for index in range where bytes[index] == UInt8(ascii: " ") { return false }
    return true
  }

  @inline(__always)
  private static func equal(
    _ bytes: UnsafeRawBufferPointer, _ index: Int, _ other: UnsafeRawBufferPointer, count: Int
  ) -> Bool {
    guard count > 0, let base = bytes.baseAddress, let otherBase = other.baseAddress else { return count == 0 }
    return memcmp(base + index, otherBase, count) == 0
  }
}
