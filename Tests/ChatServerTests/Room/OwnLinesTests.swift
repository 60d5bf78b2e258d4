import TestSupport
import Testing

@testable import ChatServer
@testable import ChatWire

struct OwnLinesTests {
  private struct Line {
    var start: LogOffset
    var end: LogOffset
    var number: Int
  }

  @Test func `Whatever was remembered once, what is no longer needed gives its memory back`() {
    var random = SeededRandom.printed(for: "own lines")
    for _ in 0..<50 {
      var own = OwnLines()
      var model: [Line] = []
      var head = LogOffset(0)
      var number = 0
      for phase in 0..<6 {
        for _ in 0..<Int(random.next() % 3000) {
          if random.next() % 10 < (phase % 2 == 0 ? 8 : 2) {
            if random.next() % 3 > 0 { (head, number) = (head + 7, number + 1) }
            let line = Line(start: head, end: head + Int(1 + random.next() % 9), number: number)
            own.append(from: line.start, to: line.end, line: line.number)
            model.append(line)
            (head, number) = (line.end, number + 1)
          } else if let oldest = model.first, random.next() % 3 > 0 {
            let end = own.end(ofRunAt: oldest.start)
            var joined = model.removeFirst()
            while let next = model.first, next.start == joined.end { joined = model.removeFirst() }
            #expect(end == joined.end)
          } else if let last = model.prefix(4).last {
            let forgotten = own.removeAll(beforeLine: last.number, at: last.start)
            let kept = model.drop { $0.number < last.number }
            #expect(forgotten == model.count - kept.count)
            model = Array(kept)
          }
          #expect(own.isEmpty == model.isEmpty)
          #expect(own.isEmpty || own.firstStart == model.first?.start)
          #expect(own.runs.capacity <= (own.isEmpty ? 4 : 4 * own.count + 16))
        }
      }
      #expect(own.runs[own.first...].reduce(0) { $0 + $1.count } == model.count)
    }
  }

  @Test func `Members that rarely read and say much are remembered no longer than the log remembers their lines`() {
    var room = Room(logBytes: 64 << 10)
    var members: [Member] = []
    for pair in 0..<20 {
      members += [room.joined("\(2 * pair)"), room.joined("\(2 * pair + 1)")]
      for line in 0..<20_000 {
        while room.say([UInt8(ascii: "a")].span, by: members[2 * pair + line % 2]) != .said {
          room.measureLag()
          room.releaseLaggards()
        }
      }
      // Each comes to within some lines of the head, and reads no further.
      for member in members.suffix(2) {
        var sent = 0
        let due = room.log.head - max(room.log.tail, member.cursor.position)
        _ = member.cursor.deliver(from: room.log, budget: due * 2 / 5, sent: &sent) { pieces in
          .bytes(pieces.reduce(0) { $0 + $1.iov_len })
        }
      }
    }
    let kept = members.reduce(0) { $0 + $1.cursor.own.runs.capacity }
    let lines = room.log.headLine - room.log.tailLine
    #expect(kept <= 5 * lines + 16 * members.count, "\(kept) for \(lines) lines in the log")
  }
}
