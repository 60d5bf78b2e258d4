import ChatClient
import ChatWire
import Dispatch
import Glibc
import TestSupport
import Testing

private func lines(_ file: HistoryFile) throws -> [String] {
  var file = file
  return try file.load().map { String(decoding: $0, as: UTF8.self) }
}

@Suite(.timeLimit(.minutes(1))) struct HistoryFileTests {
  private let directory: TemporaryDirectory
  private var file: HistoryFile

  init() throws {
    directory = try TemporaryDirectory()
    file = HistoryFile(path: directory.file("history"))
  }

  @Test mutating func linesComeBackInOrderAndOnceInARow() throws {
    for line in ["a", "b", "b", "a", "äöü", "öü"] { try file.append(Array(line.utf8)) }
    #expect(try lines(file) == ["a", "b", "a", "äöü", "öü"])
  }

  @Test mutating func onlyTheNewestLinesAreKept() throws {
    for number in 0..<1250 { try file.append(Array("line \(number)".utf8)) }
    #expect(try lines(file) == (250..<1250).map { "line \($0)" })
    #expect(try lines(HistoryFile(path: file.path)).count == 1000)
    var status = stat()
    #expect(stat(file.path, &status) == 0 && status.st_mode & 0o777 == 0o600)
    #expect(!exists(file.path + ".new"))
  }

  @Test func severalClientsAtOnceLoseAndTearNothing() throws {
    let path = file.path
    DispatchQueue.concurrentPerform(iterations: 4) { client in
      var file = HistoryFile(path: path)
      for number in 0..<240 { try? file.append(Array("client \(client) line \(number)".utf8)) }
    }
    let all = try lines(file)
    for client in 0..<4 {
      #expect(all.filter { $0.hasPrefix("client \(client) ") } == (0..<240).map { "client \(client) line \($0)" })
    }
  }

  @Test mutating func aLineThatLostItsEndDoesNotTakeTheNextWithIt() throws {
    let number = open(file.path, O_CREAT | O_WRONLY, 0o600)
    _ = write(number, "torn", 4)
    close(number)
    try file.append(Array("whole".utf8))
    #expect(try lines(file) == ["torn", "whole"])
  }

  @Test func aPlaceThatCannotBeUsedIsAnError() {
    var file = HistoryFile(path: directory.file("no/such/place"))
    #expect(throws: SystemCallError.self) { try file.load() }
  }
}
