import ChatWire

/// Turns the bytes of a server into lines that are safe to show. The pure half of `Receiver`.
package struct LineDecoder {
  /// Bytes of a line beyond which it is shown in pieces, so that a line without end needs no memory without end.
  package static let maximumLineBytes = 64 * 1024
  /// Milliseconds without a byte that end a message of a server which sends no newlines.
  package static let silence: CInt = 100
  /// The same once a newline has come. It does not prove that the server ends its lines: one that passes on what it gets,
  /// as SEED.md's does, sends newlines of other clients' own, and its next message may have none. Longer, as a line
  /// that a network tears is to stay whole.
  package static let longSilence: CInt = 1000

  private var framer = LineFramer(maximumLineBytes: maximumLineBytes, overlong: .split)
  /// Lines not yet taken, each with a newline.
  private var lines: [UInt8] = []

  package init() {}

  /// Milliseconds without a byte that would end a message now; -1 where none has begun.
  package var patience: CInt {
    if framer.awaitsSilence { return Self.silence }
    return framer.heldBytes > 0 ? Self.longSilence : -1
  }

  package mutating func append(_ bytes: Span<UInt8>) {
    var lines = take()
    // The first line may be the end of one that is held; from then on plain lines need no framing one by one.
    var index = 0
    while index < bytes.count {
      let plain = framer.consumePlainLines(bytes.extracting(index..<bytes.count))
      bytes.extracting(index..<index + plain).withUnsafeBufferPointer { lines.append(contentsOf: $0) }
      index += plain
      let rest = bytes.extracting(index..<bytes.count)
      let line = rest.extracting(0..<Self.firstLine(in: rest))
      _ = framer.consume(line) { _, line in
        SafeText.append(line, to: &lines)
        lines.append(UInt8(ascii: "\n"))
        return true
      }
      index += line.count
    }
    self.lines = lines
  }

  /// Bytes up to the first newline and with it, or all.
  private static func firstLine(in bytes: Span<UInt8>) -> Int {
    bytes.withUnsafeBytes { raw in (raw.firstIndex(of: UInt8(ascii: "\n")) ?? raw.count - 1) + 1 }
  }

  /// The pause that ends a message, or the end of the stream.
  package mutating func endMessage() {
    var lines = take()
    _ = framer.silence { _, line in
      SafeText.append(line, to: &lines)
      lines.append(UInt8(ascii: "\n"))
      return true
    }
    self.lines = lines
  }

  /// Hands the complete lines to `body`, if there are any, and forgets them.
  package mutating func withLines<Result>(_ body: ([UInt8]) -> Result) -> Result? {
    guard !lines.isEmpty else { return nil }
    defer { lines.removeAll(keepingCapacity: true) }
    return body(lines)
  }

  private mutating func take() -> [UInt8] {
    var taken: [UInt8] = []
    swap(&taken, &lines)
    return taken
  }
}
