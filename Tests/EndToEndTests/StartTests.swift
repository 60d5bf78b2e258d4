import ChatWire
import Glibc
import TestSupport
import Testing

/// What may be in the way when a server starts, and the signals that stop it.
@Suite(.timeLimit(.minutes(10))) struct StartTests {
  @Test func `A path whose listener has no place left for connections is in use, and the server says so`() throws {
    let directory = try TemporaryDirectory()
    let address = Address.unix(path: directory.file("chat.sock"))
    let target = try #require(try address.resolved().first)
    let listener = try FileDescriptor.socket(for: target)
    try listener.bind(to: target)
    try listener.listen(backlog: 0)
    let waiting = try FileDescriptor.socket(for: target)
    try waiting.connect(to: target)
    let server = try Program(built: "mychatserver", [address.description])
    #expect(try server.waitForExit() == .status(1))
    #expect(server.errorLines.count == 1)
    #expect(try #require(server.errorLines.first).contains("listening there already"))
  }

  @Test(arguments: [SIGINT, SIGTERM]) func `A signal ends a server that still waits for a name at once`(signal: CInt)
    throws
  {
    let server = try Program(
      built: "mychatserver", ["slow:0"], environment: ["LD_PRELOAD": try Program.built("libFailingCalls.so")])
    try eventually("the server to ask for the name") {
      server.readWhatIsThere()
      return server.errorLines.contains("asking for slow")
    }
    server.signal(signal)
    #expect(try server.waitForExit() == .signal(signal))
  }

  /// A program in a view of the file system of its own, without /proc.
  private static func withoutProc(_ command: [String]) throws -> Program {
    let hidden = "umount -l /proc && exec \"$@\""
    return try Program(Program.found("unshare"), ["--mount", "/bin/sh", "-c", hidden, "sh"] + command)
  }

  private static let canHideProc =
    geteuid() == 0 && (try? withoutProc(["/bin/true"]).waitForExit()) == .status(0)

  @Test(
    .enabled(if: canHideProc, "only who may unmount can try it"),
    .enabled(if: !isSanitized, "a sanitizer needs /proc itself"), arguments: ["mychatserver", "mychatclient"])
  func `A program that cannot see its arguments does not run`(name: String) throws {
    let program = try Self.withoutProc([Program.built(name), "--version"])
    #expect(try program.waitForExit() == .status(1))
    #expect(program.outputLines == [])
    #expect(program.errorLines.count == 1 && program.errorLines.first?.contains("/proc") == true)
  }

  @Test func `A server that may not open enough files for anybody does not start, and says how many it needs`() throws {
    let server = try Program("/bin/sh", ["-c", "ulimit -n 64; exec \"$0\" 0", try Program.built("mychatserver")])
    #expect(try server.waitForExit() == .status(1))
    #expect(server.outputLines == [])
    #expect(server.errorLines.count == 1)
    let line = try #require(server.errorLines.first)
    for part in ["64", "65", "ulimit -n"] { #expect(line.contains(part), "\(line)") }
  }

  @Test func `With one descriptor for members there is one member`() throws {
    let server = try Program("/bin/sh", ["-c", "ulimit -n 65; exec \"$0\" 0", try Program.built("mychatserver")])
    let line = try server.waitForLine("a [LISTENING] line") { $0.hasPrefix("[LISTENING] ") }
    let address = try Address(parsing: String(try #require(line.split(separator: " ").last)))
    let member = try Dialogue(connectingTo: address)
    _ = try server.waitForLine("a [NEW CONNECTION] line") { $0.hasPrefix("[NEW CONNECTION] ") }
    let second = try Dialogue(connectingTo: address)
    try second.expect("* Server is full")
    try member.send("exit\n")
    try member.expectClosed()
  }

  @Test func `The portable event layer is for tests: it is not offered, and warns`() throws {
    let help = try Program(built: "mychatserver", ["--help"])
    try help.waitForExit()
    #expect(!String(decoding: help.output, as: UTF8.self).contains("event-layer"))
    let server = try ServerProgram(options: ["--event-layer", "portable"])
    server.program.signal(SIGTERM)
    #expect(try server.program.waitForExit() == .status(0))
    #expect(server.program.errorLines.count == 1)
    #expect(server.program.errorLines.first?.hasPrefix("[WARNING] ") == true)
  }

  @Test func `When its terminal is closed the server stops in good order`() throws {
    let server = try ServerProgram()
    let member = try server.join()
    server.program.signal(SIGHUP)
    try member.expectClosed()
    member.close()
    #expect(try server.program.waitForExit() == .status(0))
    #expect(server.program.outputLines.last?.hasSuffix("has been removed.") == true)
  }

  @Test func `A server under nohup outlives its terminal`() throws {
    let server = try Program("/bin/sh", ["-c", "trap '' HUP; exec \"$0\" 0", try Program.built("mychatserver")])
    let line = try server.waitForLine("a [LISTENING] line") { $0.hasPrefix("[LISTENING] ") }
    server.signal(SIGHUP)
    let address = try Address(parsing: String(try #require(line.split(separator: " ").last)))
    let member = try Dialogue(connectingTo: address)
    try member.send("exit\n")
    try member.expectClosed()
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
  }
}
