import ChatWire
import Glibc
import TestSupport
import Testing

@testable import ChatClient

@Suite(.timeLimit(.minutes(10))) struct ConversationLogTests {
  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("chat.log")
  }

  @Test(arguments: [
    ("hi", "ada: hi"), ("//who", "ada: /who"), ("/me waves", "[action] ada waves"),
    ("/msg bob psst", "[private to bob] ada: psst"), ("/reply yes", "[private] ada: yes"), ("/who", nil),
    ("/op secret", nil), ("exit", nil), (" ", nil), ("a\u{1B}[2J", "ada: a^[[2J"),
  ])
  func `What the person says stands there as others get it`(line: String, expected: String?) {
    let logged = ConversationLog.line(saying: Array(line.utf8), as: Array("ada".utf8))
    #expect(logged.map { String(decoding: $0, as: UTF8.self) } == expected)
  }

  @Test func `Each line has its date and time, and the file grows`() throws {
    for text in ["one", "two"] {
      let log = try ConversationLog(toFileAt: path) { timespec(tv_sec: 1_795_000_000, tv_nsec: 0) }
      log.note([Array(text.utf8)])
      #expect(log.takeTrouble() == [])
    }
    let lines = text(ofFile: path).split(separator: "\n")
    #expect(lines.count == 2 && lines.map { $0.suffix(4) } == [" one", " two"])
    #expect(lines.allSatisfy { $0.contains(#/^2026-11-1[89] [0-9]{2}:[0-9]{2}:40 /#) }, "\(lines)")
  }

  @Test func `Its owner alone can read a file that it makes, and one that is there stays as it is`() throws {
    _ = try ConversationLog(toFileAt: path)
    var information = stat()
    #expect(stat(path, &information) == 0 && information.st_mode & 0o777 == 0o600)
    chmod(path, 0o644)
    _ = try ConversationLog(toFileAt: path)
    #expect(stat(path, &information) == 0 && information.st_mode & 0o777 == 0o644)
  }

  @Test(arguments: ["/dev/null", "/nonexistent/log", "/tmp"]) func `What is no file is refused`(path: String) {
    #expect(throws: ConnectionFailure.self) { try ConversationLog(toFileAt: path) }
  }
}
