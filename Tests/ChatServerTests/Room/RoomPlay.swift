import Glibc
import TestSupport
import Testing

@testable import ChatServer
@testable import ChatWire

/// What each member's stream has to be, by the plainest rule there is: all lines said since it joined by others that it does
/// not ignore, in order, each whole, with nothing left out but what a skip notice counts; and what it was told alone, in order.
struct Witness {
  let member: Member
  /// As the others know it, whatever it is called.
  let token: Token
  /// Lines said by others since it joined, and until it left, and whether it ignored who said them.
  var due: [(line: String, isIgnored: Bool)] = []
  /// What it was told alone, and whether that was kept for it.
  var told: [Told] = []
  /// Pieces that its answer has still to come, and how many lines were due at the question.
  var answer: (pieces: Int, due: Int)?
  /// Indices of those that it ignores.
  var ignored: Set<Int> = []
  var stream: [UInt8] = []
  var hasLeft = false
  var wasUnprotected = false

  struct Told {
    let line: String
    var sender: Token?
    let isKept: Bool
    /// How many of the lines due may come before it.
    var atMostDue = Int.max
  }

  var name: String { member.name.description }

  private var lines: [String] { stream.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) } }

  /// Reads the stream that it got as a person would, and says what is wrong with it.
  func problem() -> String? {
    guard stream.isEmpty || stream.last == 0x0A else { return "\(name): the stream ends within a line" }
    // Where in `due` it may be: whether ignored lines were passed or missed cannot be seen.
    var places: Set<Int> = [0]
    var toldNext = 0
    for line in lines {
      if line.hasPrefix("* "), line.hasSuffix(" private lines skipped") {
        let count = Int(line.dropFirst(2).dropLast(22)) ?? 0
        guard count > 0, told[toldNext...].prefix(count).filter({ !$0.isKept }).count == count else {
          return "\(name): odd notice \(line)"
        }
        toldNext += count
      } else if line.hasPrefix("* "), line.hasSuffix(" lines skipped") {
        guard let count = Int(line.dropFirst(2).dropLast(14)), count > 0 else { return "\(name): odd notice \(line)" }
        if !wasUnprotected { return "\(name): kept up, and missed \(count) lines" }
        places = Set(places.flatMap { $0...pastIgnored($0) }.map { $0 + count }.filter { $0 <= due.count })
      } else if line.hasPrefix("* note") || line.hasPrefix("[private] ") {
        guard toldNext < told.count, told[toldNext].line == line, told[toldNext].isKept else {
          return "\(name): unexpected \(line)"
        }
        guard places.contains(where: { $0 <= told[toldNext].atMostDue }) else {
          return "\(name): \(line) comes behind what was said after the question"
        }
        toldNext += 1
      } else {
        let next = places.map(pastIgnored).filter { $0 < due.count && due[$0].line == line }
        guard !next.isEmpty else {
          return
            "\(name): got \(line), due was \(places.map(pastIgnored).map { $0 < due.count ? due[$0].line : "nothing" })"
        }
        places = Set(next.map { $0 + 1 })
      }
    }
    guard places.contains(where: { pastIgnored($0) == due.count }) else {
      return "\(name): lines are missing at the end, \(places) of \(due.count)"
    }
    if toldNext != told.count { return "\(name): \(told.count - toldNext) private lines are missing" }
    return nil
  }

  private func pastIgnored(_ place: Int) -> Int {
    place + due.dropFirst(place).prefix { $0.isIgnored }.count
  }

  /// Counts the private lines that it did not get whole so far, and says if the cursor counts otherwise.
  func letterProblem() -> String? {
    let ended = stream.lastIndex(of: 0x0A).map { stream[...$0] } ?? []
    let got = Set(ended.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) })
    var expected: [Token: Int] = [:]
    for letter in told where letter.isKept && !got.contains(letter.line) {
      if let sender = letter.sender { expected[sender, default: 0] += 1 }
    }
    let counted = member.cursor.takeUnsentLetters()
    return counted == expected ? nil : "\(name): \(counted) private lines wait, and not \(expected)"
  }
}

