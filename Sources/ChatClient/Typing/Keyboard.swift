import ChatWire

/// The bytes of the keyboard. None is read before it is needed, because what is typed after the client has gone is for the shell.
/// For the input thread alone.
struct Keyboard {
  /// Milliseconds that the next byte of a key is waited for; after ESC alone none comes.
  private static let timeoutMilliseconds: CInt = 50
  /// Bytes of one key at most.
  private static let maximumKeyBytes = 32

  /// Bytes that were read and not used yet.
  private var ahead: [UInt8] = []

  var hasByte: Bool { !ahead.isEmpty }

  /// - Returns: nil where there is nothing now.
  mutating func next() throws(SystemCallError) -> UInt8? { try next(atMost: 1).first }

  mutating func next(atMost count: Int) throws(SystemCallError) -> [UInt8] {
    if ahead.isEmpty { return try Terminal.readKeys(atMost: count) }
    defer { ahead.removeFirst(min(count, ahead.count)) }
    return Array(ahead.prefix(count))
  }

  /// Gives bytes back, to be read next.
  mutating func putBack(_ bytes: [UInt8]) { ahead = bytes + ahead }

  /// After an ESC: the other bytes of the key that it begins; none where somebody pressed ESC itself.
  mutating func restOfKey() throws(SystemCallError) -> [UInt8] {
    var key: [UInt8] = []
    while key.count < Self.maximumKeyBytes, hasByte || Terminal.hasKey(within: Self.timeoutMilliseconds) {
      guard let byte = try next() else { break }
      // A key of several bytes is all ASCII, and no control.
      guard (0x20..<0x7F).contains(byte) else {
        putBack([byte])
        break
      }
      key.append(byte)
      let isIntroducer = key.count == 1 && (byte == UInt8(ascii: "[") || byte == UInt8(ascii: "O"))
      if !isIntroducer && (key[0] != UInt8(ascii: "[") || byte >= 0x40) { break }
    }
    return key
  }
}
