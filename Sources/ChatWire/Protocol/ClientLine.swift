/// What a line from a member asks of the server. Both programs judge lines by this.
package enum ClientLine: Equatable {
  case message
  /// `exit`, with or without spaces around it, in any case.
  case exit
  /// Nothing but spaces and tabs. No server relays it.
  case blank

  /// The line that leaves.
  package static let exitWord = Array("exit".utf8)

  /// - Parameter line: without its line end.
  package init(_ line: Span<UInt8>) {
    var start = 0
    var end = line.count
    while start < end, Self.isSpace(line[start]) { start += 1 }
    while end > start, Self.isSpace(line[end - 1]) { end -= 1 }
    self = start == end ? .blank : Self.isExit(line.extracting(start..<end)) ? .exit : .message
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

  private static func isExit(_ word: Span<UInt8>) -> Bool {
    guard word.count == 4 else { return false }
    // `| 0x20` lowercases ASCII letters; compared with a lowercase letter it matches exactly its two cases.
    return word[0] | 0x20 == UInt8(ascii: "e") && word[1] | 0x20 == UInt8(ascii: "x")
      && word[2] | 0x20 == UInt8(ascii: "i") && word[3] | 0x20 == UInt8(ascii: "t")
  }
}
