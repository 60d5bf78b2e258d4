import ChatWire
import Glibc
import TestSupport
import Testing

/// What `--transcript` keeps, and what becomes of the file when the server, its disk or its owner does something to it.
@Suite(.timeLimit(.minutes(10))) struct TranscriptTests {
  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("transcript")
  }

  private func server() throws -> ServerProgram { try ServerProgram(options: ["--transcript", path]) }

  /// The lines of a transcript without their times, each of which has to be of today or yesterday.
  private func lines(of path: String) throws -> [String] {
    let now = WallTime.now
    return try text(ofFile: path).split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { line in
      let time = try #require(WallTime(parsing: line.utf8.prefix(WallTime.textBytes)), "\(line)")
      #expect(time.seconds <= now.seconds && time.seconds > now.seconds - 86_400, "\(line)")
      let rest = line.utf8.dropFirst(WallTime.textBytes)
      #expect(rest.first == UInt8(ascii: " "), "\(line)")
      return String(decoding: Array(rest.dropFirst()), as: UTF8.self)
    }
  }

  private func waitForLines(_ expected: [String], in path: String) throws {
    try eventually("\(expected) in the transcript; it is \(text(ofFile: path))") { try lines(of: path) == expected }
  }

  @Test func `Every public line is in the transcript with its time, and a restart goes on behind it`() throws {
    let first = try server()
    let speaker = try first.join()
    try speaker.send("hello\n\u{1B}[31mred\nexit\n")
    try speaker.expectClosed()
    try first.stop()
    #expect(try lines(of: path) == ["\(speaker.localPort): hello", "\(speaker.localPort): ^[[31mred"])
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)

    let second = try server()
    let later = try second.join()
    try later.send("again\n")
    try waitForLines(
      ["\(speaker.localPort): hello", "\(speaker.localPort): ^[[31mred", "\(later.localPort): again"], in: path)
  }

  @Test func `A line that was not complete is removed at the start, and the server's log says what it was`() throws {
    try append("2026-11-23T21:03:05Z 1234: whole\n2026-11-23T21:03:06Z 1234: ha\u{7}lf", to: path)
    let server = try server()
    #expect(
      server.program.outputLines.first
        == "[TRANSCRIPT] \(path): the last line was not complete and was removed: \"2026-11-23T21:03:06Z 1234: ha^Glf\""
    )
    #expect(text(ofFile: path) == "2026-11-23T21:03:05Z 1234: whole\n")
  }

  @Test func `A file of half a line is a transcript, and is empty then`() throws {
    try append("2026-11-2", to: path)
    let server = try server()
    #expect(server.program.outputLines.first?.hasSuffix("was removed: \"2026-11-2\"") == true)
    let speaker = try server.join()
    try speaker.send("hi\n")
    try waitForLines(["\(speaker.localPort): hi"], in: path)
  }

  @Test func `Damaged lines are passed over, and the server's log says how many and where`() throws {
    let whole = "2026-11-23T21:03:05Z 1234: whole\n"
    try append(whole + "no line of a transcript\n" + whole + "2026-02-30T21:03:05Z 1: no such day\n" + whole, to: path)
    let server = try server()
    #expect(
      server.program.outputLines.first
        == "[TRANSCRIPT] \(path): 2 lines are damaged and were passed over; the first of them is line 2.")
    #expect(text(ofFile: path).contains("no line of a transcript\n"))
  }

  @Test func `After kill -9 the transcript has what was said before, and goes on`() throws {
    let first = try server()
    let speaker = try first.join()
    try speaker.send("before\n")
    try waitForLines(["\(speaker.localPort): before"], in: path)
    first.program.signal(SIGKILL)
    try first.program.waitForExit()
    let second = try server()
    let later = try second.join()
    try later.send("after\n")
    try waitForLines(["\(speaker.localPort): before", "\(later.localPort): after"], in: path)
  }

  @Test func `After a rename SIGHUP makes the server go on in a new file, and nobody leaves`() throws {
    let server = try server()
    let speaker = try server.join()
    try speaker.send("one\n")
    try waitForLines(["\(speaker.localPort): one"], in: path)
    rename(path, path + ".1")
    try speaker.send("two\n")
    try waitForLines(["\(speaker.localPort): one", "\(speaker.localPort): two"], in: path + ".1")
    server.program.signal(SIGHUP)
    try server.program.waitForLine("[TRANSCRIPT] \(path) was opened anew.")
    try speaker.send("three\n")
    try waitForLines(["\(speaker.localPort): three"], in: path)
    #expect(try lines(of: path + ".1").count == 2)
    // There is nothing to do at a second one.
    server.program.signal(SIGHUP)
    try speaker.send("four\n")
    try waitForLines(["\(speaker.localPort): three", "\(speaker.localPort): four"], in: path)
    try server.stop()
  }

  @Test func `If the new file cannot be had at SIGHUP, the former one goes on, and it is told`() throws {
    let server = try server()
    let speaker = try server.join()
    rename(path, path + ".1")
    try append("somebody's letter\n", to: path)
    server.program.signal(SIGHUP)
    _ = try server.program.waitForLine("the trouble in the log") {
      $0.hasPrefix("[TRANSCRIPT] ") && $0.contains("not a transcript") && $0.hasSuffix("written on.")
    }
    try speaker.send("still here\n")
    try waitForLines(["\(speaker.localPort): still here"], in: path + ".1")
    #expect(text(ofFile: path) == "somebody's letter\n")
    try server.stop()
    #expect(server.program.errorLines.count == 1)
  }

  @Test(.enabled(if: !isSanitized, "the limit on files breaks the sanitizer's own"))
  func `A full disk holds up nobody, and the transcript says how many lines it lacks`() throws {
    // A limit of the file's size fails as a full disk does, and takes no root.
    let script = "ulimit -S -f 8; exec \"$0\" 0 --transcript \"$1\""
    let server = try Program("/bin/sh", ["-c", script, try Program.built("mychatserver"), path])
    let listening = try server.waitForLine("a [LISTENING] line") { $0.hasPrefix("[LISTENING] ") }
    let address = try Address(parsing: String(try #require(listening.split(separator: " ").last)))
    let (listener, speaker) = (try Dialogue(connectingTo: address), try Dialogue(connectingTo: address))
    for _ in 0..<2 { _ = try server.waitForLine("a [NEW CONNECTION] line") { $0.hasPrefix("[NEW CONNECTION] ") } }
    let text = String(repeating: "x", count: 1000)
    for number in 0..<20 {
      try speaker.send("\(number) \(text)\n")
      try listener.expect("\(speaker.localPort): \(number) \(text)")
    }
    try eventually("standard error to say it") {
      server.readWhatIsThere()
      return server.errorLines.contains { $0.contains("'\(path)' cannot be written: File too large") }
    }
    let enlarge = try Program(try Program.found("prlimit"), ["--pid", "\(server.pid)", "--fsize=unlimited"])
    #expect(try enlarge.waitForExit() == .status(0))
    try speaker.send("there is space again\n")
    try eventually("the transcript to go on") {
      try lines(of: path).last == "\(speaker.localPort): there is space again"
    }
    let kept = try lines(of: path)
    // The torn line counts as missing, and nothing is left of it. The last may have waited until there was space.
    let note = try #require(kept.firstIndex { $0.hasPrefix("* ") })
    #expect(kept[..<note].allSatisfy { $0.hasSuffix(text) })
    let (before, after) = (note, kept.count - note - 2)
    #expect(kept[note] == "* \(20 - before - after) lines are missing here: the transcript could not be written.")
    #expect(
      Array(kept[(note + 1)...].dropLast()) == (20 - after..<20).map { "\(speaker.localPort): \($0) \(text)" })
    #expect(server.errorLines.count == 1)
  }

  @Test func `What is no transcript is refused and stays as it is`() throws {
    try append("To do:\n- milk\n", to: path)
    #expect(try ServerProgram.refusal(of: ["--transcript", path]).contains("not a transcript"))
    #expect(text(ofFile: path) == "To do:\n- milk\n")
    let fifo = directory.file("fifo")
    try #require(mkfifo(fifo, 0o600) == 0)
    #expect(try ServerProgram.refusal(of: ["--transcript", fifo]).contains("no regular file"))
    #expect(try ServerProgram.refusal(of: ["--transcript", "/dev/null"]).contains("no regular file"))
    #expect(try ServerProgram.refusal(of: ["--transcript", directory.path]).contains("it is a directory"))
    #expect(
      try ServerProgram.refusal(of: ["--transcript", directory.file("none/file")]).contains("no such file or directory")
    )
  }

  @Test func `Two servers do not write one transcript`() throws {
    let first = try server()
    #expect(try ServerProgram.refusal(of: ["--transcript", path]).contains("another server writes it"))
    try first.stop()
    _ = try server()
  }
}
