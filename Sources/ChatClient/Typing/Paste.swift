import ChatWire

/// A block of text that was pasted in one go, as lines.
package struct Paste: Equatable {
  /// What a terminal writes before and after a pasted block, once it was asked to (xterm, "Bracketed Paste Mode").
  static let beginning = Array("\u{1B}[200~".utf8)
  package static let end = Array("\u{1B}[201~".utf8)
  /// Turn these on and off.
  static let enable = Array("\u{1B}[?2004h".utf8)
  static let disable = Array("\u{1B}[?2004l".utf8)
  /// The most lines that a block may send without a question.
  private static let unguardedLines = 5

  /// The lines that came with their end, each without it.
  package private(set) var lines: [[UInt8]] = []
  /// What stands after the last end of a line.
  package private(set) var rest: [UInt8] = []

  /// - Parameter bytes: what stood between `beginning` and `end`. CR, LF and CR LF all end a line.
  package init(_ bytes: [UInt8]) {
    var isAfterCR = false
    // Decoded first, because libedit takes well-formed UTF-8 only.
    for byte in String(decoding: bytes, as: UTF8.self).utf8 where byte != 0 {
      switch byte {
      case UInt8(ascii: "\n") where isAfterCR: break
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        lines.append(rest)
        rest = []
      default: rest.append(byte)
      }
      isAfterCR = byte == UInt8(ascii: "\r")
    }
  }

  /// The lines of it that would be sent if its last one were too.
  package var sendableLines: Int { (lines + [rest]).count { ClientLine($0.span) != .blank } }

  /// Whether it would send more lines than people paste by mistake, some of them at once.
  package var isLong: Bool { !lines.isEmpty && sendableLines > Self.unguardedLines }

  /// Adds a block that was pasted right behind this one.
  package mutating func append(_ next: Paste) {
    guard let first = next.lines.first else {
      rest += next.rest
      return
    }
    lines.append(rest + first)
    lines += next.lines.dropFirst()
    rest = next.rest
  }

  /// Ends the last line too, because a person who agrees to the question agrees to all lines.
  package mutating func endLastLine() {
    guard !rest.isEmpty else { return }
    lines.append(rest)
    rest = []
  }
}
