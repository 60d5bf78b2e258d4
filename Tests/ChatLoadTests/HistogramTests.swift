import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct HistogramTests {
  @Test func `A percentile is as near to the exact one as is promised`() {
    var generator = SeededRandom(seed: 1)
    // From nanoseconds to seconds, each size as likely as the next.
    let durations = (0..<20_000).map { _ in
      UInt64.random(in: 0..<(1 << UInt64.random(in: 1...32, using: &generator)), using: &generator)
    }
    var histogram = Histogram()
    for duration in durations { histogram.record(duration) }

    let sorted = durations.sorted()
    for fraction in [0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1] {
      let exact = Double(sorted[Int((fraction * Double(sorted.count)).rounded(.up)) - 1])
      let found = Double(histogram.percentile(fraction))
      #expect(abs(found - exact) <= exact * Histogram.precision, "at \(fraction): \(found) instead of \(exact)")
    }
    #expect(histogram.maximum == sorted.last)
    #expect(histogram.count == sorted.count)
  }

  @Test(arguments: 0..<40)
  func `Each duration has a bucket within the promised precision`(bits: Int) {
    let power = UInt64(1) << UInt64(bits)
    let durations: [UInt64] = [power, power + 1, power * 2 - 1]
    for duration in durations {
      var histogram = Histogram()
      histogram.record(duration)
      // A longer one, so that the maximum does not hide a bucket that is too high.
      histogram.record(duration * 4)
      let found = Double(histogram.percentile(0.5))
      let exact = Double(duration)
      #expect(abs(found - exact) <= exact * Histogram.precision)
    }
  }

  @Test func `A histogram of nothing has only zeros`() {
    #expect(Histogram().percentile(0.5) == 0)
    #expect(Histogram().maximum == 0)
  }

  @Test func `A duration beyond all measure is kept as the maximum`() {
    var histogram = Histogram()
    histogram.record(.max)
    #expect(histogram.maximum == .max)
    #expect(histogram.percentile(0.5) > 1 << 39)
  }
}
