import ChatRedis
import ChatWire
import Testing

/// A session at work: turns, reads and beats.
@Suite struct SessionWorkTests {
  private static let other = "0000beef"

  // MARK: Turns

  @Test func `The first line goes at once, later ones together at a pace, and no more than two turns wait for answers`()
  {
    var link = working()
    link.say("one", by: 7)
    #expect(link.takeWanted() == ["append: append ME \(link.epoch) 1 1  text 1 one/"])
    link.say("two", by: 7)
    link.say("three", by: 8)
    #expect(link.takeWanted() == [])
    link.wait(.milliseconds(1))
    #expect(link.takeWanted() == ["append: append ME \(link.epoch) 1 2  text 2 two/three/"])
    link.say("four", by: 8)
    // The window is full, and only an answer opens it: time alone wakes nobody.
    link.wait(.milliseconds(5))
    #expect(link.takeWanted() == [])
    #expect(link.session.wakesAt > link.now + .milliseconds(1000))
    link.answer(.append, link.accepted("4-1"))
    #expect(link.takeWanted() == ["append: append ME \(link.epoch) 1 3  text 1 four/"])
    #expect(link.session.uncommittedLines(of: 7) == 2 && link.session.uncommittedLines(of: 8) == 2)
    link.answer(.append, link.accepted("14-3"))
    link.answer(.append, link.accepted("19-4"))
    link.answer(
      .read,
      link.read(
        ("4-1", link.id, 1, "one\n"), ("14-3", link.id, 2, "two\nthree\n"), ("19-4", link.id, 3, "four\n")))
    #expect(heard(link.takeEvents()) == [#"one ["7"]"#, "two\nthree [\"7\", \"8\"]", #"four ["8"]"#])
    #expect(link.session.isDrained && link.session.uncommittedLines(of: 8) == 0)
  }

  @Test func `A turn takes up to 16 KiB, and members wait while 64 KiB are unsent`() {
    var link = working()
    link.say("now")
    _ = link.takeWanted()
    let line = String(repeating: "x", count: 4095)
    for _ in 0..<15 { link.session.submit(.say(line: Array((line + "\n").utf8), speaker: 1)) }
    #expect(link.session.hasSpace)
    link.session.submit(.say(line: Array((line + "\n").utf8), speaker: 1))
    #expect(!link.session.hasSpace)
    link.wait(.milliseconds(1))
    let sent = link.takeWanted()
    #expect(sent.count == 1 && sent[0].contains(" text 4 "))
    #expect(link.session.hasSpace)
  }

  @Test func `Lines that are read before the answer comes are said once`() {
    var link = working()
    link.say("one", by: 7)
    link.answer(.read, link.read(("4-1", link.id, 1, "one\n")))
    #expect(heard(link.takeEvents()) == [#"one ["7"]"#])
    #expect(link.session.isDrained)
    link.answer(.append, link.accepted("4-1"))
    #expect(link.takeEvents() == [])
    #expect(link.session.isDrained)
  }

