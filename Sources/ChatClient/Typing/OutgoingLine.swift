/// What a line that somebody entered means.
package enum OutgoingLine: Equatable {
  /// Nothing but spaces. No server relays it, so it is not sent.
  case blank
  /// `exit`, whatever its case and the spaces around it.
  case exit
  case message

  package init(_ line: Span<UInt8>) {
    var start = 0
    var end = line.count
    while start < end, Self.isSpace(line[start]) { start += 1 }
    while end > start, Self.isSpace(line[end - 1]) { end -= 1 }
    let word = line.extracting(start..<end)
    self = word.isEmpty ? .blank : Self.isExit(word) ? .exit : .message
  }

  private static let exitWord = Array("exit".utf8)

  private static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

  private static func isExit(_ word: Span<UInt8>) -> Bool {
    guard word.count == exitWord.count else { return false }
    // Setting bit 0x20 makes an ASCII letter small, and makes no letter of what is none but in the range beside them.
    return exitWord.indices.allSatisfy { word[$0] | 0x20 == exitWord[$0] }
  }

  /// Leaves as both kinds of server understand it: one without framing reads exactly `exit`, for others the end of the
  /// stream ends the line.
  static func leave(_ connection: ServerConnection) -> Bool {
    let sent = connection.send(exitWord) == exitWord.count
    connection.shutdownSending()
    return sent
  }
}
