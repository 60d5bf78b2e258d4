import ChatWire
import Glibc
import TestSupport
import Testing

/// What the machine may be short of while a server runs.
@Suite(.timeLimit(.minutes(10))) struct ShortageTests {
  @Test func `While the kernel has no memory to send, the server waits without using the processor, and then sends`()
    throws
  {
    let directory = try TemporaryDirectory()
    let shortage = directory.file("shortage")
    close(open(shortage, O_CREAT | O_WRONLY, 0o600))
    let server = try Program(
      built: "mychatserver", ["0"],
      environment: ["LD_PRELOAD": try Program.built("libFailingCalls.so"), "NO_MEMORY_WHILE": shortage])
    let address = try listeningAddress(of: server)
    let listener = try Dialogue(connectingTo: address)
    let speaker = try Dialogue(connectingTo: address)
    for _ in 0..<2 { _ = try server.waitForLine("a [NEW CONNECTION] line") { $0.hasPrefix("[NEW CONNECTION] ") } }
    try speaker.send("hi\n")
    _ = try server.waitForLine("the line in the log") { $0.hasSuffix(": hi") }

    var clock = clockid_t()
    try #require(clock_getcpuclockid(server.pid, &clock) == 0)
    var (before, after) = (timespec(), timespec())
    clock_gettime(clock, &before)
    _ = poll(nil, 0, 1000)
    clock_gettime(clock, &after)
    let used = Duration.seconds(after.tv_sec - before.tv_sec) + .nanoseconds(after.tv_nsec - before.tv_nsec)
    #expect(used < .milliseconds(200))

    unlink(shortage)
    #expect(try listener.expectLine() == "\(speaker.localPort): hi")
  }

  @Test(.enabled(if: !isSanitized, "the limit on files breaks the sanitizer's own"))
  func `Nothing is left in the log of a line that a full disk has torn`() throws {
    let directory = try TemporaryDirectory()
    let (path, log) = (directory.file("chat.sock"), directory.file("log"))
    // A limit of the file's size fails as a full disk does, and takes no root.
    let server = try Program(
      "/bin/sh",
      ["-c", "ulimit -S -f 8; exec \"$0\" \"$1\" >>\"$2\"", try Program.built("mychatserver"), "unix:\(path)", log])
    try eventually("the server to listen") { exists(path) && (try? Dialogue(connectingTo: .unix(path: path))) != nil }
    let listener = try Dialogue(connectingTo: .unix(path: path))
    let speaker = try Dialogue(connectingTo: .unix(path: path))
    let text = String(repeating: "x", count: 1000)
    for number in 0..<20 {
      try speaker.send("\(number) \(text)\n")
      #expect(try listener.expectLine().hasSuffix(": \(number) \(text)"))
    }
    try eventually("standard error to say it") {
      server.readWhatIsThere()
      return server.errorLines.contains { $0.contains("log cannot be written") }
    }
    let enlarge = try Program(try Program.found("prlimit"), ["--pid", "\(server.pid)", "--fsize=unlimited"])
    #expect(try enlarge.waitForExit() == .status(0))
    try speaker.send("there is space again\n")
    try eventually("the log to go on") { try content(of: log).contains(": there is space again\n") }
    let lines = try content(of: log).split(separator: "\n")
    #expect(lines.contains { $0.hasPrefix("[LOG] ") && $0.contains("left out") })
    let said = lines.filter { $0.contains("Relaying message: ") }
    #expect(said.allSatisfy { $0.hasPrefix("[(") && ($0.hasSuffix(text) || $0.hasSuffix(": there is space again")) })
  }

  private func listeningAddress(of server: Program) throws -> Address {
    let line = try server.waitForLine("a [LISTENING] line") { $0.hasPrefix("[LISTENING] ") }
    return try Address(parsing: String(try #require(line.split(separator: " ").last)))
  }

  private func content(of path: String) throws -> String {
    let file = FileDescriptor(owning: open(path, O_RDONLY | O_CLOEXEC))
    var bytes: [UInt8] = []
    withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
      while case .bytes(let count) = file.read(into: buffer) { bytes += buffer[..<count] }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
