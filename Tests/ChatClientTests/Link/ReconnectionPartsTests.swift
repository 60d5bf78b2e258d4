import ChatWire
import TestSupport
import Testing

@testable import ChatClient

/// What a connection that comes back is made of: the waits, and what was on its way.
@Suite(.timeLimit(.minutes(10))) struct ReconnectionPartsTests {
  @Test func `Waits grow from half a second to half a minute and differ`() {
    var random = SeededRandom.printed(for: "Backoff")
    var backoff = Backoff()
    let waits = (0..<20).map { _ in backoff.next(using: &random) }
    for (index, wait) in waits.enumerated() {
      let shortest = min(20, 0.5 * Double(1 << min(index, 10)))
      #expect(wait >= shortest && wait <= shortest * 1.5)
    }
    let first = (0..<10).map { _ in
      var backoff = Backoff()
      return backoff.next(using: &random)
    }
    #expect(Set(first).count > 5)
    #expect(Set(waits.suffix(10)).count > 5)
  }

  private func at(_ second: UInt64) -> Moment { Moment(nanoseconds: second * 1_000_000_000) }

  private func uncertain(
    _ sent: inout UnconfirmedLines, unacknowledged: Int, inOrder: Bool = false, now: Moment
  ) -> String {
    String(decoding: sent.takeUncertain(unacknowledged: unacknowledged, inOrder: inOrder, now: now), as: UTF8.self)
  }

  @Test func `A line is uncertain until it is acknowledged and a while has passed`() {
    var sent = UnconfirmedLines()
    sent.append(Array("old\n".utf8), unacknowledged: 0, now: at(1))
    sent.append(Array("new\n".utf8), unacknowledged: 0, now: at(20))
    #expect(uncertain(&sent, unacknowledged: 0, now: at(31)) == "new\n")
    #expect(uncertain(&sent, unacknowledged: 0, now: at(31)) == "")
  }

  @Test func `What many bytes came after is uncertain for less`() {
    var sent = UnconfirmedLines()
    let bulk = String(repeating: "x", count: UnconfirmedLines.bulkBytes - 1) + "\n"
    sent.append(Array("old\n".utf8), unacknowledged: 0, now: at(1))
    sent.append(Array(bulk.utf8), unacknowledged: 0, now: at(4))
    sent.append(Array("new\n".utf8), unacknowledged: 0, now: at(7))
    #expect(uncertain(&sent, unacknowledged: 0, now: at(8)) == bulk + "new\n")
  }

  @Test func `What very many bytes came after has arrived once it is acknowledged`() {
    var sent = UnconfirmedLines()
    let bulk = String(repeating: "x", count: UnconfirmedLines.maximumBytes - 1) + "\n"
    sent.append(Array("old\n".utf8), unacknowledged: 0, now: at(1))
    sent.append(Array(bulk.utf8), unacknowledged: 0, now: at(1))
    #expect(uncertain(&sent, unacknowledged: 0, now: at(1)) == bulk)
  }

  @Test func `Over ssh a line is uncertain for longer than ssh goes on with a host that has vanished`() {
    var sent = UnconfirmedLines(settledBy: .time)
    let bulk = String(repeating: "x", count: UnconfirmedLines.bulkBytes - 1) + "\n"
    sent.append(Array("old\n".utf8), unacknowledged: 0, now: at(1))
    sent.append(Array("new\n".utf8), unacknowledged: 0, now: at(20))
    sent.append(Array(bulk.utf8), unacknowledged: 0, now: at(20))
    #expect(uncertain(&sent, unacknowledged: 0, now: at(61)) == "new\n" + bulk)
    #expect(UnconfirmedLines.sshSettleTime > SSHProcess.silenceTime)
  }

  @Test func `What a server has read that ends its stream in order is not uncertain`() {
    for proof in [UnconfirmedLines.Proof.acknowledgement, .time] {
      var sent = UnconfirmedLines(settledBy: proof)
      sent.append(Array("old\n".utf8), unacknowledged: 0, now: at(1))
      sent.append(Array("new\n".utf8), unacknowledged: 0, now: at(3))
      // The server may have stopped to read meanwhile.
      #expect(uncertain(&sent, unacknowledged: 0, inOrder: true, now: at(5)) == "new\n")
    }
  }

  @Test func `A line that is not acknowledged is uncertain, however old it is`() {
    var sent = UnconfirmedLines()
    sent.append(Array("one\n".utf8), unacknowledged: 0, now: at(0))
    sent.append(Array("two\nthr".utf8), unacknowledged: 7, now: at(0))
    #expect(uncertain(&sent, unacknowledged: 5, inOrder: true, now: at(100)) == "two\nthr")
  }
}
