import ChatClient
import ChatWire
import Dispatch
import Testing

private func isCalled(_ wakeup: Wakeup) -> Bool {
  wakeup.isCalled(by: .now)
}

private func line(_ text: String) -> LinkEvent {
  var lines = ReceivedLines()
  lines.append(Array(text.utf8).span)
  return .lines(lines)
}

@Suite(.timeLimit(.minutes(10))) struct MailboxTests {
  @Test func `Events are taken once and in order`() throws {
    let mailbox = Mailbox(wakeup: try Wakeup())
    mailbox.put([line("a")])
    mailbox.put([line("b"), .lost(uncertain: [])])
    #expect(!mailbox.isEmpty)
    #expect(mailbox.take() == [line("a"), line("b"), .lost(uncertain: [])])
    #expect(mailbox.take() == [])
    #expect(mailbox.isEmpty)
  }

  @Test func `Only the last of the seconds that are left is kept`() throws {
    let mailbox = Mailbox(wakeup: try Wakeup())
    for seconds in [3, 2, 1, 0] { mailbox.put([.waiting(seconds: seconds)]) }
    mailbox.put([line("a")])
    mailbox.put([.waiting(seconds: 5)])
    #expect(mailbox.take() == [.waiting(seconds: 0), line("a"), .waiting(seconds: 5)])
  }

  @Test func `The first line and the end wake whoever waits`() throws {
    let wakeup = try Wakeup()
    let mailbox = Mailbox(wakeup: wakeup)
    #expect(!isCalled(wakeup))
    mailbox.put([line("a")])
    #expect(isCalled(wakeup))
    wakeup.clear()
    mailbox.put([line("b")])
    #expect(!isCalled(wakeup))
    #expect(mailbox.ending == nil)
    mailbox.put([.ended(.closed)])
    #expect(isCalled(wakeup))
    #expect(mailbox.ending == .closed)
    #expect(mailbox.take() == [line("a"), line("b"), .ended(.closed)])
  }

  @Test func `A full mailbox makes its filler wait`() throws {
    let mailbox = Mailbox(wakeup: try Wakeup())
    let piece = String(repeating: "x", count: 64 * 1024)
    let pieces = 64
    let finished = DispatchSemaphore(value: 0)
    DispatchQueue(label: "filler").async {
      for _ in 0..<pieces { mailbox.put([line(piece)]) }
      mailbox.put([.ended(.closed)])
      finished.signal()
    }
    var total = 0
    while true {
      let taken = mailbox.take()
      #expect(taken.count <= Mailbox.capacityBytes / piece.utf8.count + 2)
      total += taken.count
      if taken.last == .ended(.closed) { break }
    }
    finished.wait()
    #expect(total == pieces + 1)
  }
}
