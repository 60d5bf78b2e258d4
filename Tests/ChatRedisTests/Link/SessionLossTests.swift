import ChatRedis
import ChatWire
import Testing

/// What a session makes of a room that is not as it was.
@Suite struct SessionLossTests {
  private static let other = "0000beef"

  @Test func `After a loss what was not read back is said in the new history, and nothing else`() {
    var link = working()
    link.say("read", by: 7)
    link.answer(.append, link.accepted("5-1"))
    link.answer(.read, link.read(("5-1", link.id, 1, "read\n")))
    link.say("accepted", by: 7)
    link.wait(.milliseconds(1))
    link.answer(.append, link.accepted("14-2"))
    link.say("sent", by: 7)
    link.wait(.milliseconds(1))
    link.lose(.append)
    link.say("waiting", by: 8)
    _ = link.takeEvents()
    link.reachScriptAgain()
    #expect(link.takeWanted().last == "append: hello ME \(link.epoch) 2 5-1 \(link.epoch):\(link.id):1")
    link.answer(.append, .words("lost"))
    #expect(link.takeWanted().last?.hasPrefix("append: renew \(link.epoch) ") == true)
    link.answer(.append, .words("ok", "22222222"))
    #expect(link.takeWanted().last?.hasPrefix("append: enter ME ") == true)
    link.answer(.append, link.entered(epoch: "22222222", begun: 2))
    #expect(heard(link.takeEvents()).filter { $0 != "down" } == ["lost", "entered"])
    link.connect(.read)
    for sequence in 1...3 {
      link.wait(.milliseconds(1))
      link.answer(.append, link.accepted("\(sequence * 10)-\(sequence)"))
    }
    #expect(
      link.takeWanted().filter { $0.hasPrefix("append: append") }
        == [(1, "accepted"), (2, "sent"), (3, "waiting")].map {
          "append: append ME 22222222 1 \($0)  text 1 \($1)/"
        })
  }

  @Test func `A server that comes later into the new history reads it from its start, and is told then who is here`() {
    var link = working()
    link.answer(.read, link.read(("500-20", Self.other, 1, "old\n")))
    link.lose(.append)
    _ = link.takeEvents()
    link.reachScriptAgain()
    for reply in [Reply.words("lost"), .words("ok", "22222222")] { link.answer(.append, reply) }
    link.answer(.append, link.entered(epoch: "22222222", begun: 2, head: "7-2", source: "22222222:\(Self.other):2"))
    #expect(heard(link.takeEvents()).filter { $0 != "down" } == ["lost"])
    link.connect(.read)
    #expect(link.takeWanted().last?.hasSuffix(" 0-0 0-0") == true)
    link.answer(
      .read, link.read(in: "22222222", ("3-1", Self.other, 1, "hi\n"), ("7-2", Self.other, 2, "you\n")))
    #expect(heard(link.takeEvents()).filter { $0 != "up" } == ["hi []", "you []", "entered"])
  }

  @Test func `A server ends a history that is older than the one it knew`() {
    var link = working()
    link.lose(.append)
    _ = link.takeEvents()
    link.reachScriptAgain()
    for reply in [Reply.words("lost"), .words("ok", "22222222")] { link.answer(.append, reply) }
    let known = link.epoch
    link.answer(.append, link.entered(epoch: "22222222", begun: 0, head: "7-2"))
    let wanted = link.takeWanted().last ?? ""
    #expect(wanted.hasPrefix("append: renew \(known) ") && wanted.hasSuffix(" 1"))
    #expect(!heard(link.takeEvents()).contains("lost"))
    link.answer(.append, .words("ok", "33333333"))
    link.answer(.append, link.entered(epoch: "33333333", begun: 2))
    #expect(heard(link.takeEvents()) == ["lost", "entered"])
  }

  @Test func `A server that was taken off goes on where it has read, and comes in again`() {
    var link = working()
    link.answer(.read, link.read(("3-1", Self.other, 1, "hi\n")))
    link.lose(.read)
    _ = link.takeEvents()
    link.reachScriptAgain()
    link.answer(.append, .words("gone"))
    #expect(link.takeWanted().last?.hasPrefix("append: enter ME ") == true)
    link.answer(.append, link.entered(fence: 2, head: "6-2"))
    link.connect(.read)
    #expect(link.takeWanted().last?.hasSuffix(" 3-1 0-0") == true)
    link.answer(.read, link.read(("6-2", Self.other, 2, "ho\n")))
    #expect(heard(link.takeEvents()).filter { $0 != "down" && $0 != "up" } == ["ho []", "entered"])
  }

  @Test func `Nothing is sent into a room that was entered anew before the server has seen who is there`() {
    var link = working()
    link.lose(.append)
    link.say("one", by: 7)
    link.say("two", by: 8)
    link.reachScriptAgain()
    link.answer(.append, .words("gone"))
    link.answer(.append, link.entered(fence: 2, head: "3-1"))
    link.connect(.read)
    link.takesEvents = false
    link.wait(.milliseconds(5))
    link.answer(.read, link.read(("3-1", Self.other, 1, "hi\n")))
    link.wait(.milliseconds(5))
    #expect(!link.takeWanted().contains { $0.hasPrefix("append: append") })
    // Time alone wakes nobody for that.
    #expect(link.session.wakesAt > link.now + .milliseconds(100))
    var last: LinkEvent?
    while let event = link.session.nextEvent() { last = event }
    #expect(last.map { heard([$0]) } == ["entered"])
    let unsent = link.session.unsent
    #expect(unsent.count == 2 && link.session.uncommittedLines(of: 7) == 1)
    link.session.replaceUnsent(with: [.say(line: Array("first\n".utf8), speaker: nil)] + unsent.dropFirst())
    #expect(link.session.uncommittedLines(of: 7) == 0 && link.session.uncommittedLines(of: 8) == 1)
    link.wait(.milliseconds(5))
    #expect(link.takeWanted().contains("append: append ME \(link.epoch) 2 1  text 2 first/two/"))
  }

  @Test func `A server that was away for so long that Redis has forgotten its turns loses no history`() {
    var link = working()
    link.say("one", by: 7)
    link.answer(.append, link.accepted("4-1"))
    link.answer(.read, link.read(("4-1", link.id, 1, "one\n")))
    link.lose(.append)
    link.reachScriptAgain()
    link.answer(.append, .words("gone"))
    link.answer(.append, link.entered(sequence: 0, head: "4-1"))
    #expect(!heard(link.takeEvents()).contains("lost"))
    link.connect(.read)
    link.say("two", by: 7)
    #expect(link.takeWanted().contains("append: append ME \(link.epoch) 1 1  text 1 two/"))
  }
}
