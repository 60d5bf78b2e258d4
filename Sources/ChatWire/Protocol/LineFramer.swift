import Glibc

/// Cuts a stream of bytes into lines, and learns on the way whether its peer ends lines at all.
///
/// A peer of SEED.md's kind sends each message as raw bytes and ends none of them. So until the first newline of a
/// connection a pause ends a message: the framer's owner calls `endMessage` when nothing has come for a while and
/// `awaitsSilence` holds. From the first newline on, only newlines end messages.
///
/// Lines are handed out without their LF, and without one CR before it.
package struct LineFramer {
  /// What becomes of a line that is longer than the limit.
  package enum Overlong: Sendable {
    /// Its owner hears `.tooLong` once, and the rest up to the newline is skipped.
    case skip
    /// It is handed out in pieces of at most the limit, cut between code points.
    case split
  }

  package enum Frame {
    /// A whole line, ended by a newline; or, with `.split`, a piece of one.
    case line
    /// A message that a pause or the end of the stream ended, not a newline.
    case unterminated
    /// The line is over the limit and is being skipped. The frame carries no bytes.
    case tooLong
  }

  /// Bytes that a line may have, its end not counted.
  package let maximumLineBytes: Int

  /// The start of a line whose end has not come yet; at most `maximumLineBytes`, and a CR that may belong to its end.
  private var partial: [UInt8] = []
  private let overlong: Overlong
  /// The rest of a line that is too long is being skipped.
  package private(set) var isSkipping = false
  /// Set for good by the peer's first newline.
  package private(set) var hasSeenNewline = false

  package init(maximumLineBytes: Int, overlong: Overlong) {
    self.maximumLineBytes = maximumLineBytes
    self.overlong = overlong
  }

  /// Whether a pause would end a message now.
  package var awaitsSilence: Bool { !hasSeenNewline && (!partial.isEmpty || isSkipping) }

  /// Whether the next byte begins a line.
  package var isBetweenLines: Bool { partial.isEmpty && !isSkipping }

  /// Bytes held back because their line has not ended.
  package var heldBytes: Int { partial.count }

  /// Takes in the next bytes of the stream and hands out what they complete.
  ///
  /// - Parameter body: gets each frame in order. It returns false to refuse one: then that frame and all after it count
  ///   as not received yet.
  /// - Returns: how many of `bytes` were taken in; the rest has to be given again.
  package mutating func consume(_ bytes: Span<UInt8>, _ body: (Frame, Span<UInt8>) -> Bool) -> Int {
    var index = 0
    while index < bytes.count {
      let rest = bytes.extracting(index..<bytes.count)
      guard let newline = Self.firstNewline(in: rest) else {
        return index + hold(rest, body)
      }
      if isSkipping {
        isSkipping = false
      } else if partial.isEmpty {
        guard deliver(rest.extracting(0..<newline), body) else { return index }
      } else {
        let heldBefore = partial.count
        Self.append(rest.extracting(0..<newline), to: &partial)
        guard deliver(partial.span, body) else {
          partial.removeLast(partial.count - heldBefore)
          return index
        }
        partial = []
      }
      hasSeenNewline = true
      index += newline + 1
    }
    return index
  }

  /// The pause that ends a message of a peer without newlines, or the end of the stream.
  /// - Returns: false if `body` refused the message, which is then still held.
  package mutating func endMessage(_ body: (Frame, Span<UInt8>) -> Bool) -> Bool {
    isSkipping = false
    guard !partial.isEmpty else { return true }
    let length = partial.last == UInt8(ascii: "\r") ? partial.count - 1 : partial.count
    guard body(.unterminated, partial.span.extracting(0..<length)) else { return false }
    partial = []
    return true
  }

  /// Hands out one whole line, given without its LF, as the policy for its length wants.
  private func deliver(_ line: Span<UInt8>, _ body: (Frame, Span<UInt8>) -> Bool) -> Bool {
    var line = line
    if line.count > 0, line[line.count - 1] == UInt8(ascii: "\r") { line = line.extracting(0..<line.count - 1) }
    if line.count <= maximumLineBytes { return body(.line, line) }
    switch overlong {
    case .skip: return body(.tooLong, line.extracting(0..<0))
    case .split:
      // A piece once accepted cannot be taken back, so a receiver that refuses frames has to use `.skip`.
      while line.count > maximumLineBytes {
        let cut = Self.cut(line, atMost: maximumLineBytes)
        _ = body(.line, line.extracting(0..<cut))
        line = line.extracting(cut..<line.count)
      }
      return body(.line, line)
    }
  }

  /// Keeps the start of a line for later. Returns how many of `bytes` were taken in.
  private mutating func hold(_ bytes: Span<UInt8>, _ body: (Frame, Span<UInt8>) -> Bool) -> Int {
    if isSkipping { return bytes.count }
    // One byte over the limit is still fine if it is the CR of a line end.
    let allowed = bytes[bytes.count - 1] == UInt8(ascii: "\r") ? maximumLineBytes + 1 : maximumLineBytes
    if partial.count + bytes.count <= allowed {
      Self.append(bytes, to: &partial)
      return bytes.count
    }
    switch overlong {
    case .skip:
      guard body(.tooLong, bytes.extracting(0..<0)) else { return 0 }
      partial = []
      isSkipping = true
    case .split:
      Self.append(bytes, to: &partial)
      var start = 0
      while partial.count - start > allowed {
        let rest = partial.span.extracting(start..<partial.count)
        let cut = Self.cut(rest, atMost: maximumLineBytes)
        _ = body(.line, rest.extracting(0..<cut))
        start += cut
      }
      partial.removeFirst(start)
    }
    return bytes.count
  }

  /// The largest length up to `limit` at which `bytes` can be cut without splitting a code point.
  private static func cut(_ bytes: Span<UInt8>, atMost limit: Int) -> Int {
    var cut = limit
    while cut > limit - 3, cut > 1, bytes[cut] & 0xC0 == 0x80 { cut -= 1 }
    return bytes[cut] & 0xC0 == 0x80 ? limit : cut
  }

  private static func append(_ bytes: Span<UInt8>, to partial: inout [UInt8]) {
    bytes.withUnsafeBufferPointer { partial.append(contentsOf: $0) }
  }

  package static func firstNewline(in bytes: Span<UInt8>) -> Int? {
    bytes.withUnsafeBytes { raw in
      guard let start = raw.baseAddress, let found = memchr(start, CInt(UInt8(ascii: "\n")), raw.count) else {
        return nil
      }
      return UnsafeRawPointer(found) - start
    }
  }
}

extension LineFramer {
  /// Goes on with a stream that another program's framer has cut so far.
  package init(
    from reader: inout StateReader, maximumLineBytes: Int, overlong: Overlong
  ) throws(StateError) {
    self.init(maximumLineBytes: maximumLineBytes, overlong: overlong)
    (partial, isSkipping, hasSeenNewline) = (try reader.read(), try reader.read(), try reader.read())
  }

  package func write(to writer: inout StateWriter) { writer.write(partial, isSkipping, hasSeenNewline) }
}
