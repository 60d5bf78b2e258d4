import ChatClient
import Glibc
import Synchronization
import Testing

private func formatter(_ options: Options, onTerminal: Bool) -> LineFormatter {
  LineFormatter(options, onTerminal: onTerminal, roster: Roster(ownName: Array("7".utf8), keepsNames: true) { _ in })
}

/// What a terminal shows of these events.
private func shown(_ events: [LinkEvent], hasStatus: Bool) -> (lines: String, status: String?, ending: Ending?) {
  let update = formatter(Options(), onTerminal: false).update(for: events, hasStatus: hasStatus)
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
    let restored = LinkEvent.restored(ownName: [0x37], greeting: [])
    let update = shown([.waiting(seconds: 0), restored, lines("8: hi")], hasStatus: true)
    #expect(update.lines == "[RECONNECTED] Connected to chat server again.\n8: hi\n")
    #expect(update.status == "")
  }

  @Test func aChangeOfTheDayIsShownWhereLinesHaveTheirTimes() {
    setenv("TZ", "UTC", 1)
    // 23:59:58 on a Monday, and each line a second later.
    let seconds = Atomic(1_796_083_197)
    var options = Options()
    options.timestamps = true
    let roster = Roster(ownName: [0x37], keepsNames: true) { _ in }
    let formatter = LineFormatter(options, onTerminal: false, roster: roster) {
      timespec(tv_sec: seconds.add(1, ordering: .relaxed).newValue, tv_nsec: 0)
    }
    let update = formatter.update(for: [lines("8: a", "8: b", "8: c", "8: d")], hasStatus: false)
    #expect(
      String(decoding: update.lines, as: UTF8.self)
        == "23:59 8: a\n23:59 8: b\n[DAY] Tuesday 2026-12-01\n00:00 8: c\n00:00 8: d\n")
  }

  @Test func linesAreShownBeforeTheEnd() {
    let update = shown([lines("8: bye"), .ended(.closed)], hasStatus: true)
    #expect(update.lines == "8: bye\n")
    #expect(update.ending == .closed)
    #expect(update.status == nil)
  }

  @Test(arguments: [
    ("8: hey 7", true), ("8: hey 77", false), ("7: I am 7", false), ("[action] 8 greets 7", true),
    ("[action] 7 counts to 7", false), ("[private] 8: psst", true), ("[21:03] 8: hey 7", false), ("* 7 is here", false),
    ("[2026-11-23 21:03] [private] 8: 7", false),
  ])
  func `The bell rings for mentions and private lines, and not for earlier ones`(line: String, rings: Bool) {
    var options = Options()
    options.bell = true
    let update = formatter(options, onTerminal: true).update(for: [lines(line)], hasStatus: true)
    #expect(update.lines.contains(0x07) == rings)
  }

  @Test func `An object for a line has its kind, who it is from, and when it was said`() {
    var options = Options()
    options.json = true
    let received = lines(
      "[private] 8: psst", "[action] 8 waves", "[21:03] 8: a: b", "[2026-11-23 21:03] [action] 9 went",
      "[21:04] * 8 is now bob", "* 8 is now bob", "* alice, bob and 98 others joined", "* bob left", "* bob left us?")
    let update = formatter(options, onTerminal: false).update(for: [received], hasStatus: false)
    let objects = String(decoding: update.lines, as: UTF8.self).split(separator: "\n").map {
      $0.replacing(/"time":"[^"]*",/, with: "").replacing("\"", with: "'")
    }
    #expect(
      objects == [
        "{'from':'8','text':'psst','kind':'private'}", "{'from':'8','text':'waves','kind':'action'}",
        "{'from':'8','text':'a: b','kind':'earlier','said':'21:03'}",
        "{'from':'9','text':'went','kind':'earlier','said':'2026-11-23 21:03'}",
        "{'from':null,'text':'8 is now bob','kind':'earlier','said':'21:04'}",
        "{'from':'8','text':'bob','kind':'renamed'}",
        "{'from':'alice','text':'alice, bob and 98 others joined','kind':'joined'}",
        "{'from':'bob','text':'alice, bob and 98 others joined','kind':'joined'}",
        "{'from':'bob','text':'bob left','kind':'left'}", "{'from':null,'text':'bob left us?','kind':'notice'}",
      ])
  }
}