  @Test func `A turn whose answer was lost is sent again only if it was not accepted`() {
    for accepted in [0, 1, 2] {
      var link = working()
      link.say("one", by: 7)
      link.wait(.milliseconds(1))
      link.say("two", by: 7)
      link.lose(.append)
      link.say("three", by: 7)
      link.reachScriptAgain()
      let hello = link.takeWanted().last
      #expect(hello == "append: hello ME \(link.epoch) 0 0-0 ")
      link.answer(.append, link.welcomed(sequence: accepted, head: "\(accepted * 4)-\(accepted)"))
      link.connect(.read)
      link.wait(.milliseconds(1))
      let sent = link.takeWanted().filter { $0.hasPrefix("append: append") }
      let rest = ["one", "two", "three"].dropFirst(accepted)
      #expect(
        sent
          == rest.prefix(2).enumerated().map {
            "append: append ME \(link.epoch) 2 \(accepted + $0 + 1)  text 1 \($1)/"
          })
      #expect(link.session.uncommittedLines(of: 7) == 3)
    }
  }

  @Test(arguments: [
    Reply.words("fence"), .words("missing", "0"), .words("repeat", "5"), .words("lost"),
  ])
  func `A turn that is refused is kept, and what holds is found out`(answer: Reply) {
    var link = working()
    link.say("one", by: 7)
    link.answer(.append, answer)
    link.reachScriptAgain()
    #expect(link.takeWanted().last == "append: hello ME \(link.epoch) 0 0-0 ")
    #expect(link.takeEvents() == [])
    #expect(link.session.uncommittedLines(of: 7) == 1)
  }

  private func claim(_ link: PlayedSession, _ name: String) -> Operation {
    let member = MemberID(server: link.session.server, number: 9)
    let name = MemberName(bytes: Array(name.utf8))
    return .claim(
      Operation.Claim(
        member: member, person: Person(name: name, place: "here", joinedAt: 1), keys: ["f:\(name)"],
        record: .renamed(member, to: name), announcement: Array("* now \(name)\n".utf8)))
  }

  @Test func `A claim that fails is told once, also if the answer is lost or comes late`() {
    enum Way: CaseIterable { case answered, readFirst, answerLost, readAndAnswerLost }
    for way in Way.allCases {
      var link = working()
      let claim = claim(link, "ann")
      link.session.submit(claim)
      link.say("hello", by: 9)
      switch way {
      case .answered:
        link.answer(.append, link.accepted("6-1", failed: [0]))
        link.answer(.read, link.read(("6-1", link.id, 1, "hello\n")))
      case .readFirst:
        link.answer(.read, link.read(("6-1", link.id, 1, "hello\n")))
        link.answer(.append, link.accepted("6-1", failed: [0]))
      case .answerLost:
        link.lose(.append)
        link.reachScriptAgain()
        link.answer(.append, link.welcomed(sequence: 1, head: "6-1", failed: "1 0"))
        link.connect(.read)
        link.answer(.read, link.read(("6-1", link.id, 1, "hello\n")))
      case .readAndAnswerLost:
        link.answer(.read, link.read(("6-1", link.id, 1, "hello\n")))
        link.lose(.append)
        link.reachScriptAgain()
        link.answer(.append, link.welcomed(sequence: 1, head: "6-1", failed: "1 0"))
      }
      let events = link.takeEvents()
      #expect(events.filter { $0 == .refused(claim) }.count == 1, "\(way)")
      #expect(heard(events).contains(#"hello ["9"]"#), "\(way)")
      #expect(link.session.isDrained, "\(way)")
    }
  }

  @Test func `A claim that succeeds says its line in nobody's name`() {
    var link = working()
    link.session.submit(claim(link, "ann"))
    link.say("hello", by: 9)
    let record = String(
      decoding: Record.renamed(
        MemberID(server: link.session.server, number: 9), to: MemberName(bytes: Array("ann".utf8))
      ).line,
      as: UTF8.self)
    let body = record + "* now ann\nhello\n"
    link.answer(.read, link.read(("\(body.utf8.count)-2", link.id, 1, body)))
    let events = link.takeEvents()
    #expect(events.count == 1)
    if case .said(_, let speakers) = events[0] { #expect(speakers == [nil, 9]) } else { Issue.record("\(events)") }
  }

  @Test func `A turn that says nothing is done when it is answered, also by hello`() {
    for isAnswerLost in [false, true] {
      var link = working()
      let claim = claim(link, "ann")
      link.session.submit(claim)
      link.act { $0.advance(to: $1) }
      if isAnswerLost {
        link.lose(.append)
        link.reachScriptAgain()
        link.answer(.append, link.welcomed(sequence: 1, head: "0-0", failed: "1 0"))
      } else {
        link.answer(.append, link.accepted("", failed: [0]))
      }
      #expect(link.takeEvents().filter { $0 != .down && $0 != .up } == [.refused(claim)])
      #expect(link.session.isDrained)
    }
  }

  // MARK: Reading

  @Test func `It reads on at a pace, from where it has read`() {
    var link = working()
    link.answer(.read, link.read(("3-1", Self.other, 1, "hi\n")))
    #expect(link.takeWanted() == [])
    link.wait(.milliseconds(1))
    #expect(link.takeWanted().count == 1)
    link.wait(.seconds(1))
    link.answer(.read, .null)
    let wanted = link.takeWanted()
    #expect(wanted.count == 1 && wanted[0].hasSuffix(" 3-1 0-0"), "\(wanted)")
  }

  @Test func `Nothing more is read while the server takes no events, and that is no fault of the link`() {
    var link = working()
    link.takesEvents = false
    link.answer(.read, link.read(("3-1", Self.other, 1, "hi\n")))
    _ = link.takeWanted()
    for _ in 0..<10 {
      link.wait(.milliseconds(2001))
      let wanted = link.takeWanted()
      #expect(wanted.count == 1 && wanted[0].hasPrefix("append: beat"), "\(wanted)")
      link.answer(.append, link.beaten(head: "5000-100"))
    }
    #expect(!link.session.isDrained)
    link.takesEvents = true
    link.act { $0.advance(to: $1) }
    link.wait(.milliseconds(1))
    #expect(link.takeWanted().contains { $0.hasPrefix("read: XREAD") })
  }

  @Test func `A gap is told to the line, then it is asked who is here`() {
    var link = working()
    link.answer(.read, link.read(("100-10", Self.other, 9, "ten\n"), ("104-11", Self.other, 10, "elf\n")))
    #expect(heard(link.takeEvents()) == ["missed 9", "ten []", "elf []"])
    link.reachScriptAgain()
    #expect(link.takeWanted().last == "append: hello ME \(link.epoch) 0 104-11 \(link.epoch):\(Self.other):10")
    link.answer(.append, link.welcomed(sequence: 0, head: "108-12"))
    #expect(link.takeWanted().last?.hasPrefix("append: enter ME ") == true)
    link.answer(.append, link.entered(fence: 3, head: "108-12"))
    link.connect(.read)
    // What was said before is told before who is here.
    #expect(heard(link.takeEvents()) == [])
    link.answer(.read, link.read(("108-12", Self.other, 11, "twe\n")))
    #expect(heard(link.takeEvents()) == ["twe []", "entered"])
  }

  @Test func `A gap without lines is not told, and it is asked who is here all the same`() {
    var link = working()
    link.answer(.read, link.read(("103-1", Self.other, 9, "hi\n")))
    #expect(heard(link.takeEvents()) == ["hi []"])
    #expect(link.takeWanted().last == "disconnect")
  }

  @Test func `Own turns that are trimmed before they are read are done`() {
    var link = working()
    link.say("one", by: 7)
    link.answer(.append, link.accepted("4-1"))
    link.answer(.read, link.read(("100-10", Self.other, 9, "ten\n")))
    #expect(heard(link.takeEvents()) == ["missed 9", "ten []"])
    #expect(link.session.isDrained && link.session.uncommittedLines(of: 7) == 0)
  }

  @Test(arguments: [
    ("3-1", "0000beef", "no newline"), ("12-1", "0000beef", "\u{1B}[2J bad\n"), ("2-1", "0000beef", "too long\n"),
    ("abc", "0000beef", "hi\n"), ("3-1", "nobody", "hi\n"),
  ])
  func `An entry that no server wrote ends the history, which is told`(id: String, server: String, body: String) {
    var link = working()
    link.answer(.read, link.read((id, server, 1, body)))
    #expect(link.takeWanted().first?.contains("no server of the room wrote") == true)
    #expect(link.takeEvents() == [])
    link.reachScriptAgain()
    #expect(link.takeWanted().last?.hasPrefix("append: renew \(link.epoch) ") == true)
    link.answer(.append, .words("ok", "11111111"))
    link.answer(.append, link.entered(epoch: "11111111", begun: 2))
    #expect(heard(link.takeEvents()).suffix(2) == ["lost", "entered"])
  }

  // MARK: Beats

  @Test func `It beats every 2 s, and what others have lost by it is told`() {
    var link = working()
    link.wait(.seconds(2))
    let wanted = link.takeWanted()
    #expect(wanted == ["append: beat ME \(link.epoch) "])
    link.answer(.append, link.beaten(head: "0-0", reaped: ["0000dead"]))
    #expect(heard(link.takeEvents()) == ["reaped 1"])
  }

  @Test(arguments: [Reply.words("gone"), .words("lost")])
  func `A beat that finds another room begins anew`(reply: Reply) {
    var link = working()
    link.wait(.seconds(2))
    link.answer(.append, reply)
    #expect(link.takeWanted().last == "disconnect")
  }

  @Test func `A beat that finds less said than was read begins anew, and one that was only slow does not`() {
    var link = working()
    link.answer(.read, link.read(("3-1", Self.other, 1, "hi\n")))
    link.wait(.seconds(2))
    // Said and read since the beat was sent.
    link.answer(.read, link.read(("6-2", Self.other, 2, "ho\n")))
    link.answer(.append, link.beaten(head: "3-1"))
    #expect(!link.takeWanted().contains("disconnect"))
    link.wait(.seconds(2))
    link.answer(.append, link.beaten(head: "3-1"))
    #expect(link.takeWanted().contains("disconnect"))
  }

  @Test func `A connection that no longer brings what is said is made again after two beats`() {
    var link = working()
    for beat in 1...3 {
      // Answers without anything, as of a Redis that looks for ids that come no more.
      link.wait(.milliseconds(1999))
      link.wait(.milliseconds(2))
      _ = link.takeWanted()
      link.answer(.append, link.beaten(head: "500-20"))
      #expect(link.takeWanted().contains("disconnect") == (beat == 3), "beat \(beat)")
    }
  }
}
