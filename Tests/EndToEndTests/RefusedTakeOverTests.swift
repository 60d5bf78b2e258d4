import ChatWire
import Glibc
import TestSupport
import Testing

/// What stands at the server's path cannot go on: the server does, and says why.
@Suite(.timeLimit(.minutes(10))) struct RefusedTakeOverTests {
  /// A server that runs from a directory in which its program can be replaced.
  private final class Installed {
    let directory: TemporaryDirectory
    let path: String
    let built: String
    let program: Program
    let address: Address

    init(_ options: [String] = []) throws {
      directory = try TemporaryDirectory()
      path = directory.file("mychatserver")
      built = try Program.built("mychatserver")
      guard symlink(built, path) == 0 else { throw SystemCallError("symlink") }
      program = try Program(path, options + ["0"])
      let prefix = "[LISTENING] Server is listening on "
      let line = try program.waitForLine("a [LISTENING] line") { $0.hasPrefix(prefix) }
      address = try Address(parsing: String(line.dropFirst(prefix.count)))
    }

    /// Puts a script in the place of the program.
    func install(_ script: String, mode: mode_t = 0o755) throws {
      try TestSupport.write(script, to: path + ".new", mode: mode)
      guard rename(path + ".new", path) == 0 else { throw SystemCallError("rename") }
    }

    /// - Returns: why it did not happen.
    func refusal() throws -> String {
      program.signal(SIGUSR2)
      let prefix = "[TAKEOVER] failed: "
      let line = try program.waitForLine("a refusal") { $0.hasPrefix(prefix) }
      program.readWhatIsThere()
      try eventually("the same on standard error; there is \(program.errorLines)") {
        program.readWhatIsThere()
        return program.errorLines.last == line
      }
      return String(line.dropFirst(prefix.count))
    }
  }

  @Test func `What is no program, breaks, or cannot read the state is refused, and everybody stays`() throws {
    let server = try Installed()
    let (alice, bob) = (try Dialogue(connectingTo: server.address), try Dialogue(connectingTo: server.address))
    for _ in 0..<2 { _ = try server.program.waitForLine("a member") { $0.hasPrefix("[NEW CONNECTION]") } }
    func check(_ expected: String) throws {
      try alice.send("half")
      var refusal = try server.refusal()
      // On a machine that is busy with other tests.
      while refusal.contains("has not said within"), !expected.contains("has not said within") {
        refusal = try server.refusal()
      }
      #expect(refusal == expected + " The former program goes on.")
      try alice.send(" a line\n")
      try bob.expect("\(alice.localPort): half a line")
    }
    try alice.send("a newline first\n")
    try bob.expect("\(alice.localPort): a newline first")
    let path = server.path

    try server.install("no program\n", mode: 0o644)
    try check("'\(path)' cannot be started: Permission denied.")
    try server.install("no program\n")
    try check("'\(path)' cannot be started: Exec format error.")
    unlink(path)
    try check("'\(path)' cannot be started: No such file or directory.")
    try server.install("#!/bin/sh\nexit 0\n")
    try check("'\(path)' is no mychatserver.")
    try server.install("#!/bin/sh\nexit 3\n")
    try check("'\(path)' ended with status 3.")
    try server.install("#!/bin/sh\nkill -SEGV $$\n")
    try check("'\(path)' ended by signal 11 (Segmentation fault).")
    try server.install("#!/bin/sh\necho 'error while loading shared libraries: libnew.so' >&2; exit 127\n")
    try check("'\(path)' says: error while loading shared libraries: libnew.so")
    // As a program of another format would find it, and one that does not know this at all.
    let odd = server.directory.file("state")
    try TestSupport.write("mychat state\nc\0", to: odd)
    try server.install("#!/bin/sh\nexec \(server.built) \"$@\" 3<\(odd)\n")
    try check(
      "What this program knows cannot be read by '\(server.built)': it is in format 99, and this program knows format 1."
    )
    try server.install("#!/bin/sh\nshift 2\nexec \(server.built) --no-such-option \"$@\"\n")
    try check("Unknown option '--no-such-option'. See 'mychatserver --help'.")
    // It is there when it is asked, and then no more.
    try server.install("#!/bin/sh\nrm \(path)\nexec \(server.built) \"$@\"\n")
    try check("'\(path)' cannot be started: No such file or directory.")
    try server.install("#!/bin/sh\nexec sleep 100\n")
    try check("'\(path)' has not said within 5 s whether it can.")

    // And then comes one that can.
    try server.install("#!/bin/sh\nexec \(server.built) \"$@\"\n")
    try server.program.takeOver(members: 2)
    try alice.send("at last\n")
    try bob.expect("\(alice.localPort): at last")
    server.program.signal(SIGTERM)
    #expect(try server.program.waitForExit() == .status(0))
  }

  @Test func `A file of options with which the program would end at once is refused`() throws {
    let directory = try TemporaryDirectory()
    let (options, fifo) = (directory.file("options"), directory.file("fifo"))
    #expect(mkfifo(fifo, 0o600) == 0)
    try TestSupport.write("", to: options)
    let server = try Installed(["--config", options])
    let member = try Dialogue(connectingTo: server.address)
    for (text, refusal) in [
      ("--check", "With --check it would end at once. Remove that from the file of options."),
      ("--operator root", "--operator is for Unix sockets, and there is none. Add an address unix:PATH."),
      ("--log-file \(fifo)", "Cannot use '\(fifo)' for the log: open: No such device or address."),
    ] {
      try TestSupport.write(text + "\n", to: options)
      #expect(try server.refusal() == refusal + " The former program goes on.")
      try member.send("/who\n")
      try member.expect("* Nobody else is here.")
      _ = try member.expectLine()
    }
  }

  @Test func `With too few open files allowed nobody goes on`() throws {
    let server = try Installed()
    let member = try Dialogue(connectingTo: server.address)
    let prlimit = try Program(Program.found("prlimit"), ["--pid", "\(server.program.pid)", "--nofile=60:60"])
    #expect(try prlimit.waitForExit() == .status(0))
    #expect(try server.refusal().hasPrefix("The limit of open files is 60, and the server needs 65 or more"))
    try member.send("/who\n")
    try member.expect("* Nobody else is here.")
  }

  @Test func `A program that is replaced while it is asked does not go on unasked`() throws {
    let server = try Installed()
    let member = try Dialogue(connectingTo: server.address)
    let (path, broken) = (server.path, server.directory.file("broken"))
    try TestSupport.write("#!/bin/sh\nexit 9\n", to: broken, mode: 0o755)
    try server.install("#!/bin/sh\nmv \(broken) \(path)\nexec \(server.built) \"$@\"\n")
    #expect(
      try server.refusal() == "'\(path)' was replaced meanwhile. Send SIGUSR2 again. The former program goes on.")
    #expect(try server.refusal() == "'\(path)' ended with status 9. The former program goes on.")
    try member.send("/who\n")
    try member.expect("* Nobody else is here.")
  }

  @Test func `A standard error that takes nothing holds nobody up`() throws {
    let directory = try TemporaryDirectory()
    let (fifo, path) = (directory.file("fifo"), directory.file("mychatserver"))
    #expect(mkfifo(fifo, 0o600) == 0)
    let errors = FileDescriptor(owning: open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC))
    guard symlink(try Program.built("mychatserver"), path) == 0 else { throw SystemCallError("symlink") }
    // At a start there is a warning.
    let command = "exec \"$0\" --event-layer portable 0 2>\"$1\""
    let server = try Program("/bin/sh", ["-c", command, path, fifo])
    let line = try server.waitForLine("a [LISTENING] line") { $0.hasPrefix("[LISTENING]") }
    let member = try Dialogue(port: try #require(UInt16(line.split(separator: ":").last ?? "")))
    _ = try server.waitForLine("a member") { $0.hasPrefix("[NEW CONNECTION]") }
    let page = [UInt8](repeating: UInt8(ascii: "x"), count: 4096)
    while case .bytes = page.withUnsafeBytes({ errors.write($0) }) {}
    try server.takeOver(members: 1)
    unlink(path)
    for _ in 0..<3 {
      server.signal(SIGUSR2)
      _ = try server.waitForLine("a refusal") { $0.hasPrefix("[TAKEOVER] failed: ") }
      try member.send("/who\n")
      try member.expect("* Nobody else is here.")
      _ = try member.expectLine()
    }
  }

  @Test func `A stop that is asked for at the same time is never lost`() throws {
    for round in 0..<12 {
      let server = try ServerProgram()
      let member = try server.join()
      server.program.signal(SIGUSR2)
      _ = poll(nil, 0, CInt(round * 4))
      server.program.signal(SIGTERM)
      try member.expectClosed()
      #expect(try server.program.waitForExit() == .status(0))
    }
  }

  @Test func `Nor is one that comes while the room is busy, just before the new program goes on`() throws {
    let directory = try TemporaryDirectory()
    let (path, busy) = (directory.file("mychatserver"), directory.file("busy"))
    let (isAsked, mayAnswer) = (directory.file("is-asked"), directory.file("may-answer"))
    let hasAnswered = directory.file("has-answered")
    let built = try Program.built("mychatserver")
    guard symlink(built, path) == 0 else { throw SystemCallError("symlink") }
    let environment = ["LD_PRELOAD": try Program.built("libFailingCalls.so"), "NO_ACCEPTING_WHILE": busy]
    let server = try Program(path, ["0"], environment: environment)
    let line = try server.waitForLine("a [LISTENING] line") { $0.hasPrefix("[LISTENING]") }
    let port = try #require(UInt16(line.split(separator: ":").last ?? ""))
    let script = """
      #!/bin/sh
      [ "$1" = --check-takeover ] || exec \(built) "$@"
      : > \(isAsked)
      until [ -e \(mayAnswer) ]; do sleep 0.01; done
      \(built) "$@" && : > \(hasAnswered)
      """
    try TestSupport.write(script, to: path + ".new", mode: 0o755)
    guard rename(path + ".new", path) == 0 else { throw SystemCallError("rename") }

    server.signal(SIGUSR2)
    try eventually("the new program to be asked") { exists(isAsked) }
    try TestSupport.write("", to: busy)
    let member = try Dialogue(port: port)
    try eventually("the room to be busy") { exists(busy + ".begun") }
    try TestSupport.write("", to: mayAnswer)
    try eventually("the new program's answer") { exists(hasAnswered) }
    // Nothing tells when the server has read it, and taken the signal.
    _ = poll(nil, 0, 200)
    server.signal(SIGTERM)
    _ = poll(nil, 0, 50)
    unlink(busy + ".begun")
    try member.expectClosed()
    #expect(try server.waitForExit() == .status(0))
  }

  @Test func `A SIGHUP that is ignored from the start, as under nohup, stays so`() throws {
    let server = try Program("/bin/sh", ["-c", "trap '' HUP; exec \"$0\" 0", try Program.built("mychatserver")])
    let line = try server.waitForLine("a [LISTENING] line") { $0.hasPrefix("[LISTENING]") }
    let port = try #require(UInt16(line.split(separator: ":").last ?? ""))
    let member = try Dialogue(port: port)
    for _ in 0..<2 {
      try server.takeOver(members: 1)
      server.signal(SIGHUP)
      try member.send("/who\n")
      try member.expect("* Nobody else is here.")
      _ = try member.expectLine()
    }
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
  }
}
