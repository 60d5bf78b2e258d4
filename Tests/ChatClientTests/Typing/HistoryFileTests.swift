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

@Suite(.timeLimit(.minutes(10))) struct HistoryFileTests {
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
  }

  @Test mutating func aLinkStaysALinkAndNothingBesideTheFileIsTouched() throws {
    let target = directory.file("target")
    let beside = open(target + ".new", O_CREAT | O_WRONLY, 0o644)
    StandardOutput.write("somebody else's", to: beside)
    #expect(symlink(target, file.path) == 0)
    for number in 0..<1150 { try file.append(Array("line \(number)".utf8)) }
    var status = stat()
    #expect(lstat(file.path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
    #expect(try lines(HistoryFile(path: target)).count == 1000)
    #expect(fstat(beside, &status) == 0 && status.st_size == 15 && status.st_nlink == 1)
    close(beside)
    #expect(try entries() == ["history", "target", "target.new"])
  }

  private func entries() throws -> [String] {
    let list = try Program("/bin/ls", [directory.path])
    try list.waitForExit()
    return list.outputLines
  }

  @Test mutating func aFileThatAllCouldReadIsClosedToOthers() throws {
    close(open(file.path, O_CREAT | O_WRONLY, 0o644))
    chmod(file.path, 0o644)
    try file.append(Array("a".utf8))
    var status = stat()
    #expect(stat(file.path, &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test mutating func aFileThatSomebodyHoldsIsAnErrorAndNoWait() throws {
    let holder = open(file.path, O_CREAT | O_RDWR, 0o600)
    #expect(flock(holder, LOCK_EX) == 0)
    #expect(throws: SystemCallError.self) { try file.append(Array("a".utf8)) }
    close(holder)
    try file.append(Array("b".utf8))
    #expect(try lines(file) == ["b"])
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
