import Testing

@testable import ChatServer
@testable import ChatWire

struct AnswerTests {
  @Test
  func
    `An answer stands before all that was said after the question, however long it takes to make`()
  {
    var room = Room(logBytes: 4096)
    let speaker = room.joined("a")
    let asker = room.joined("b")
    room.hear("before", by: speaker)
    let begun = asker.take(3, in: room)
    asker.cursor.beginAnswer()
    room.hear("after", by: speaker)
    room.hear("own", by: asker)
    var isCaughtUp = asker.cursor.isCaughtUp(with: room.log)
    #expect(!isCaughtUp)
    var got = begun
    for piece in 1...3 {
      #expect(asker.isAnswerDue(in: room, got: &got))
      asker.cursor.tell(Array("* piece \(piece)\n".utf8))
      room.hear("meanwhile \(piece)", by: speaker)
    }
    #expect(asker.isAnswerDue(in: room, got: &got))
    asker.cursor.endAnswer()
    got += asker.stream(in: room)
    let answer = "* piece 1\n* piece 2\n* piece 3\n"
    #expect(got == "a: before\n\(answer)a: after\na: meanwhile 1\na: meanwhile 2\na: meanwhile 3\n")
    isCaughtUp = asker.cursor.isCaughtUp(with: room.log)
    #expect(isCaughtUp)
  }

  @Test
  func `Whoever leaves within an answer gets the rest of it, and then what was said until it left`() {
    var room = Room(logBytes: 4096)
    let speaker = room.joined("a")
    let asker = room.joined("b")
    asker.cursor.beginAnswer()
    room.hear("until then", by: speaker)
    asker.cursor.end(with: room.log)
    room.hear("too late", by: speaker)
    var got = ""
    #expect(asker.isAnswerDue(in: room, got: &got))
    asker.cursor.tell(Array("* the answer\n".utf8))
    asker.cursor.endAnswer()
    #expect(asker.stream(in: room) == "* the answer\na: until then\n")
  }

  @Test
  func
    `Whoever is overtaken within an answer gets the line that it is in, the answer, and one exact count`()
  {
    var room = Room(logBytes: 1024)
    let speaker = room.joined("a")
    let asker = room.joined("b")
    let text = String(repeating: "x", count: 96)
    room.hear(text, by: speaker)
    var got = asker.take(10, in: room)
    asker.cursor.beginAnswer()
    asker.cursor.tell(Array("* piece 1\n".utf8))
    for _ in 0..<5 { room.hear("mine", by: asker) }
    for _ in 0..<30 {
      while room.say(Array(text.utf8).span, by: speaker) == .logFull { room.releaseLaggards() }
    }
    #expect(asker.isAnswerDue(in: room, got: &got))
    for _ in 0..<30 {
      while room.say(Array(text.utf8).span, by: speaker) == .logFull { room.releaseLaggards() }
    }
    let isOvertaken = asker.cursor.isOvertaken
    #expect(isOvertaken)
    asker.cursor.tell(Array("* piece 2\n".utf8))
    asker.cursor.endAnswer()
    got += asker.stream(in: room)
    let lines = got.split(separator: "\n")
    let kept = room.log.headLine - room.log.tailLine
    #expect(
      lines.prefix(4) == ["a: \(text)", "* piece 1", "* piece 2", "* \(60 - kept) lines skipped"])
    #expect(lines.count == 4 + kept)
  }

  @Test
  func
    `What waits for a member alone is counted in bytes, and a long piece is taken where nothing waits`()
  {
    var room = Room(logBytes: 1024)
    let member = room.joined("a")
    var waiting = [member.cursor.privateBytes]
    let long = String(repeating: "x", count: 20_000) + "\n"
    let isKept = member.cursor.tell(Array(long.utf8))
    #expect(isKept)
    waiting.append(member.cursor.privateBytes)
    let isNextKept = member.cursor.tell(Array("* next\n".utf8))
    #expect(!isNextKept)
    #expect(member.stream(in: room) == long + "* 1 private lines skipped\n")
    waiting.append(member.cursor.privateBytes)
    #expect(waiting == [0, 20_001, 0])
  }
}

extension Member {
  /// Takes all that is due, and tells whether the member's answer is what comes next.
  fileprivate func isAnswerDue(in room: borrowing Room, got: inout String) -> Bool {
    got += stream(in: room)
    var sent = 0
    return cursor.deliver(from: room.log, budget: 1, sent: &sent) { _ in .wouldBlock } == .answerDue
  }
}
