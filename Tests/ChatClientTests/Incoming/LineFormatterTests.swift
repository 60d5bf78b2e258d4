import ChatClient
import Testing

/// What a terminal shows of these events.
private func shown(_ events: [LinkEvent], hasStatus: Bool) -> (lines: String, status: String?, ending: Ending?) {
  let update = LineFormatter(Options(), onTerminal: false).update(for: events, hasStatus: hasStatus)
  return (
    String(decoding: update.lines, as: UTF8.self), update.status.map { String(decoding: $0, as: UTF8.self) },
    update.ending
  )
}

private func lines(_ texts: String...) -> LinkEvent {
  var lines = ReceivedLines()
  for text in texts { lines.append(Array(text.utf8).span) }
  return .lines(lines)
}

@Suite(.timeLimit(.minutes(10))) struct LineFormatterTests {
  private let lost: [LinkEvent] = [
    lines("7: a", "* b"), .lost(uncertain: [Array("\u{7}c".utf8)]), .waiting(seconds: 2),
  ]

  @Test func aTerminalWithAStatusShowsThereThatTheConnectionIsLost() {
    let update = shown(lost, hasStatus: true)
    #expect(update.lines == "7: a\n* b\n[UNCERTAIN] This line may or may not have arrived: ^Gc\n")
    #expect(update.status == "[DISCONNECTED] Server connection lost. Trying again in 2 s ...")
    #expect(update.ending == nil)
  }

  @Test func aTerminalWithoutAStatusIsToldOnce() {
    let update = shown(lost + [.waiting(seconds: 1), .waiting(seconds: 0)], hasStatus: false)
    #expect(
      update.lines
        == "7: a\n* b\n[DISCONNECTED] Server connection lost.\n[UNCERTAIN] This line may or may not have arrived: ^Gc\n"
    )
    #expect(update.status == nil)
  }

  @Test func theStatusGoesWhenTheConnectionIsBack() {
    let update = shown([.waiting(seconds: 0), .restored(ownName: [0x37]), lines("8: hi")], hasStatus: true)
    #expect(update.lines == "[RECONNECTED] Connected to chat server again.\n8: hi\n")
    #expect(update.status == "")
  }

  @Test func linesAreShownBeforeTheEnd() {
    let update = shown([lines("8: bye"), .ended(.closed)], hasStatus: true)
    #expect(update.lines == "8: bye\n")
    #expect(update.ending == .closed)
    #expect(update.status == nil)
  }
}
