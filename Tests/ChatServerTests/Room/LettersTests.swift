import Testing

@testable import ChatServer

struct LettersTests {
  private let alice = Token(slot: 1, generation: 1)
  private let bob = Token(slot: 2, generation: 1)

  @Test func `Private lines that were not handed out whole are counted for each of their senders, and once`() {
    var room = Room(logBytes: 1024)
    let reader = room.joined("r")
    let line = Array("[private] a: hi\n".utf8)
    for sender in [alice, bob, alice, bob, bob] {
      let isKept = reader.cursor.tell(line, from: sender)
      #expect(isKept)
    }
    reader.cursor.tell(Array("* a notice\n".utf8))
    // Two lines, and all of the third but its newline.
    reader.take(3 * line.count - 1, in: room)
    var unsent = reader.cursor.takeUnsentLetters()
    #expect(unsent == [alice: 1, bob: 2])
    unsent = reader.cursor.takeUnsentLetters()
    #expect(unsent == [:])
  }

  @Test func `What was sent, refused, or told by the server is no private line that waits`() {
    var room = Room(logBytes: 1024)
    let reader = room.joined("r")
    reader.cursor.tell([UInt8](repeating: UInt8(ascii: "x"), count: 12_000) + Array("\n".utf8))
    var kept = 0
    let line = Array("[private] a: hello\n".utf8)
    for _ in 0..<100 where reader.cursor.tell(line, from: alice) { kept += 1 }
    #expect((1..<100).contains(kept))
    var unsent = reader.cursor.takeUnsentLetters()
    #expect(unsent == [alice: kept])
    _ = reader.stream(in: room)
    let isKept = reader.cursor.tell(line + line, from: bob)
    #expect(isKept)
    #expect(reader.stream(in: room).utf8.count == 2 * line.count)
    unsent = reader.cursor.takeUnsentLetters()
    #expect(unsent == [:])
  }
}