struct Play: ~Copyable {
  var room: Room
  var random: SeededRandom
  var witnesses: [Witness] = []
  /// Events so far, for texts that are like no other.
  var events = 0
  /// Where each line said begins.
  var starts: [LogOffset] = []
  /// Whether lines are said only when they come back from other servers.
  let isShared: Bool
  /// Lines that are on their way there and back, and whose they are.
  var submitted: [(line: [UInt8], speaker: Int)] = []

  init(logBytes: Int, isShared: Bool, random: SeededRandom) {
    room = Room(logBytes: logBytes)
    self.isShared = isShared
    self.random = random
  }

  mutating func join() {
    let token = Token(slot: UInt32(witnesses.count), generation: 1)
    witnesses.append(Witness(member: room.joined("n\(witnesses.count)"), token: token))
  }

  mutating func say(_ index: Int) {
    guard !witnesses[index].hasLeft else { return }
    events += 1
    let length = random.next() % 4 == 0 ? random.next() % 300 : random.next() % 20
    let text = "\(events)" + String(repeating: "x", count: Int(length))
    let (start, member) = (room.log.head, witnesses[index].member)
    let isAction = random.next() % 8 == 0
    let bytes = Array(text.utf8)
    let line = isAction ? "[action] \(member.name) \(text)" : "\(member.name): \(text)"
    if isShared {
      let made = room.line(bytes.span, behind: isAction ? ServerLine.actionPrefix(of: member.name) : member.prefix)
      #expect(made == Array("\(line)\n".utf8))
      submitted.append((Array("\(line)\n".utf8), index))
      if random.next() % 3 == 0 { commit() }
      return
    }
    if (isAction ? room.act(bytes.span, by: member) : room.say(bytes.span, by: member)) != .said {
      if random.next() % 3 == 0 { releaseLaggards() }
      return
    }
    noteSaid(line, from: start, by: index)
  }

  /// Says what has come back, as far as the log has space.
  mutating func commit() {
    while let (line, index) = submitted.first {
      guard room.makeSpace(for: line.count) else {
        if random.next() % 3 == 0 { releaseLaggards() }
        return
      }
      submitted.removeFirst()
      let start = room.log.head
      room.commit(line[...], by: witnesses[index].hasLeft ? nil : witnesses[index].member)
      noteSaid(String(decoding: line.dropLast(), as: UTF8.self), from: start, by: index)
    }
  }

  private mutating func noteSaid(_ line: String, from start: LogOffset, by index: Int) {
    starts.append(start)
    let remembered = witnesses.reduce(0) { $0 + $1.member.cursor.own.count }
    let oldest = room.log.tail + -(room.log.capacity / 4)
    #expect(remembered <= starts.reversed().prefix { $0 >= oldest }.count, "own lines are bounded by the log")
    for other in witnesses.indices where other != index && !witnesses[other].hasLeft {
      witnesses[other].due.append((line, witnesses[other].ignored.contains(index)))
    }
  }

  mutating func announce() {
    events += 1
    let line = "* event \(events)"
    let start = room.log.head
    guard room.announce(Array("\(line)\n".utf8)) else { return }
    starts.append(start)
    for index in witnesses.indices where !witnesses[index].hasLeft { witnesses[index].due.append((line, false)) }
  }

  /// Gives a member another name, or that of somebody who had it before.
  mutating func rename(_ index: Int) {
    // It is another one only behind all that was said before.
    commit()
    guard submitted.isEmpty else { return }
    let free = (0..<12).map { "m\($0)" }.filter { name in !witnesses.contains { $0.name == name } }
    let name = free[Int(random.next() % UInt64(free.count))]
    witnesses[index].member.rename(to: MemberName(bytes: Array(name.utf8)))
    for other in witnesses.indices where witnesses[other].ignored.contains(index) {
      witnesses[other].member.ignore(witnesses[index].member, witnesses[index].token, in: room)
    }
  }

