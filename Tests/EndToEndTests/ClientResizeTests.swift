import ChatWire
import Glibc
import TestSupport
import Testing

/// The window changes again and again while others talk and a line stands half-typed: tmux breaks its rows anew before it says so.
@Suite(.timeLimit(.minutes(10))) struct ClientResizeTests {
  @Test func `Whatever the window does, no line is lost, and the draft is whole`() throws {
    let server = try ServerProgram()
    let member = try server.join()
    let tmux = try Tmux(
      rows: 24, columns: 80, running: "\(try Program.built("mychatclient")) \(server.port) --no-history",
      environment: ["TERM": "tmux-256color"])
    let port = try server.nextPort()
    try tmux.waitForEditing()
    let draft = String(repeating: "d", count: 71)
    try tmux.type(draft)
    var random = SeededRandom.printed(for: "Resizing")
    let lines = (0..<200).map { "<\($0)> " + String(repeating: "some words ", count: $0 % 8) + "end" }
    var rest = lines[...]
    let start = monotonicNanoseconds()
    var (changedAt, longestPause) = (ContinuousClock.now, Duration.zero)
    while !rest.isEmpty {
      // A hundred a second.
      let due = min(Int((monotonicNanoseconds() - start) / 10_000_000), lines.count)
      let next = rest.prefix(max(0, due - rest.startIndex))
      if !next.isEmpty { try member.send(next.map { "\($0)\n" }.joined()) }
      rest = rest.dropFirst(next.count)
      try tmux.startResizing(
        rows: [24, 20, 12].randomElement(using: &random)!, columns: .random(in: 40...100, using: &random))
      longestPause = max(longestPause, ContinuousClock.now - changedAt)
      changedAt = .now
    }
    try tmux.resize(rows: 24, columns: 100)
    var shown: [String] = []
    try eventually("all to be shown; seed \(random.seed)") {
      shown = try tmux.lines()
      return shown.last { !$0.isEmpty } == draft && shown.contains("\(member.localPort): \(lines[199])")
    }
    let missing = lines.filter { line in !shown.contains { $0.hasSuffix("\(member.localPort): \(line)") } }
    #expect(missing == [], "seed \(random.seed), and at most \(longestPause) between two changes")
    try tmux.type("!")
    try tmux.press("Enter")
    try member.expect("\(port): \(draft)!")
  }
}
