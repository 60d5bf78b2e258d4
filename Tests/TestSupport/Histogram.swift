/// How often each duration occurred, in bounded memory.
///
/// Below `linear` every nanosecond has a bucket of its own. Above, each doubling is cut into `linear` buckets of one
/// width, so a percentile is at most `precision` away from the exact one; the maximum is exact.
package struct Histogram: Sendable {
  private static let linearBits = 7
  private static let linear = 1 << linearBits
  /// Doublings that have buckets; longer than 2^40 ns (18 minutes) counts as that.
  private static let longestBits = 40

  /// The most that a percentile differs from the exact one, as a fraction of it: half a bucket.
  package static let precision = 0.5 / Double(linear)

  private var counts = [Int](repeating: 0, count: (longestBits - linearBits + 1) << linearBits)
  package private(set) var count = 0
  /// The longest duration, in nanoseconds.
  package private(set) var maximum: UInt64 = 0

  package init() {}

  package mutating func record(_ nanoseconds: UInt64) {
    let value = min(nanoseconds, 1 << Self.longestBits - 1)
    counts.withUnsafeMutableBufferPointer { $0[Self.bucket(of: value)] &+= 1 }
    count &+= 1
    if nanoseconds > maximum { maximum = nanoseconds }
  }

  /// The nanoseconds that a share `fraction` of the durations do not exceed; 0 if there are none.
  package func percentile(_ fraction: Double) -> UInt64 {
    guard count > 0 else { return 0 }
    let rank = max(1, Int((fraction * Double(count)).rounded(.up)))
    var seen = 0
    for (bucket, count) in counts.enumerated() {
      seen += count
      if seen >= rank { return min(Self.middle(of: bucket), maximum) }
    }
    return maximum
  }

  private static func bucket(of value: UInt64) -> Int {
    guard value >= linear else { return Int(value) }
    let shift = 63 - value.leadingZeroBitCount - linearBits
    return shift << linearBits + Int(value >> UInt64(shift))
  }

  private static func middle(of bucket: Int) -> UInt64 {
    guard bucket >= 2 * linear else { return UInt64(bucket) }
    let shift = bucket >> linearBits - 1
    return UInt64(linear + bucket & (linear - 1)) << UInt64(shift) + (1 << UInt64(shift)) / 2
  }
}

extension Histogram {
  /// The same in milliseconds.
  package func milliseconds(_ fraction: Double) -> Double { Double(percentile(fraction)) / 1e6 }

  package var described: String {
    "p50 \(milliseconds(0.5).rounded(to: 1)) ms, p99 \(milliseconds(0.99).rounded(to: 1)) ms, "
      + "longest \((Double(maximum) / 1e6).rounded(to: 1)) ms"
  }
}

extension Double {
  package func rounded(to digits: Int) -> String {
    let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
    return "\((self * scale).rounded() / scale)"
  }
}