  /// Has a member ignore another, or no longer.
  mutating func ignoreOrNot(_ index: Int) {
    let candidates = random.next() % 2 == 0 ? witnesses[index].ignored.sorted() : Array(witnesses.indices)
    guard let other = candidates.randomElement(using: &random), other != index else { return }
    if witnesses[index].ignored.remove(other) != nil {
      witnesses[index].member.cursor.unignore(witnesses[other].token, at: room.log.head)
    } else {
      witnesses[index].ignored.insert(other)
      witnesses[index].member.ignore(witnesses[other].member, witnesses[other].token, in: room)
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
    if outcome == .answerDue { goOnWithAnswer(index) }
    room.reprotect(witnesses[index].member)
    room.measureLag()
  }

  private mutating func goOnWithAnswer(_ index: Int) {
    guard let answer = witnesses[index].answer, answer.pieces > 0 else {
      witnesses[index].answer = nil
      witnesses[index].member.cursor.endAnswer()
      return
    }
    witnesses[index].answer?.pieces -= 1
    events += 1
    let line = "* note \(events) is a piece of the answer"
    let isKept = witnesses[index].member.cursor.tell(Array("\(line)\n".utf8))
    #expect(isKept, "a piece of an answer is never dropped")
    witnesses[index].told.append(Witness.Told(line: line, isKept: isKept, atMostDue: answer.due))
  }

  mutating func ask(_ index: Int) {
    guard witnesses[index].answer == nil, !witnesses[index].hasLeft else { return }
    witnesses[index].answer = (Int(random.next() % 5), witnesses[index].due.count)
    witnesses[index].member.cursor.beginAnswer()
  }

  mutating func tell(_ index: Int) {
    guard !witnesses[index].hasLeft else { return }
    events += 1
    let rest = "\(events) " + String(repeating: "z", count: Int(random.next() % 2 * 3000))
    if random.next() % 2 == 0 {
      let line = "* note \(rest)"
      let isKept = witnesses[index].member.cursor.tell(Array("\(line)\n".utf8))
      witnesses[index].told.append(Witness.Told(line: line, isKept: isKept))
    } else {
      let sender = witnesses[Int(random.next() % UInt64(witnesses.count))]
      let line = "[private] \(sender.name): \(rest)"
      let isKept = witnesses[index].member.cursor.tell(Array("\(line)\n".utf8), from: sender.token)
      witnesses[index].told.append(Witness.Told(line: line, sender: sender.token, isKept: isKept))
    }
  }

  /// Another program goes on with the room and all of its members.
  mutating func takeOver() {
    var writer = StateWriter()
    room.write(to: &writer)
    for witness in witnesses { witness.member.cursor.write(to: &writer) }
    do throws(StateError) {
      var reader = try StateReader(writer.bytes)
      var next = try Room(from: &reader, logBytes: room.log.capacity)
      for witness in witnesses {
        witness.member.cursor = try Cursor(from: &reader, in: next.log, isInRoom: true)
        next.join(witness.member)
      }
      try reader.finish()
      let lines = starts.map { line(at: $0) }
      room = next
      let newLines = starts.map { line(at: $0) }
      #expect(lines == newLines, "lines keep their numbers")
    } catch { Issue.record("a room cannot be handed over: \(error)") }
  }

  /// The number of the line that begins there; nil if it is not kept.
  private func line(at start: LogOffset) -> Int? { start >= room.log.tail ? room.log.line(at: start) : nil }

  mutating func leave(_ index: Int) {
    guard !witnesses[index].hasLeft else { return }
    witnesses[index].hasLeft = true
    witnesses[index].member.cursor.end(with: room.log)
  }
}
