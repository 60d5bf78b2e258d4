import ChatWire

/// The bytes of the keyboard, and the keys that they are. None is read before it is needed, because what is typed after the client has
/// gone is for the shell. For the input thread alone.
struct Keyboard {
  enum Key {
    /// Of a character, or a control.
    case byte(UInt8)
    case sequence(KeySequence)

    /// The byte of a character, if it is one.
    var character: UInt8? {
      switch self {
      case .byte(let byte), .sequence(.character(let byte)): byte
      case .sequence: nil
      }
    }
  }

  /// How long the next byte behind an ESC is waited for; after ESC alone none comes.
  private static let pause = Duration.milliseconds(50)
  /// How long what looks like a terminal's answer may take in all, because it may be text after all.
  private static let patience = Duration.milliseconds(200)

  /// What has come behind an ESC.
  private struct Begun {
    var reader = KeySequenceReader()
    let at = Moment.now
    var lastByteAt = Moment.now
  }

  /// Bytes that were read and not used yet, and a key that was given back, which comes before them.
  private var ahead: [UInt8] = []
  private var returned: Key?
  private var begun: Begun?

  var hasByte: Bool { returned != nil || !ahead.isEmpty }

  /// The next key, as far as it is there: nil if it is not whole yet, or there is none.
  mutating func nextKey() throws(SystemCallError) -> Key? {
    if let key = returned {
      returned = nil
      return key
    }
    guard let byte = try next() else { return nil }
    guard var begun else {
      if byte == 0x1B { self.begun = Begun() } else { return .byte(byte) }
      return nil
    }
    let outcome = begun.reader.take(byte)
    begun.lastByteAt = .now
    self.begun = begun
    return key(of: outcome)
  }

  /// When what has come behind an ESC is a key, although more might follow.
  var deadline: Moment {
    guard let begun, case .whole = begun.reader.end() else { return .never }
    return min(begun.lastByteAt + Self.pause, begun.at + Self.patience)
  }

  /// That key, once the deadline has passed.
  mutating func overdueKey() -> Key? {
    guard let begun, deadline.hasPassed else { return nil }
    return key(of: begun.reader.end())
  }

  private mutating func key(of outcome: KeySequenceReader.Outcome) -> Key? {
    guard case .whole(let sequence, let rest) = outcome else { return nil }
    begun = nil
    putBack(rest)
    return .sequence(sequence)
  }

  /// Gives a key back, to come next.
  mutating func putBack(_ key: Key) { returned = key }

  /// - Returns: nil where there is nothing now.
  mutating func next() throws(SystemCallError) -> UInt8? { try next(atMost: 1).first }

  mutating func next(atMost count: Int) throws(SystemCallError) -> [UInt8] {
    if ahead.isEmpty { return try Terminal.readKeys(atMost: count) }
    defer { ahead.removeFirst(min(count, ahead.count)) }
    return Array(ahead.prefix(count))
  }

  /// Gives bytes back, to be read next.
  mutating func putBack(_ bytes: [UInt8]) { ahead = bytes + ahead }
}
