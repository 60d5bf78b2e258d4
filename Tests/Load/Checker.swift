import Glibc
import TestSupport

/// What was wrong with the lines that arrived, each counted once for every receiver that it happened to.
package struct Flaws: Sendable, Equatable {
  /// Never arrived.
  package var lost = 0
  /// Arrived again.
  package var doubled = 0
  /// Arrived changed, cut or mixed with others.
  package var torn = 0
  /// Arrived after a later line of the same sender.
  package var outOfOrder = 0

  package var total: Int { lost + doubled + torn + outOfOrder }
}

/// Checks every line that any receiver gets: whether it is whole, and the next one of its sender. (`Ledger` checks more, but
/// only of our own server: one order for all, and the count of skipped lines.)
///
/// It keeps one number for each pair of sender and receiver, and allocates nothing while all is well.
struct Checker: ~Copyable {
  private let receivers: Int
  private let senders: Int
  /// What follows the stamp in every line.
  private let padding: UnsafeRawBufferPointer
  /// For each receiver, for each sender: the sequence number that has to come next.
  /// A `var`, like `progress`, for the reason given in `LoadRun`.
  private var expected: UnsafeMutablePointer<UInt32>
  /// For each receiver: lines it no longer waits for, because they came, were lost, or are its own.
  private var progress: UnsafeMutableBufferPointer<Int>
  /// Skipped sequence numbers, by index in `expected`: lost unless they still come.
  private var missing: [Int: [Range<UInt32>]] = [:]

  private(set) var flaws = Flaws()
  /// Lines that arrived whole and for the first time.
  private(set) var deliveries = 0
  /// From the time that a line was sent, or was due to be sent, until it had been read here.
  private(set) var latency = Histogram()

  /// - Parameter textBytes: the bytes of a line's text: stamp and padding.
  init(receivers: Int, senders: Int, textBytes: Int) {
    self.receivers = receivers
    self.senders = senders
    let text = Stamp.padding(textBytes - Stamp.bytes)
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: text.count, alignment: 1)
    copy.copyBytes(from: text)
    padding = UnsafeRawBufferPointer(copy)
    expected = .allocate(capacity: receivers * senders)
    expected.initialize(repeating: 0, count: receivers * senders)
    progress = .allocate(capacity: receivers)
    progress.initialize(repeating: 0)
  }

  deinit {
    padding.deallocate()
    expected.deallocate()
    progress.deallocate()
  }

  /// The least of `progress`.
  func slowestProgress() -> Int {
    var least = Int.max
    for lines in progress where lines < least { least = lines }
    return least
  }

  /// A receiver has itself sent a line, and so will not hear it.
  mutating func sent(by receiver: Int) { progress[receiver] &+= 1 }

  /// A line's text, as `receiver` got it at `time` (nanoseconds).
  /// - Returns: the line's sender if it is a probe, and so no part of the load.
  @inline(__always)
  mutating func received(_ text: UnsafeRawPointer, by receiver: Int, at time: UInt64) -> Bool {
    guard let stamp = Stamp(reading: text), isPadding(text + Stamp.bytes) else {
      flaws.torn += 1
      return false
    }
    guard stamp.sender < UInt32(truncatingIfNeeded: senders) else {
      if stamp.sender == Stamp.probe { return true }
      flaws.torn += 1
      return false
    }
    let place = receiver &* senders &+ Int(stamp.sender)
    guard stamp.sequence == expected[place] else {
      outOfTurn(stamp, place: place, receiver: receiver, time: time)
      return false
    }
    expected[place] &+= 1
    progress[receiver] &+= 1
    deliveries &+= 1
    latency.record(time > stamp.time ? time &- stamp.time : 0)
    return false
  }

  /// Counts something that is no line at all.
  mutating func receivedTorn() { flaws.torn += 1 }

  /// Counts as lost what is missing of the `lines` lines that every receiver should have by now.
  mutating func finish(lines: Int) {
    for done in progress { flaws.lost += max(0, lines - done) }
  }

  @inline(never)
  private mutating func outOfTurn(_ stamp: Stamp, place: Int, receiver: Int, time: UInt64) {
    let next = expected[place]
    if stamp.sequence > next {
      flaws.lost += Int(stamp.sequence - next)
      missing[place, default: []].append(next..<stamp.sequence)
      progress[receiver] += Int(stamp.sequence - next) + 1
      expected[place] = stamp.sequence &+ 1
    } else if let index = missing[place]?.firstIndex(where: { $0.contains(stamp.sequence) }),
      let range = missing[place]?[index]
    {
      let halves = [range.lowerBound..<stamp.sequence, stamp.sequence + 1..<range.upperBound].filter { !$0.isEmpty }
      missing[place]?.replaceSubrange(index...index, with: halves)
      flaws.lost -= 1
      flaws.outOfOrder += 1
    } else {
      flaws.doubled += 1
      return
    }
    deliveries += 1
    latency.record(time > stamp.time ? time - stamp.time : 0)
  }

  @inline(__always)
  private func isPadding(_ text: UnsafeRawPointer) -> Bool {
    guard let base = padding.baseAddress else { return true }
    return memcmp(text, base, padding.count) == 0
  }
}
