/// Makes text from a peer harmless: nothing in it can move a cursor, change a colour, ring a bell, turn the reading direction
/// or start a new line. Both ends use it: the server once for everybody, the client again before its terminal.
///
/// - Malformed UTF-8 becomes U+FFFD, one for each maximal subpart (The Unicode Standard, 3.9, "U+FFFD Substitution").
/// - C0 controls but TAB, and DEL, are shown as `^A`, `^[`, `^?`.
/// - C1 controls, all bidi controls (Unicode Standard Annex #9, 2), and the line and paragraph separators are shown as
///   `<U+202E>`.
/// - Everything else passes unchanged, emoji sequences and combining marks included.
///
/// Idempotent: making a safe text safe again changes nothing.
package enum SafeText {
  /// How many bytes at the start of `bytes` are printable ASCII or TAB, and so safe as they stand.
  package static func plainPrefix(_ bytes: Span<UInt8>) -> Int {
    bytes.withUnsafeBytes { raw in
      var index = 0
      // Eight bytes in a word, two words at a time. The top bit of `odd` is set for a byte below 0x20, for DEL, and for any
      // byte beyond ASCII; where a borrow or carry sets a neighbour's too, or the byte is a TAB, the loop below looks closer.
      let ones: UInt64 = 0x0101_0101_0101_0101
      let tops: UInt64 = 0x8080_8080_8080_8080
      func odd(_ offset: Int) -> UInt64 {
        let word = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        return (word &- ones &* 0x20) | (word &+ ones) | word
      }
      while true {
        while index &+ 16 <= raw.count, (odd(index) | odd(index &+ 8)) & tops == 0 { index &+= 16 }
        if index &+ 8 <= raw.count, odd(index) & tops == 0 { index &+= 8 }
        // The last few are looked at together with some before them.
        if index &+ 8 > raw.count, raw.count >= 8, odd(raw.count &- 8) & tops == 0 { return raw.count }
        let stop = min(index + 8, raw.count)
        while index < stop, isPlain(raw[index]) { index += 1 }
        if index < stop || index == raw.count { return index }
      }
    }
  }

  /// Whether `bytes` are well-formed UTF-8 without a NUL: text, that is, whatever it may say.
  package static func isText(_ bytes: Span<UInt8>) -> Bool {
    var index = plainPrefix(bytes)
    while index < bytes.count {
      guard case .scalar(let value, let length) = decode(bytes, at: index), value != 0 else { return false }
      index += length
    }
    return true
  }

  /// Appends `bytes`, made safe, to `output`.
  package static func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
    var index = 0
    while index < bytes.count {
      let plain = plainPrefix(bytes.extracting(index..<bytes.count))
      bytes.extracting(index..<index + plain).withUnsafeBufferPointer { output.append(contentsOf: $0) }
      index += plain
      guard index < bytes.count else { return }
      switch decode(bytes, at: index) {
      case .scalar(let value, let length):
        if isHarmless(value) {
          for offset in index..<index + length { output.append(bytes[offset]) }
        } else {
          appendVisible(value, to: &output)
        }
        index += length
      case .malformed(let length):
        output.append(contentsOf: [0xEF, 0xBF, 0xBD])
        index += length
      }
    }
  }

  /// `bytes` made safe.
  package static func made(from bytes: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    append(bytes.span, to: &output)
    return output
  }

  private static func isPlain(_ byte: UInt8) -> Bool { (0x20...0x7E).contains(byte) || byte == 0x09 }

  private static func isHarmless(_ value: UInt32) -> Bool {
    switch value {
    case 0x09: true
    case 0..<0x20, 0x7F...0x9F: false
    case 0x2028, 0x2029: false
    case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: false
    default: true
    }
  }

  private static func appendVisible(_ value: UInt32, to output: inout [UInt8]) {
    if value < 0x80 {
      output.append(UInt8(ascii: "^"))
      output.append(UInt8(value) ^ 0x40)
    } else {
      let digits = String(value, radix: 16, uppercase: true)
      output.append(contentsOf: "<U+".utf8)
      for _ in digits.utf8.count..<4 { output.append(UInt8(ascii: "0")) }
      output.append(contentsOf: digits.utf8)
      output.append(UInt8(ascii: ">"))
    }
  }

  private enum Decoded {
    case scalar(UInt32, length: Int)
    /// So many bytes are a maximal subpart: as much as could begin a well-formed sequence, at least one.
    case malformed(length: Int)
  }

  /// Decodes one code point by the table of well-formed sequences (The Unicode Standard, table 3-7).
  private static func decode(_ bytes: Span<UInt8>, at index: Int) -> Decoded {
    let lead = bytes[index]
    let length: Int
    var value: UInt32
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch lead {
    case 0x00...0x7F: return .scalar(UInt32(lead), length: 1)
    case 0xC2...0xDF: (length, value) = (2, UInt32(lead & 0x1F))
    case 0xE0...0xEF:
      (length, value) = (3, UInt32(lead & 0x0F))
      if lead == 0xE0 { second = 0xA0...0xBF }
      if lead == 0xED { second = 0x80...0x9F }
    case 0xF0...0xF4:
      (length, value) = (4, UInt32(lead & 0x07))
      if lead == 0xF0 { second = 0x90...0xBF }
      if lead == 0xF4 { second = 0x80...0x8F }
    default: return .malformed(length: 1)
    }
    for offset in 1..<length {
      guard index + offset < bytes.count else { return .malformed(length: offset) }
      let byte = bytes[index + offset]
      guard (offset == 1 ? second : 0x80...0xBF).contains(byte) else { return .malformed(length: offset) }
      value = value << 6 | UInt32(byte & 0x3F)
    }
    return .scalar(value, length: length)
  }
}
