import Glibc
import TestSupport
import Testing

@testable import ChatServer
@testable import ChatWire

struct RoomTests {
  @Test
  func
    `Whatever happens, each member gets every line of the others once, whole and in order, or the exact count of those missed`()
  {
    var random = SeededRandom.printed(for: "room")
    for round in 0..<300 {
      let isShared = round / 6 % 2 == 1
      var play = Play(
        logBytes: [1024, 2048, 4096][round % 3], isShared: isShared, random: SeededRandom(seed: random.next()))
      for _ in 0..<(2 + round % 6) { play.join() }
      for _ in 0..<400 {
        let index = Int(play.random.next() % UInt64(play.witnesses.count))
        switch play.random.next() % 100 {
        case 0..<55: play.say(index)
        case 55..<58: for _ in 0..<8 { play.say(index) }
        case 58..<92:
          // The first member never falls behind for long; the second hardly takes anything.
          let most = index == 1 ? Int(play.random.next() % 40) : Int(play.random.next() % 3000)
          play.deliver(index, most: most)
        case 92: for _ in 0..<4 { play.tell(index) }
        case 93: play.announce()
        case 94: play.rename(index)
        // In half of the rounds nobody ignores anybody, so that every count is exact to the line.
        case 95: if round % 2 == 0 { for _ in 0..<4 { play.ignoreOrNot(index) } }
        case 96: if play.witnesses.count < 12 { play.join() }
        case 97: if index > 1 { play.leave(index) }
        case 98: play.ask(index)
        default:
          if play.room.isCrowded { play.releaseLaggards() }
          if round % 3 == 0 { play.takeOver() }
        }
      }
      var problems = play.witnesses.compactMap { $0.letterProblem() }
      for index in play.witnesses.indices {
        for _ in 0..<20 { play.deliver(index, most: .max) }
      }
      play.commit()
      for index in play.witnesses.indices {
        for _ in 0..<20 { play.deliver(index, most: .max) }
      }
      problems += play.witnesses.compactMap { $0.problem() }
      #expect(problems.isEmpty, "round \(round)")
      if !problems.isEmpty { return }
    }
  }

  @Test func `A full log refuses a line rather than overwrite one that somebody is waited for`() {
    var room = Room(logBytes: 1024)
    let speaker = room.joined("a")
    let listener = room.joined("b")
    let text = [UInt8](repeating: UInt8(ascii: "x"), count: 96)
    var said = 0
    while room.say(text.span, by: speaker) == .said { said += 1 }
    #expect(said == 10)
    room.measureLag()
    var (isFull, isCrowded) = (room.isLogFull, room.isCrowded)
    #expect(isFull && isCrowded)
    #expect(listener.stream(in: room).utf8.count == 1000)
    room.measureLag()
    (isFull, isCrowded) = (room.isLogFull, room.isCrowded)
    #expect(!isFull && !isCrowded)
    let outcome = room.say(text.span, by: speaker)
    #expect(outcome == .said)
  }

  @Test
  func
    `A room is crowded while a protected member lags far behind, and no longer once it has come nearer or is released`()
  {
    var room = Room(logBytes: 1 << 20)
    let speaker = room.joined("a")
    let listener = room.joined("b")
    let text = [UInt8](repeating: UInt8(ascii: "x"), count: 996)
    func say(_ bytes: Int, in room: inout Room) {
      for _ in 0..<bytes / 1000 { _ = room.say(text.span, by: speaker) }
      room.measureLag()
    }
    func take(_ bytes: Int, in room: inout Room) {
      listener.take(bytes, in: room)
      room.reprotect(listener)
      room.measureLag()
    }
    let window = room.windowBytes
    #expect(window == 512 << 10)
    var isCrowded: [Bool] = []
    say(window - 1000, in: &room)
    isCrowded.append(room.isCrowded)
    say(3000, in: &room)
    isCrowded.append(room.isCrowded)
    take(window / 8, in: &room)
    isCrowded.append(room.isCrowded)
    take(window / 4, in: &room)
    isCrowded.append(room.isCrowded)
    say(window / 2, in: &room)
    isCrowded.append(room.isCrowded)
    room.releaseLaggards()
    room.measureLag()
    isCrowded.append(room.isCrowded)
    #expect(isCrowded == [false, true, true, false, true, false])
    let wasProtected = listener.cursor.isProtected || listener.cursor.isOvertaken
    #expect(!wasProtected)
    take(window, in: &room)
    let isProtected = listener.cursor.isProtected
    #expect(isProtected)
  }

