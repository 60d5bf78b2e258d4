import Dispatch
import Glibc
import TestSupport
import Testing

/// Typing while very much arrives.
@Suite(.timeLimit(.minutes(10))) struct ClientFloodTests {
  private static let linesPerSecond = 5000
  private static let seconds = 10

  @Test func `Every key arrives through 5,000 lines a second, and every line is shown`() throws {
    let server = try ScriptedServer()
    let terminal = try Pty()
    let client = try Program(built: "mychatclient", [String(server.port), "--color", "never"], on: terminal)
    let connection = try server.accept()
    try terminal.type("x")
    let text = (0..<Self.seconds * 12).map { String(UnicodeScalar(UInt8(97 + $0 % 26))) }
    // A hundredth of a second's lines at a time; the pace is the test's subject, so it is kept by the clock.
    let began = ContinuousClock.now
    var (sent, typed) = (0, 0)
    let total = Self.linesPerSecond * Self.seconds
    let written = terminal.bytes.count
    while sent < total {
      let elapsed = (ContinuousClock.now - began) / .seconds(1)
      let due = min(total, Int(elapsed * Double(Self.linesPerSecond)))
      if due > sent {
        try connection.send((sent..<due).flatMap { Array("9: line \($0) of the flood\n".utf8) })
        sent = due
      }
      if typed < text.count, Double(typed) < elapsed * 12 {
        try terminal.type(text[typed])
        typed += 1
      }
      terminal.readWhatIsThere()
      _ = poll(nil, 0, 5)
    }
    while typed < text.count {
      try terminal.type(text[typed])
      typed += 1
    }
    try terminal.type("\r")
    let line = "x" + text.joined()
    // The terminal is read meanwhile, because a client waits for a terminal that is full.
    try eventually("the line to be sent") {
      terminal.readWhatIsThere()
      return try connection.peek() == Array("\(line)\n".utf8)
    }
    let took = (ContinuousClock.now - began) / .seconds(1)
    // What has come is shown before the client is told to end, however slow the machine.
    let last = Array("9: line \(total - 1) of the flood".utf8)
    try eventually("the last line to be shown") {
      terminal.readWhatIsThere()
      return terminal.bytes.suffix(4096).contains(last)
    }
    client.signal(SIGTERM)
    try client.waitForExit()
    terminal.readWhatIsThere()
    let shown = terminal.screen.lines.filter { $0.hasPrefix("9: line ") }
    #expect(shown == (0..<total).map { "9: line \($0) of the flood" })
    // Each update takes the line off the screen once; it may take up two rows in the end, and still is one update.
    let clear = Array("\u{1B}[J".utf8)
    let updates = terminal.bytes.indices.dropFirst(written).count {
      terminal.bytes[$0] == clear[0] && terminal.bytes[$0...].starts(with: clear)
    }
    #expect(Double(updates) <= 60 * took + 1)
  }
}
