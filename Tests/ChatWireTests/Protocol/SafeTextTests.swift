import ChatWire
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct SafeTextTests {
  @Test(arguments: NamedSequence.all) func `Each named sequence is shown as it should be`(sequence: NamedSequence) {
    #expect(String(decoding: SafeText.made(from: sequence.bytes), as: UTF8.self) == sequence.shown)
    // String compares by canonical equivalence: the bytes have to be the same too.
    #expect(SafeText.made(from: sequence.bytes) == Array(sequence.shown.utf8))
  }

  @Test(arguments: NamedSequence.all) func `A sequence is shown the same within text`(sequence: NamedSequence) {
    let (before, after) = ("seventeen letters", "and more after it")
    let made = SafeText.made(from: Array(before.utf8) + sequence.bytes + Array(after.utf8))
    #expect(made == Array((before + sequence.shown + after).utf8))
  }

  @Test(arguments: NamedSequence.all) func `Safe text made safe again is the same`(sequence: NamedSequence) {
    let once = SafeText.made(from: sequence.bytes)
    #expect(SafeText.made(from: once) == once)
  }

  @Test func `Text is well-formed UTF-8 without NUL, whatever it says`() {
    for sequence in NamedSequence.malformed { #expect(!isText(sequence.bytes), "\(sequence.name)") }
    for sequence in NamedSequence.all.dropFirst(NamedSequence.malformed.count) where sequence.bytes != [0] {
      #expect(isText(sequence.bytes), "\(sequence.name)")
    }
    #expect(!isText([0x61, 0x00]))
    #expect(!isText([0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0xE2, 0x82]))
  }

  @Test func `Appending leaves what is there`() {
    var output = Array("before ".utf8)
    SafeText.append(Array("\u{7}after".utf8).span, to: &output)
    #expect(output == Array("before ^Gafter".utf8))
  }

  @Test func `The plain prefix is what a loop finds, for every byte at every place`() throws {
    func naive(_ bytes: ArraySlice<UInt8>) -> Int {
      bytes.prefix { ($0 >= 0x20 && $0 < 0x7F) || $0 == 0x09 }.count
    }
    for value in UInt8.min...UInt8.max {
      for place in 0..<20 {
        var bytes = Array("\tplain text of 30 bytes, ~ too".utf8)
        bytes[place] = value
        for start in 0...9 {
          let expected = naive(bytes[start...])
          let found = SafeText.plainPrefix(bytes.span.extracting(start..<bytes.count))
          try #require(found == expected, "byte \(value) at \(place), from \(start)")
        }
      }
    }
    let text = Array("a\tbcdefg\u{7F}hijklmnopqrstu\u{E9}vwxyz\u{1}".utf8)
    for start in 0...text.count {
      for end in start...text.count {
        let found = SafeText.plainPrefix(text.span.extracting(start..<end))
        try #require(found == naive(text[start..<end]), "\(start)..<\(end)")
      }
    }
  }

  @Test func `Whatever bytes come, what goes out is harmless, and repaired as Swift repairs it`() throws {
    var random = SeededRandom.printed(for: "SafeText")
    // Half of the bytes are those that a decoder can err about.
    let delicate: [UInt8] = [
      0x00, 0x09, 0x0A, 0x0D, 0x1B, 0x20, 0x41, 0x7E, 0x7F, 0x80, 0x85, 0x8F, 0x90, 0x9B, 0x9F, 0xA0, 0xA8, 0xAE, 0xBF,
      0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xE2, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF,
    ]
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        Bool.random(using: &random)
          ? delicate.randomElement(using: &random)! : UInt8.random(in: 0...255, using: &random)
      }
      let made = SafeText.made(from: bytes)
      let text = try #require(String(validating: made, as: UTF8.self), "\(bytes)")
      try #require(text.unicodeScalars.allSatisfy(isHarmless), "\(bytes)")
      try #require(SafeText.made(from: made) == made, "\(bytes)")
      try #require(made == SafeText.made(from: Array(String(decoding: bytes, as: UTF8.self).utf8)), "\(bytes)")
      let isWellFormed = String(validating: bytes, as: UTF8.self) != nil
      try #require(isText(bytes) == (isWellFormed && !bytes.contains(0)), "\(bytes)")
    }
  }

  private func isText(_ bytes: [UInt8]) -> Bool { SafeText.isText(bytes.span) }

  /// By Unicode's own properties, not by the ranges that the code under test has.
  private func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control: scalar == "\t"
    case .lineSeparator, .paragraphSeparator: false
    default: !scalar.properties.isBidiControl
    }
  }
}