  @Test func `A member that leaves while it lags leaves the count of unprotected members right`() {
    var room = Room(logBytes: 64 << 10)
    let speaker = room.joined("a")
    let leaver = room.joined("b")
    let text = [UInt8](repeating: UInt8(ascii: "x"), count: 996)
    func say(_ lines: Int, in room: inout Room) {
      for _ in 0..<lines where room.say(text.span, by: speaker) != .said {
        room.measureLag()
        room.releaseLaggards()
        room.measureLag()
        let outcome = room.say(text.span, by: speaker)
        #expect(outcome == .said)
      }
    }
    say(40, in: &room)
    room.measureLag()
    room.releaseLaggards()
    let isProtected = leaver.cursor.isProtected
    #expect(!isProtected)
    room.remove(leaver)
    _ = leaver.stream(in: room)
    room.reprotect(leaver)
    let laggard = room.joined("c")
    say(100, in: &room)
    let lines = laggard.stream(in: room).split(separator: "\n")
    #expect(lines.first == "* \(100 - (lines.count - 1)) lines skipped")
    #expect(lines.count < 100)
  }

  @Test func `Private lines for one that takes none do not pile up, and it is told how many it missed`() {
    var room = Room(logBytes: 1024)
    let member = room.joined("a")
    var kept = 0
    for _ in 0..<10_000 where member.cursor.tell(Array("* note\n".utf8)) { kept += 1 }
    #expect((100...12 << 10).contains(kept * 7))
    let notes = String(repeating: "* note\n", count: kept)
    #expect(member.stream(in: room) == notes + "* \(10_000 - kept) private lines skipped\n")
    let isKept = member.cursor.tell(Array("* again\n".utf8))
    #expect(isKept)
    #expect(member.stream(in: room) == "* again\n")
  }

  @Test func `Members inside the same line when they are overtaken share one copy of it`() {
    var room = Room(logBytes: 16 << 10)
    let speaker = room.joined("a")
    let listeners = (0..<20).map { room.joined("\($0)") }
    let line = [UInt8](repeating: UInt8(ascii: "x"), count: 4000)
    func say(in room: inout Room) { while room.say(line.span, by: speaker) == .logFull { room.releaseLaggards() } }
    // Half of them are inside the first line, half inside the second, by turns.
    for _ in 0..<2 { say(in: &room) }
    for (number, listener) in listeners.enumerated() {
      listener.take(number % 2 * 4004 + 3 + number, in: room)
    }
    for _ in 0..<8 { say(in: &room) }
    var copies: Set<UInt> = []
    for listener in listeners {
      let isOvertaken = listener.cursor.isOvertaken
      #expect(isOvertaken)
      var sent = 0
      _ = listener.cursor.deliver(from: room.log, budget: .max, sent: &sent) { pieces in
        copies.insert(UInt(bitPattern: pieces[0].iov_base) + UInt(pieces[0].iov_len))
        return .wouldBlock
      }
    }
    #expect(copies.count == 2)
    for (number, listener) in listeners.enumerated() {
      let rest = listener.stream(in: room).prefix { $0 != "*" }
      #expect(rest == String(repeating: "x", count: 4000 - number) + "\n")
    }
  }

  @Test func `A member that is told something in the middle of a line gets the line whole first`() {
    var room = Room(logBytes: 1024)
    let speaker = room.joined("a")
    let listener = room.joined("b")
    _ = room.say(Array("hello".utf8).span, by: speaker)
    let begun = listener.take(4, in: room)
    listener.cursor.tell(Array("* note\n".utf8))
    _ = room.say(Array("again".utf8).span, by: speaker)
    #expect(begun + listener.stream(in: room) == "a: hello\n* note\na: again\n")
  }
}
