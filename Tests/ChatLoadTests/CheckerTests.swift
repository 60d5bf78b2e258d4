import Testing

@testable import ChatLoad

/// Streams that a server might have sent, made up.
@Suite(.timeLimit(.minutes(10)))
struct CheckerTests {
  static let textBytes = 63

  static func text(_ sender: UInt32, _ sequence: UInt32, time: UInt64 = 100) -> [UInt8] {
    StampTests.text(Stamp(sender: sender, sequence: sequence, time: time)) + Stamp.padding(textBytes - Stamp.bytes)
  }

  /// What the checker says of one receiver that gets `texts`, where each of `senders` senders should have sent `lines`.
  static func flaws(_ texts: [[UInt8]], senders: Int = 1, lines: Int) -> (flaws: Flaws, deliveries: Int) {
    var checker = Checker(receivers: 1, senders: senders, textBytes: textBytes)
    for text in texts {
      text.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        _ = checker.received(base, by: 0, at: 1000)
      }
    }
    checker.finish(lines: senders * lines)
    return (checker.flaws, checker.deliveries)
  }

  @Test func `Whole lines in order have no flaw`() {
    let result = Self.flaws((0..<10).map { Self.text(0, $0) }, lines: 10)
    #expect(result.flaws == Flaws())
    #expect(result.deliveries == 10)
  }

  @Test func `Senders may take turns as they like`() {
    let result = Self.flaws(
      [Self.text(1, 0), Self.text(0, 0), Self.text(1, 1), Self.text(0, 1)], senders: 2, lines: 2)
    #expect(result.flaws == Flaws())
  }

  @Test(arguments: 0..<10)
  func `A line that is missing is lost, wherever it is missing`(missing: Int) {
    let texts = (0..<10).filter { $0 != missing }.map { Self.text(0, UInt32($0)) }
    let result = Self.flaws(texts, lines: 10)
    #expect(result.flaws == Flaws(lost: 1))
    #expect(result.deliveries == 9)
  }

  @Test(arguments: 0..<10)
  func `A line that comes again is doubled`(again: Int) {
    var texts = (0..<10).map { Self.text(0, UInt32($0)) }
    texts.insert(texts[again], at: again + 1)
    let result = Self.flaws(texts, lines: 10)
    #expect(result.flaws == Flaws(doubled: 1))
    #expect(result.deliveries == 10)
  }

  @Test(arguments: 0..<9)
  func `A line that comes late is out of order, and not lost`(late: Int) {
    var texts = (0..<10).map { Self.text(0, UInt32($0)) }
    texts.append(texts.remove(at: late))
    let result = Self.flaws(texts, lines: 10)
    #expect(result.flaws == Flaws(outOfOrder: 1))
    #expect(result.deliveries == 10)
  }

  @Test func `A line that comes late and then again is both`() {
    let result = Self.flaws([0, 2, 3, 1, 1].map { Self.text(0, $0) }, lines: 4)
    #expect(result.flaws == Flaws(doubled: 1, outOfOrder: 1))
  }

  @Test func `In a gap, a line that still comes is out of order, and the rest is lost`() {
    let result = Self.flaws([0, 5, 3].map { Self.text(0, $0) }, lines: 6)
    #expect(result.flaws == Flaws(lost: 3, outOfOrder: 1))
  }

  @Test(arguments: 0..<textBytes)
  func `A changed byte tears a line, wherever it is`(position: Int) {
    var texts = (0..<3).map { Self.text(0, $0) }
    texts[1][position] = UInt8(ascii: "!")
    #expect(Self.flaws(texts, lines: 3).flaws == Flaws(lost: 1, torn: 1))
  }

  @Test func `Text that has lost a byte and taken one from the next line is torn`() {
    var text = Self.text(0, 0)
    text.remove(at: 40)
    text.append(UInt8(ascii: "q"))
    #expect(Self.flaws([text], lines: 1).flaws == Flaws(lost: 1, torn: 1))
  }

  @Test func `A line of an unknown sender is torn`() {
    #expect(Self.flaws([Self.text(7, 0)], senders: 2, lines: 0).flaws.torn == 1)
  }

  @Test func `A probe is no line of the load`() {
    let result = Self.flaws([Self.text(Stamp.probe, 0)], lines: 0)
    #expect(result.flaws == Flaws())
    #expect(result.deliveries == 0)
  }

  @Test func `Latency is the time from the stamp to the reading`() {
    var checker = Checker(receivers: 2, senders: 1, textBytes: Self.textBytes)
    for (receiver, time) in [UInt64(150), 400].enumerated() {
      Self.text(0, 0, time: 100).withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        _ = checker.received(base, by: receiver, at: time)
      }
    }
    #expect(checker.latency.percentile(0.5) == 50)
    #expect(checker.latency.maximum == 300)
  }

  @Test func `The slowest receiver is the one with the fewest lines, its own counted`() {
    var checker = Checker(receivers: 3, senders: 1, textBytes: Self.textBytes)
    checker.sent(by: 0)
    checker.sent(by: 0)
    #expect(checker.slowestProgress() == 0)
    for receiver in 1...2 {
      Self.text(0, 0).withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        _ = checker.received(base, by: receiver, at: 0)
      }
    }
    #expect(checker.slowestProgress() == 1)
  }
}
