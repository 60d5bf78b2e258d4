import ChatClient
import ChatWire
import Dispatch
import Glibc
import Testing

private func isCalled(_ wakeup: Wakeup) -> Bool {
  var entry = pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)
  return poll(&entry, 1, 0) == 1
}

@Suite(.timeLimit(.minutes(10))) struct MailboxTests {
  @Test func linesAreTakenOnceAndInOrder() throws {
    let inbox = Mailbox(wakeup: try Wakeup())
    inbox.put(Array("a\n".utf8))
    inbox.put(Array("b\n".utf8))
    #expect(!inbox.isEmpty)
    #expect(inbox.take().lines == Array("a\nb\n".utf8))
    #expect(inbox.take().lines == [])
    #expect(inbox.isEmpty)
  }

  @Test func whoeverWaitsIsCalledByTheFirstLineAndByTheEnd() throws {
    let wakeup = try Wakeup()
    let inbox = Mailbox(wakeup: wakeup)
    #expect(!isCalled(wakeup))
    inbox.put([1])
    #expect(isCalled(wakeup))
    wakeup.clear()
    inbox.put([2])
    #expect(!isCalled(wakeup))
    inbox.end(.connection)
    #expect(isCalled(wakeup))
    #expect(inbox.hasEnded)
    let taken = inbox.take()
    #expect(taken.lines == [1, 2])
    #expect(taken.ending == .connection)
  }

  @Test func aFullInboxMakesItsFillerWait() throws {
    let inbox = Mailbox(wakeup: try Wakeup())
    let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 64 * 1024)
    let pieces = 64
    let finished = DispatchSemaphore(value: 0)
    DispatchQueue(label: "filler").async {
      for _ in 0..<pieces { inbox.put(piece) }
      inbox.end(.connection)
      finished.signal()
    }
    var total = 0
    while true {
      let taken = inbox.take()
      #expect(taken.lines.count < Mailbox.capacity + piece.count)
      total += taken.lines.count
      if taken.ending != nil { break }
    }
    finished.wait()
    #expect(total == pieces * piece.count)
  }
}
