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
    file = HistoryFile(path: directory.file("history"), maximumLines: 1000)
  }

  @Test mutating func linesComeBackInOrderAndOnceInARow() throws {
    for line in ["a", "b", "b", "a", "äöü", "öü"] { try file.append(Array(line.utf8)) }
    #expect(try lines(file) == ["a", "b", "a", "äöü", "öü"])
  }

  @Test mutating func onlyTheNewestLinesAreKept() throws {
    for number in 0..<1250 { try file.append(Array("line \(number)".utf8)) }
    #expect(try lines(file) == (250..<1250).map { "line \($0)" })
    #expect(try lines(HistoryFile(path: file.path, maximumLines: 1000)).count == 1000)
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
    #expect(try lines(HistoryFile(path: target, maximumLines: 1000)).count == 1000)
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

  @Test mutating func `A line for a file that somebody holds is not waited for, and goes in with the next one`() throws
  {
    let holder = open(file.path, O_CREAT | O_RDWR, 0o600)
    #expect(flock(holder, LOCK_EX) == 0)
    try file.append(Array("a".utf8))
    try file.append(Array("b".utf8))
    #expect(contents(of: file.path) == [])
    close(holder)
    try file.append(Array("c".utf8))
    #expect(try lines(file) == ["a", "b", "c"])
  }

  @Test func `Several clients at once lose and tear nothing`() throws {
    let path = file.path
    DispatchQueue.concurrentPerform(iterations: 4) { client in
      var file = HistoryFile(path: path, maximumLines: 1000)
      for number in 0..<240 { try? file.append(Array("client \(client) line \(number)".utf8)) }
      // Lines that still wait for the others go in.
      while (try? file.load()) == nil {}
    }
    let all = try lines(file)
    for client in 0..<4 {
      #expect(all.filter { $0.hasPrefix("client \(client) ") } == (0..<240).map { "client \(client) line \($0)" })
    }
  }

  @Test mutating func aLineThatLostItsEndDoesNotTakeTheNextWithIt() throws {
    try file.append(Array("before".utf8))
    let number = open(file.path, O_WRONLY | O_APPEND)
    _ = write(number, "torn", 4)
    close(number)
    try file.append(Array("whole".utf8))
    #expect(try lines(file) == ["before", "torn", "whole"])
  }

  @Test func `A place that cannot be used is an error`() {
    var file = HistoryFile(path: directory.file("no/such/place"), maximumLines: 1000)
    #expect(throws: HistoryFile.Failure.self) { try file.load() }
  }

  @Test func `As many lines are kept as are wanted`() throws {
    var file = HistoryFile(path: file.path, maximumLines: 2)
    for number in 0..<150 { try file.append(Array("\(number)".utf8)) }
    #expect(try file.load().map { String(decoding: $0, as: UTF8.self) } == ["148", "149"])
    var longer = HistoryFile(path: file.path, maximumLines: 3)
    try longer.append(Array("150".utf8))
    #expect(try lines(longer) == ["148", "149", "150"])
  }

  /// Asks for a history in what is at `file.path`, and expects that it is refused and stays as it was.
  private mutating func expectRefusal(_ failure: HistoryFile.Failure) throws {
    var (before, after) = (stat(), stat())
    #expect(stat(file.path, &before) == 0)
    #expect(throws: failure) { try file.load() }
    #expect(throws: failure) { try file.append(Array("a".utf8)) }
    #expect(stat(file.path, &after) == 0)
    #expect(before.st_mode == after.st_mode && before.st_ino == after.st_ino && before.st_size == after.st_size)
  }

  @Test(arguments: ["notes\n", String(repeating: "a line\n", count: 2000), "# mychat history", "\n"])
  mutating func aFileThatSomethingElseWroteIsLeftAsItIs(content: String) throws {
    let number = open(file.path, O_CREAT | O_WRONLY, 0o644)
    StandardOutput.write(content, to: number)
    fchmod(number, 0o644)
    close(number)
    try expectRefusal(.foreign)
  }

  @Test mutating func aPipeIsRefusedWithoutWaitingForItsReader() throws {
    #expect(mkfifo(file.path, 0o644) == 0 && chmod(file.path, 0o666) == 0)
    try expectRefusal(.notRegular)
  }

  /// Making a device takes root, and a kernel that lets root do so.
  private static let canMakeDevices: Bool = {
    guard let directory = try? TemporaryDirectory() else { return false }
    return mknod(directory.file("null"), S_IFCHR | 0o666, nullDevice) == 0
  }()
  /// That of `/dev/null`: major number 1, minor number 3.
  private static let nullDevice: dev_t = 0x103

  @Test(.enabled(if: canMakeDevices, "making a device needs root"))
  mutating func aDeviceKeepsItsMode() throws {
    #expect(mknod(file.path, S_IFCHR | 0o666, Self.nullDevice) == 0 && chmod(file.path, 0o666) == 0)
    try expectRefusal(.notRegular)
  }

  @Test mutating func theFileInTheStandardPlaceIsOursAlsoWithoutAHeader() throws {
    let number = open(file.path, O_CREAT | O_WRONLY, 0o600)
    StandardOutput.write("one\ntwo\n", to: number)
    close(number)
    var standard = HistoryFile(path: file.path, maximumLines: 1000, isStandard: true)
    #expect(try lines(standard) == ["one", "two"])
    try standard.append(Array("three".utf8))
    #expect(try lines(file) == ["one", "two", "three"])
  }
}
