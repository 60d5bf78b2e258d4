import Glibc
import TestSupport
import Testing

@testable import ChatServer
@testable import ChatWire

/// What each member's stream has to be, by the plainest rule there is: all lines said since it joined by others, in order,
/// each whole, with nothing left out but what a skip notice counts.
private struct Witness {
  let name: String
  let member: Member
  /// Lines said by others since it joined, and until it left.
  var due: [String] = []
  /// What it was told alone, and whether that was kept for it.
  var told: [(line: String, isKept: Bool)] = []
  var stream: [UInt8] = []
  var hasLeft = false
  var wasUnprotected = false

  init(name: String, member: Member) {
    self.name = name
    self.member = member
  }

  /// Reads the stream that it got as a person would, and says what is wrong with it.
  func problem() -> String? {
    guard stream.isEmpty || stream.last == 0x0A else { return "\(name): the stream ends within a line" }
    var next = 0
    var toldNext = 0
    for line in stream.split(separator: 0x0A).map({ String(decoding: $0, as: UTF8.self) }) {
      if line.hasPrefix("* "), line.hasSuffix(" private lines skipped") {
        let count = Int(line.dropFirst(2).dropLast(22)) ?? 0
        guard count > 0, told[toldNext...].prefix(count).filter({ !$0.isKept }).count == count else {
          return "\(name): odd notice \(line)"
        }
        toldNext += count
      } else if line.hasPrefix("* "), line.hasSuffix(" lines skipped") {
        guard let count = Int(line.dropFirst(2).dropLast(14)), count > 0 else { return "\(name): odd notice \(line)" }
        if !wasUnprotected { return "\(name): kept up, and missed \(count) lines" }
        next += count
      } else if line.hasPrefix("* ") {
        guard toldNext < told.count, told[toldNext] == (line, true) else { return "\(name): unexpected \(line)" }
        toldNext += 1
      } else {
        guard next < due.count else { return "\(name): got \(line), and nothing was due" }
        guard due[next] == line else { return "\(name): got \(line), due was \(due[next])" }
        next += 1
      }
    }
    if next != due.count { return "\(name): \(due.count - next) lines are missing at the end" }
    if toldNext != told.count { return "\(name): \(told.count - toldNext) private lines are missing" }
    return nil
  }
}

private struct Play: ~Copyable {
  var room: Room
  var random: SeededRandom
  var witnesses: [Witness] = []
  var said = 0
  /// Where each line said begins.
  var starts: [LogOffset] = []

  init(logBytes: Int, random: SeededRandom) {
    room = Room(logBytes: logBytes)
    self.random = random
  }

  mutating func join() {
    let name = "n\(witnesses.count)"
    witnesses.append(Witness(name: name, member: room.joined(name)))
  }

  mutating func say(_ index: Int) {
    guard !witnesses[index].hasLeft else { return }
    said += 1
    let length = random.next() % 4 == 0 ? random.next() % 300 : random.next() % 20
    let text = "\(said)" + String(repeating: "x", count: Int(length))
    let start = room.log.head
    if room.say(Array(text.utf8).span, by: witnesses[index].member) != .said {
      if random.next() % 3 == 0 { releaseLaggards() }
      return
    }
    starts.append(start)
    let remembered = witnesses.reduce(0) { $0 + $1.member.cursor.own.count }
    let oldest = room.log.tail + -(room.log.capacity / 4)
    #expect(remembered <= starts.reversed().prefix { $0 >= oldest }.count, "own lines are bounded by the log")
    for other in witnesses.indices where other != index && !witnesses[other].hasLeft {
      witnesses[other].due.append("\(witnesses[index].name): \(text)")
    }
  }

  mutating func releaseLaggards() {
    room.releaseLaggards()
    for index in witnesses.indices where !witnesses[index].member.cursor.isProtected {
      witnesses[index].wasUnprotected = true
    }
    room.measureLag()
    let isCrowded = room.isCrowded
    #expect(!isCrowded, "nobody can hold the room")
  }

  /// Lets a member take up to `most` bytes, in transfers of odd sizes.
  mutating func deliver(_ index: Int, most: Int) {
    var left = most
    var sent = 0
    var got: [UInt8] = []
    var random = random
    let outcome = witnesses[index].member.cursor.deliver(from: room.log, budget: 10_000, sent: &sent) { pieces in
      if left == 0 { return .wouldBlock }
      let total = pieces.reduce(0) { $0 + $1.iov_len }
      let accepted = min(left, total, random.next() % 2 == 0 ? total : 1 + Int(random.next() % UInt64(total)))
      var rest = accepted
      for piece in pieces {
        let count = min(rest, piece.iov_len)
        got += UnsafeRawBufferPointer(start: piece.iov_base, count: count)
        rest -= count
      }
      left -= accepted
      return .bytes(accepted)
    }
    self.random = random
    #expect(sent == got.count)
    let isCaughtUp = witnesses[index].member.cursor.isCaughtUp(with: room.log)
    #expect((outcome == .caughtUp) == isCaughtUp)
    witnesses[index].stream += got
    room.reprotect(witnesses[index].member)
    room.measureLag()
  }

  mutating func tell(_ index: Int) {
    guard !witnesses[index].hasLeft else { return }
    let line = "* note \(said) " + String(repeating: "z", count: Int(random.next() % 2 * 3000))
    let isKept = witnesses[index].member.cursor.tell(Array("\(line)\n".utf8))
    witnesses[index].told.append((line, isKept))
  }

  mutating func leave(_ index: Int) {
    guard !witnesses[index].hasLeft else { return }
    witnesses[index].hasLeft = true
    witnesses[index].member.cursor.end(with: room.log)
  }
}

struct RoomTests {
  @Test
  func
    `Whatever happens, each member gets every line of the others once, whole and in order, or the exact count of those missed`()
  {
    var random = SeededRandom.printed(for: "room")
    for round in 0..<300 {
      var play = Play(logBytes: [1024, 2048, 4096][round % 3], random: SeededRandom(seed: random.next()))
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
        case 92..<95: for _ in 0..<4 { play.tell(index) }
        case 95..<97: if play.witnesses.count < 12 { play.join() }
        case 97: if index > 1 { play.leave(index) }
        default: if play.room.isCrowded { play.releaseLaggards() }
        }
      }
      for index in play.witnesses.indices {
        play.deliver(index, most: .max)
        play.deliver(index, most: .max)
      }
      let problems = play.witnesses.compactMap { $0.problem() }
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
