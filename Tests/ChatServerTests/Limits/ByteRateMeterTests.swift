import ChatWire
import Testing

@testable import ChatServer

struct ByteRateMeterTests {
  /// A sender that says `bytes` every `milliseconds`, `times` times.
  struct Sender {
    var bytes: Int
    var milliseconds: Int
    var times: Int
    var fairBytesPerSecond: Int
    /// Whether it is a bulk sender when it comes with its last piece, and how many of its pieces it came with as one.
    var bulkAtLast: Bool
    var bulkPieces: ClosedRange<Int>
  }

  @Test(arguments: [
    // A person in a crowd of a thousand: a line of 60 bytes every 2 s, for an hour.
    Sender(bytes: 60, milliseconds: 2000, times: 1800, fairBytesPerSecond: 524, bulkAtLast: false, bulkPieces: 0...0),
    // The same with the longest line there is, and among 20,000.
    Sender(bytes: 8192, milliseconds: 2000, times: 1800, fairBytesPerSecond: 26, bulkAtLast: false, bulkPieces: 0...0),
    // A fast talker: ten short lines a second.
    Sender(bytes: 40, milliseconds: 100, times: 600, fairBytesPerSecond: 524, bulkAtLast: false, bulkPieces: 0...0),
    // One of a thousand that send 1 KB every 5 ms: only its first piece passes.
    Sender(bytes: 1024, milliseconds: 5, times: 1000, fairBytesPerSecond: 524, bulkAtLast: true, bulkPieces: 999...999),
    // Small pieces are judged like large ones.
    Sender(
      bytes: 16, milliseconds: 1, times: 5000, fairBytesPerSecond: 2500, bulkAtLast: true, bulkPieces: 4700...4900),
    // Two people: one may send 256 KiB a second.
    Sender(
      bytes: 16_384, milliseconds: 100, times: 100, fairBytesPerSecond: 262_144, bulkAtLast: false, bulkPieces: 0...0),
    Sender(
      bytes: 16_384, milliseconds: 10, times: 1000, fairBytesPerSecond: 262_144, bulkAtLast: true, bulkPieces: 975...990
    ),
  ])
  func `Bytes over the last second tell a bulk sender from one who talks`(_ sender: Sender) {
    var meter = ByteRateMeter()
    var now = Moment(nanoseconds: 1_000_000_000)
    var isBulk = false
    var bulkPieces = 0
    for _ in 0..<sender.times {
      now = now + .milliseconds(sender.milliseconds)
      isBulk = meter.isBulkSender(at: now)
      if isBulk { bulkPieces += 1 }
      meter.count(sender.bytes, at: now, fairBytesPerSecond: sender.fairBytesPerSecond)
    }
    #expect(isBulk == sender.bulkAtLast)
    #expect(sender.bulkPieces.contains(bulkPieces), "\(bulkPieces)")
  }

  @Test func `A second of silence ends it, whatever was sent before`() {
    var meter = ByteRateMeter()
    let start = Moment(nanoseconds: 1_000_000_000)
    for _ in 0..<1000 { meter.count(1 << 20, at: start, fairBytesPerSecond: 1) }
    #expect(meter.isBulkSender(at: start + .milliseconds(999)))
    #expect(!meter.isBulkSender(at: start + .seconds(1)))
  }
}
