import ChatWire

/// Lines that were received together. One buffer holds the text of all, because a buffer for each would cost more than all
/// else that happens to a line.
package struct ReceivedLines: Sequence, Equatable, Sendable {
  /// The lines, safe to show, each with a newline.
  private(set) var text: [UInt8] = []

  package init() {}

  /// Appends a line, given without its newline, and makes it safe.
  package mutating func append(_ line: Span<UInt8>) {
    SafeText.append(line, to: &text)
    text.append(UInt8(ascii: "\n"))
  }

  package var isEmpty: Bool { text.isEmpty }

  package func makeIterator() -> some IteratorProtocol<ServerLine> {
    // Safe text has no newline within a line.
    var rest = text[...]
    return AnyIterator {
      guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
      defer { rest = rest[(end + 1)...] }
      return ServerLine(rest[..<end])
    }
  }
}
