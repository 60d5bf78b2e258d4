/// A line whose every byte follows from who said it and its number, so that whoever hears it knows whether it is whole:
/// `SPEAKER.NUMBER.` and then one letter, over and over.
package struct NumberedLine: Hashable, Sendable {
  package var speaker: UInt16
  package var number: UInt32

  package init(speaker: Int, number: Int) {
    self.speaker = UInt16(speaker)
    self.number = UInt32(number)
  }

  /// The line in at least `length` bytes, without its newline; more where its numbers take more.
  package func text(length: Int) -> [UInt8] {
    var bytes = Array("\(speaker).\(number).".utf8)
    bytes += repeatElement(fill, count: max(0, length - bytes.count))
    return bytes
  }

  private var fill: UInt8 { UInt8(ascii: "a") + UInt8(number % 26) }

  /// Reads `PORT: SPEAKER.NUMBER.…` as a member hears it.
  /// - Returns: nil if any byte is not what it has to be.
  package static func heard(_ bytes: UnsafeRawBufferPointer) -> (port: UInt16, line: NumberedLine, length: Int)? {
    var index = 0
    func integer(endedBy end: UInt8) -> Int? {
      var value = 0
      let start = index
      while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10, index - start < 10 {
        value = value * 10 + Int(bytes[index] - UInt8(ascii: "0"))
        index += 1
      }
      guard index > start, index < bytes.count, bytes[index] == end else { return nil }
      index += 1
      return value
    }
    guard let port = integer(endedBy: UInt8(ascii: ":")), index < bytes.count, bytes[index] == UInt8(ascii: " ") else {
      return nil
    }
    index += 1
    let start = index
    guard let speaker = integer(endedBy: UInt8(ascii: ".")), let number = integer(endedBy: UInt8(ascii: ".")) else {
      return nil
    }
    let line = NumberedLine(speaker: speaker, number: number)
    let fill = line.fill
    for byte in bytes[index...] where byte != fill { return nil }
    return (UInt16(port), line, bytes.count - start)
  }
}
