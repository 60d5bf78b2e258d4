import TestSupport
import Testing

@testable import ChatServer
@testable import ChatWire

struct LogTimesTests {
  @Test
  func `The log knows in which minute each kept line was said, and where the last lines and those since then begin`() {
    var random = SeededRandom.printed(for: "log times")
    for round in 0..<20 {
      var room = Room(logBytes: [64, 1024, 4096][round % 3])
      let speaker = room.joined("a")
      speaker.cursor.end(with: room.log)
      room.remove(speaker)
      var minute: Int32?
      var lines: [(start: LogOffset, minute: Int32?)] = []
      for step in 0..<2000 {
        if step > 100, random.next() % 5 == 0 {
          minute = (minute ?? 29_000_000) + Int32(random.next() % 3)
          room.mark(minute: minute ?? 0)
        }
        let start = room.log.head
        let text = String(repeating: "x", count: Int(random.next() % (random.next() % 20 == 0 ? 60 : 8)))
        room.hear(text, by: speaker)
        lines.append((start, minute))
        guard step % 50 == 0 else { continue }
        let (tail, head) = (room.log.tail, room.log.head)
        let kept = lines.filter { $0.start >= tail }
        let minutes = kept.map { room.log.minute(at: $0.start) }
        // The oldest of more marks than the bound are dropped, and then no minute is known.
        let known = minutes.drop { $0 == nil }
        #expect(Array(known) == kept.suffix(known.count).map(\.minute))
        if step < room.log.capacity / 64 { #expect(minutes == kept.map(\.minute)) }
        let numbers = kept.map { room.log.line(at: $0.start) }
        #expect(numbers == Array((lines.count - kept.count)..<lines.count))
        for count in [-1, 0, 1, 2, kept.count - 1, kept.count, kept.count + 1, .max] {
          let expected = count <= 0 ? head : kept.suffix(count).first?.start ?? head
          let start = room.log.start(ofLast: count)
          #expect(start == expected, "the last \(count) of \(kept.count)")
        }
        for wanted in Set(known.compactMap(\.self)) {
          let start = room.log.start(sinceMinute: wanted)
          #expect(start == kept.first { ($0.minute ?? 0) >= wanted }?.start)
        }
        let future = room.log.start(sinceMinute: .max)
        #expect(future == head)
      }
    }
  }

  @Test func `A minute in which nothing was said is not remembered`() {
    var log = RoomLog(capacity: 1024)
    for minute: Int32 in 1...5 { log.mark(minute: minute) }
    log.append(Array("a: ".utf8), Array("hi".utf8).span)
    let (first, since) = (log.minute(at: LogOffset(0)), log.start(sinceMinute: 3))
    #expect(first == 5)
    #expect(since == LogOffset(0))
  }

  @Test func `Lines of an earlier session are there before anybody is, the last ones if they are too many`() {
    var room = Room(logBytes: 1024)
    let rest = "\u{1B}" + String(repeating: "y", count: 200)
    for number in 0..<20 {
      room.restore(Array("a: line \(number) \(rest)".utf8).span, minute: Int32(100 + number))
    }
    room.restore([UInt8](repeating: UInt8(ascii: "x"), count: 1024).span, minute: 200)
    let listener = room.joined("b")
    room.mark(minute: 300)
    room.hear("new", by: room.joined("c"))
    #expect(listener.stream(in: room) == "c: new\n")
    let start = room.log.start(ofLast: 3)
    var lines: [UInt8] = []
    room.log.forEachPiece(from: start, to: room.log.head) { lines += $0 }
    let said = String(decoding: lines, as: UTF8.self)
    #expect(said.hasPrefix("a: line 18 ") && said.contains("\na: line 19 ") && said.hasSuffix("\nc: new\n"))
    #expect(!said.contains("\u{1B}"))
    let minutes = [room.log.minute(at: start), room.log.minute(at: room.log.start(ofLast: 1))]
    #expect(minutes == [118, 300])
  }
}
