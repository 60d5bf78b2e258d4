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

  @Test("Whole lines in order have no flaw")
  func clean() {
    let result = Self.flaws((0..<10).map { Self.text(0, $0) }, lines: 10)
    #expect(result.flaws == Flaws())
    #expect(result.deliveries == 10)
  }

  @Test("Senders may take turns as they like")
  func mixedSenders() {
    let result = Self.flaws(
      [Self.text(1, 0), Self.text(0, 0), Self.text(1, 1), Self.text(0, 1)], senders: 2, lines: 2)
    #expect(result.flaws == Flaws())
  }

  @Test("A line that is missing is lost, wherever it is missing", arguments: 0..<10)
  func lost(missing: Int) {
    let texts = (0..<10).filter { $0 != missing }.map { Self.text(0, UInt32($0)) }
    let result = Self.flaws(texts, lines: 10)
    #expect(result.flaws == Flaws(lost: 1))
    #expect(result.deliveries == 9)
  }

  @Test("A line that comes again is doubled", arguments: 0..<10)
  func doubled(again: Int) {
    var texts = (0..<10).map { Self.text(0, UInt32($0)) }
    texts.insert(texts[again], at: again + 1)
    let result = Self.flaws(texts, lines: 10)
    #expect(result.flaws == Flaws(doubled: 1))
    #expect(result.deliveries == 10)
  }

  @Test("A line that comes late is out of order, and not lost", arguments: 0..<9)
  func outOfOrder(late: Int) {
    var texts = (0..<10).map { Self.text(0, UInt32($0)) }
    texts.append(texts.remove(at: late))
    let result = Self.flaws(texts, lines: 10)
    #expect(result.flaws == Flaws(outOfOrder: 1))
    #expect(result.deliveries == 10)
  }

  @Test("A line that comes late and then again is both")
  func lateTwice() {
    let result = Self.flaws([0, 2, 3, 1, 1].map { Self.text(0, $0) }, lines: 4)
    #expect(result.flaws == Flaws(doubled: 1, outOfOrder: 1))
  }

  @Test("Of a gap, what comes late is out of order and what does not is lost")
  func gap() {
    let result = Self.flaws([0, 5, 3].map { Self.text(0, $0) }, lines: 6)
    #expect(result.flaws == Flaws(lost: 3, outOfOrder: 1))
  }

  @Test("A changed byte tears a line, wherever it is", arguments: 0..<textBytes)
  func torn(position: Int) {
    var texts = (0..<3).map { Self.text(0, $0) }
    texts[1][position] = UInt8(ascii: "!")
    #expect(Self.flaws(texts, lines: 3).flaws == Flaws(lost: 1, torn: 1))
  }

  @Test("Text that has lost a byte and taken one from the next line is torn")
  func shifted() {
    var text = Self.text(0, 0)
    text.remove(at: 40)
    text.append(UInt8(ascii: "q"))
    #expect(Self.flaws([text], lines: 1).flaws == Flaws(lost: 1, torn: 1))
  }

  @Test("A sender that there is not tears a line")
  func unknownSender() {
    #expect(Self.flaws([Self.text(7, 0)], senders: 2, lines: 0).flaws.torn == 1)
  }

  @Test("A probe is no line of the load")
  func probe() {
    let result = Self.flaws([Self.text(Stamp.probe, 0)], lines: 0)
    #expect(result.flaws == Flaws())
    #expect(result.deliveries == 0)
  }

  @Test("Latency is the time from the stamp to the reading")
  func latency() {
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

  @Test("The slowest receiver is the one with the fewest lines, its own counted")
  func slowest() {
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
