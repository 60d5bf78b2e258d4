import ChatWire

/// Turns the bytes of a server into lines that are safe to show, and learns on the way whether the server ends its messages
/// with newlines. A value without a clock: whoever receives calls `endMessage` once nothing has come for `timeout`.
///
/// A server that passes on what it gets, as SEED.md's does, sends newlines where its clients did, so a newline proves
/// nothing. There no two people's words may become one line; elsewhere a line that TCP tears has to stay whole.
package struct LineDecoder {
  /// Bytes of a line beyond which it is shown in pieces, so that a line without end needs no memory without end.
  package static let maximumLineBytes = 64 * 1024
  /// Milliseconds without a byte that end a message without newline.
  package static let shortTimeout: CInt = 100
  /// Milliseconds that a torn line may pause.
  package static let longTimeout: CInt = 1000
  /// TCP tears only what fills a segment, so a line can be torn only if at least so many bytes came with its beginning: an
  /// IPv6 packet of 1,280 bytes, the smallest that every network carries (RFC 8200, 5), less its headers. The messages
  /// that programs of SEED.md's kind read, at most 1,024 bytes, are smaller.
  package static let minimumTornBytes = 1200

  /// How the server ends its messages, as far as it has shown.
  private enum Framing {
    case unknown
    /// A torn line has been completed by a newline.
    case newlines
    /// A message has come without newline: what one receive brings is a message, unless it was torn.
    case raw
  }

  private var framing = Framing.unknown
  private var framer = LineFramer(maximumLineBytes: maximumLineBytes, overlong: .split)
  /// Bytes received since the held line began, including what came in the same burst before it.
  private var burstBytes = 0
  /// Complete lines that were not taken yet.
  private var lines = ReceivedLines()

  package init() {}

  /// Whether a message has come without newline.
  package var isUnframed: Bool { framing == .raw }

  /// Milliseconds without a byte that would end a message now; -1 where none has begun.
  package var timeout: CInt {
    guard framer.heldBytes > 0 else { return -1 }
    return switch framing {
    case .unknown: isPerhapsTorn ? Self.longTimeout : Self.shortTimeout
    case .newlines: Self.longTimeout
    case .raw: Self.shortTimeout
    }
  }

  /// Takes in what one receive brought.
  package mutating func append(_ bytes: Span<UInt8>) {
    if framer.heldBytes > 0 {
      if !continues(with: bytes) {
        endMessage()
      } else if framing == .unknown, isPerhapsTorn, !Self.beginsLikeMessage(bytes),
        bytes.withUnsafeBytes({ $0.contains(UInt8(ascii: "\n")) })
      {
        framing = .newlines
      }
    }
    burstBytes += bytes.count
    frame(bytes)
  }

  /// Notes that all that has come so far was received.
  package mutating func endBurst() { if framer.heldBytes == 0 { burstBytes = 0 } }

  private var isPerhapsTorn: Bool { burstBytes >= Self.minimumTornBytes }

  /// Whether the line that is held goes on with what was received next.
  private func continues(with bytes: Span<UInt8>) -> Bool {
    switch framing {
    case .unknown: isPerhapsTorn || !Self.beginsLikeMessage(bytes)
    case .newlines: true
    case .raw: isPerhapsTorn && !Self.beginsLikeMessage(bytes)
    }
  }

  /// Whether `bytes` begin with `NAME: `, or with a port and a colon.
  private static func beginsLikeMessage(_ bytes: Span<UInt8>) -> Bool {
    bytes.extracting(0..<min(bytes.count, 64)).withUnsafeBufferPointer { bytes in
      let start = Array(bytes)[...]
      let digits = start.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      let isPort = !digits.isEmpty && start.dropFirst(digits.count).first == UInt8(ascii: ":")
      return isPort || ServerLine(start).name != nil
    }
  }

  private mutating func frame(_ bytes: Span<UInt8>) {
    var lines = takeLines()
    _ = framer.consume(bytes) { _, line in
      lines.append(line)
      return true
    }
    self.lines = lines
  }

  /// Ends the line that is held, if there is one: by a pause, the next message or the end of the stream.
  package mutating func endMessage() {
    guard framer.heldBytes > 0 else { return }
    framing = .raw
    burstBytes = 0
    var lines = takeLines()
    _ = framer.endMessage { _, line in
      lines.append(line)
      return true
    }
    self.lines = lines
  }

  /// The complete lines since the last call.
  package mutating func takeLines() -> ReceivedLines {
    defer { lines = ReceivedLines() }
    return lines
  }
}
