import Glibc

/// What a line from a member asks of the server. Both programs judge lines by this.
package enum ClientLine: Equatable {
  case message
  /// A message that begins with a slash: `//text` says `/text`.
  case escaped
  /// `/WORD`, alone or before a space: see `Command`. Never relayed.
  case command
  /// `exit`, with or without spaces around it, in any case; or `/quit`.
  case exit
  /// Nothing but spaces and tabs. No server relays it.
  case blank
  /// The blank line by which a client asks who is here: see `rosterRequestLine`.
  case rosterRequest

  /// Whether it asks something of the server that a person would miss if it did not arrive.
  package var isSaid: Bool {
    switch self {
    case .message, .escaped, .command: true
    case .exit, .blank, .rosterRequest: false
    }
  }

  /// The line that leaves.
  package static let exitWord = Array("exit".utf8)

  /// The line that asks who is here. It is blank, so that a server of another kind makes nothing of it.
  package static let rosterRequestLine = Array("\t \t".utf8)

  /// - Parameter line: without its line end.
  package init(_ line: Span<UInt8>) {
    var start = 0
    var end = line.count
    while start < end, Self.isSpace(line[start]) { start += 1 }
    while end > start, Self.isSpace(line[end - 1]) { end -= 1 }
    if start == end {
      self = Self.isRosterRequest(line) ? .rosterRequest : .blank
    } else if line[0] == UInt8(ascii: "/") {
      self.init(afterSlash: line.extracting(1..<end))
    } else {
      self = Self.isWord(line.extracting(start..<end), "exit") ? .exit : .message
    }
  }

  private init(afterSlash rest: Span<UInt8>) {
    var length = 0
    while length < rest.count, Self.isLetter(rest[length]) { length += 1 }
    if length > 0, length == rest.count || Self.isSpace(rest[length]) {
      self = Self.isWord(rest.extracting(0..<length), "quit") ? .exit : .command
    } else {
      self = rest.count > 0 && rest[0] == UInt8(ascii: "/") ? .escaped : .message
    }
  }

  /// Counts the bytes at the start of `lines` that are whole lines, each with its newline, and messages for certain, because no
  /// other line begins as they do. Many at once cost little, as only the ends of each are looked at.
  package static func certainMessages(in lines: Span<UInt8>) -> Int {
    lines.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return 0 }
      var count = 0
      while count < bytes.count, beginsMessage(bytes[count]),
        let newline = memchr(start + count, CInt(UInt8(ascii: "\n")), bytes.count - count)
      {
        let end = UnsafeRawPointer(newline) - start
        // A CR there would be part of the line's end.
        if bytes[end - 1] == UInt8(ascii: "\r") { break }
        count = end + 1
      }
      return count
    }
  }

  /// Whether only a message begins with `byte`, whatever follows.
  private static func beginsMessage(_ byte: UInt8) -> Bool {
    byte > UInt8(ascii: " ") && byte != UInt8(ascii: "/") && byte | 0x20 != UInt8(ascii: "e")
  }

  static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  private static func isRosterRequest(_ line: Span<UInt8>) -> Bool {
    line.count == rosterRequestLine.count && line.withUnsafeBufferPointer { $0.elementsEqual(rosterRequestLine) }
  }

  /// - Parameter letters: four small ones.
  @inline(__always)
  private static func isWord(_ word: Span<UInt8>, _ letters: StaticString) -> Bool {
    guard word.count == 4 else { return false }
    // `| 0x20` lowercases ASCII letters; compared with a lowercase letter it matches exactly its two cases.
    let start = letters.utf8Start
    return word[0] | 0x20 == start[0] && word[1] | 0x20 == start[1] && word[2] | 0x20 == start[2]
      && word[3] | 0x20 == start[3]
  }
}
