import TestSupport
import Testing

@testable import ChatServer

struct RoomLogTests {
  @Test func `What is appended is read back across the end of the ring, and lines are counted as they go`() {
    var random = SeededRandom.printed(for: "ring")
    var log = RoomLog(capacity: 512)
    var model: [[UInt8]] = []
    for number in 0..<5000 {
      let text = Array("\(number)".utf8) + Array(repeating: UInt8(ascii: "y"), count: Int(random.next() % 60))
      while log.free < text.count + 4 {
        let line = model.removeFirst()
        let boundary = log.boundary(atOrAfter: LogOffset(log.tail.bytes + 1))
        let length = boundary.bytes - log.tail.bytes
        #expect(length == line.count)
        log.evict(before: boundary)
      }
      log.append(Array("a: ".utf8), text.span)
      model.append(Array("a: ".utf8) + text + [0x0A])
      let (kept, counted) = (log.headLine - log.tailLine, log.lines(from: log.tail, to: log.head))
      #expect(kept == model.count)
      #expect(counted == model.count)
    }
    var kept: [UInt8] = []
    log.forEachPiece(from: log.tail, to: log.head) { kept += $0 }
    #expect(kept == model.flatMap(\.self))
  }
}
