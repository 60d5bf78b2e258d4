import TestSupport
import Testing

@testable import ChatLoad

@Suite(.timeLimit(.minutes(10)))
struct StampTests {
  static func text(_ stamp: Stamp) -> [UInt8] {
    var text = [UInt8](repeating: 0, count: Stamp.bytes)
    text.withUnsafeMutableBytes { bytes in bytes.baseAddress.map(stamp.write(to:)) }
    return text
  }

  static func read(_ text: [UInt8]) -> Stamp? {
    text.withUnsafeBytes { bytes in bytes.baseAddress.flatMap { Stamp(reading: $0) } }
  }

  @Test func `A stamp is read as it was written`() {
    var generator = SeededRandom(seed: 2)
    for _ in 0..<1000 {
      let stamp = Stamp(
        sender: .random(in: 0 ... .max, using: &generator), sequence: .random(in: 0 ... .max, using: &generator),
        time: .random(in: 0 ... .max, using: &generator))
      #expect(Self.read(Self.text(stamp)) == stamp)
    }
  }

  @Test func `A stamp is made of letters that any server passes on`() {
    let text = Self.text(Stamp(sender: 0x0123_4567, sequence: 0x89AB_CDEF, time: .max))
    #expect(String(decoding: text, as: UTF8.self) == "hgfedcbaponmlkjipppppppppppppppp")
  }

  @Test(arguments: 0..<Stamp.bytes)
  func `A byte that is no letter of a stamp is noticed wherever it stands`(position: Int) {
    for byte in UInt8.min ... .max {
      var text = Self.text(Stamp(sender: 3, sequence: 500, time: 123_456_789))
      text[position] = byte
      let isLetter = (UInt8(ascii: "a")...UInt8(ascii: "p")).contains(byte)
      #expect((Self.read(text) != nil) == isLetter, "byte \(byte)")
    }
  }
}
