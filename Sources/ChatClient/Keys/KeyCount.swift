/// Counts the keys that commands are told of, so that one knows whether another came right before; and keeps the number that was typed
/// with Alt before a key, for how often it is to act, because libedit tells its own commands alone.
package struct KeyCount {
  private static let maximumRepeats = 1000

  package private(set) var number = 0
  /// As typed so far.
  private var typed: Int?
  /// Whether the last key was a digit of it.
  private var isOpen = false

  package init() {}

  /// How often the last key is to act.
  package var repeats: Int { min(max(typed ?? 1, 1), Self.maximumRepeats) }

  package mutating func note(_ sequence: KeySequence) {
    if case .alt(let byte) = sequence { note(byte, isBehindEscape: true) } else { note(digit: nil) }
  }

  /// - Parameter isBehindEscape: whether ESC was pressed before it.
  package mutating func note(_ byte: UInt8, isBehindEscape: Bool) {
    let digit = (0x30...0x39).contains(byte) && (isBehindEscape || isOpen) ? Int(byte - 0x30) : nil
    note(digit: digit)
  }

  /// A pasted block counts as a key.
  package mutating func notePaste() { note(digit: nil) }

  private mutating func note(digit: Int?) {
    number += 1
    if let digit {
      typed = min((isOpen ? typed ?? 0 : 0) * 10 + digit, Self.maximumRepeats)
    } else if !isOpen {
      typed = nil
    }
    isOpen = digit != nil
  }
}
