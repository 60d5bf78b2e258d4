import Glibc

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): the same seed, the same numbers.
package struct SeededRandom: RandomNumberGenerator {
  package let seed: UInt64
  private var state: UInt64

  package init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  /// A new seed each time, printed so that a failure can be repeated with `TEST_SEED=0x… swift test`.
  package static func printed(for name: String) -> SeededRandom {
    let wanted = getenv("TEST_SEED").flatMap { UInt64(String(cString: $0).drop { $0 == "0" || $0 == "x" }, radix: 16) }
    let seed = wanted ?? UInt64.random(in: 0...UInt64.max)
    print("\(name): TEST_SEED=0x\(String(seed, radix: 16))")
    return SeededRandom(seed: seed)
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
