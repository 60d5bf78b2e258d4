import ChatWire
import Glibc
import TestSupport
import TortureSupport

extension Row {
  static let hostileServer = Row(
    17, "a hostile server against the client: a line of 10 MB, junk, a reset at every byte of the first 200",
    asked: "the client's memory within 8 MiB of where it was, right status, clean terminal"
  ) { size, outcome in
    let server = HostileServer(server: try ScriptedServer())
    let line = [UInt8](repeating: 0x61, count: size.of(10 << 20, small: 1 << 20)) + [0x0A]
    var random = SeededRandom.printed(for: "junk for the client")
    let junk = (0..<size.of(1 << 20, small: 1 << 17)).map { _ in UInt8(truncatingIfNeeded: random.next() >> 24) }
    let lost = "[DISCONNECTED] Server connection lost."
    for (name, bytes) in [("a long line", line), ("junk", junk)] {
      let (exit, growth, output, _) = try server.play(bytes, thenReset: false)
      outcome.check(exit == .status(1) && growth <= 8 << 10, "\(name): \(exit), memory grew by \(growth) KiB")
      let dirt = output.count { ($0 < 0x20 && $0 != 0x0A && $0 != 0x09) || $0 == 0x7F }
      outcome.check(dirt == 0, "\(dirt) control characters came through")
      outcome.check(name == "junk" || output.count { $0 == 0x61 } >= line.count - 1, "all of it was shown")
      let screen = try server.playOnTerminal(Array(bytes.prefix(1 << 20)), thenReset: false)
      outcome.check(screen == .status(1), "on a terminal: \(screen), terminal clean")
    }
    let greeting = Array("54321: hello there\n* 3 lines skipped\n".utf8) + junk.prefix(200)
    let step = size.of(1, small: 20)
    var tried = 0
    for count in stride(from: 0, to: 200, by: step) {
      let (exit, _, _, errors) = try server.play(Array(greeting.prefix(count)), thenReset: true)
      guard exit == .status(1), errors.last == lost else {
        throw TestFailure("a reset after \(count) bytes: \(exit), \(errors)")
      }
      tried += 1
      guard count % (10 * step) == 0 else { continue }
      let screen = try server.playOnTerminal(Array(greeting.prefix(count)), thenReset: true)
      guard screen == .status(1) else { throw TestFailure("on a terminal, a reset after \(count) bytes: \(screen)") }
    }
    outcome.check(true, "\(tried) resets: status 1 and \(lost.debugDescription) each time, terminal clean")
  }
}

/// Accepts one client at a time and plays a hostile server to it.
private struct HostileServer {
  let server: ScriptedServer

  /// - Returns: how the client left, by how many KiB its memory grew, and what it printed.
  func play(_ bytes: [UInt8], thenReset: Bool) throws
    -> (Program.Exit, growth: Int, output: [UInt8], errors: [String])
  {
    let client = try Program(built: "mychatclient", ["127.0.0.1:\(server.port)"])
    let growth = try serve(bytes, thenReset, to: client) { client.readWhatIsThere() }
    return (try client.waitForExit(), growth, client.output, client.errorLines)
  }

  func playOnTerminal(_ bytes: [UInt8], thenReset: Bool) throws -> Program.Exit {
    let terminal = try Pty()
    // Held open, so that its modes can be asked for when the client has gone; and first, before the client changes them.
    let screen = FileDescriptor(owning: open(terminal.path, O_RDWR | O_NOCTTY | O_CLOEXEC))
    var before = termios()
    tcgetattr(screen.number, &before)
    let client = try Program(built: "mychatclient", ["127.0.0.1:\(server.port)"], on: terminal)
    _ = try serve(bytes, thenReset, to: client) { terminal.readWhatIsThere() }
    try eventually("the client to leave", within: .seconds(60)) {
      terminal.readWhatIsThere()
      return client.hasEnded
    }
    var after = termios()
    tcgetattr(screen.number, &after)
    let needed = tcflag_t(ICANON | ECHO | ISIG)
    guard after.c_lflag & needed == needed, after.c_iflag == before.c_iflag, after.c_oflag == before.c_oflag else {
      throw TestFailure("the client left the terminal in another mode")
    }
    return try client.waitForExit()
  }

  /// - Returns: by how many KiB the client's memory grew.
  private func serve(_ bytes: [UInt8], _ resets: Bool, to client: Program, meanwhile: () -> Void) throws -> Int {
    let peer = try server.accept()
    let figures = ProcessFigures(of: client.pid)
    let before = figures?.residentKiB ?? 0
    var growth = 0
    var sent = 0
    try eventually("the client to take \(bytes.count) bytes; it took \(sent)", within: .seconds(60)) {
      meanwhile()
      sent += try peer.sendWithoutWaiting(bytes[sent...])
      return sent == bytes.count
    }
    if resets {
      try peer.reset()
      return 0
    }
    // All of it is read before the end comes, so that its memory can be asked for.
    try eventually("the client to read all", within: .seconds(60)) {
      meanwhile()
      growth = max(growth, (figures?.peakKiB ?? 0) - before)
      return try peer.unacknowledgedBytes == 0
    }
    pass(.milliseconds(50))
    meanwhile()
    return max(growth, (figures?.peakKiB ?? 0) - before)
  }
}
