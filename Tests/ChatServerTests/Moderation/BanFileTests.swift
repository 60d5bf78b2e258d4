import ChatWire
import Glibc
import TestSupport
import Testing

@testable import ChatServer

@Suite(.timeLimit(.minutes(10))) struct BanFileTests {
  private let directory: TemporaryDirectory
  private let state: String
  private let path: String
  private let now = WallTime(seconds: 1_795_554_185)

  init() throws {
    directory = try TemporaryDirectory()
    state = directory.file("state")
    path = state + "/bans"
  }

  private func list(_ names: String...) -> BanList {
    BanList(names.map { Ban(.name(BannedName($0)), until: nil, by: "carol", at: now) })
  }

  private func write(_ text: String, to path: String) {
    let file = FileDescriptor(owning: open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644))
    #expect(StandardOutput.write(text, to: file.number) == nil)
  }

  /// What a new server reads, and what it has to say.
  private func load() throws -> (list: BanList, told: [String]) {
    var told: [String] = []
    var file: BanFile?
    // The former one may be released a moment later, on its queue.
    try eventually("the directory's lock to be free") {
      file = try? BanFile(in: state)
      return file != nil
    }
    let list = try #require(file).load(at: now) { told.append($0) }
    return (list, told)
  }

  @Test func `Bans are read back as they were saved, the last of several lists`() throws {
    do {
      let file = try BanFile(in: state)
      #expect(try file.load(at: now) { _ in }.bans.isEmpty)
      file.save(list("alice"))
      file.save(list("alice", "bob", "mallory"))
      file.drain(seconds: 30)
    }
    let (read, told) = try load()
    #expect(read == list("alice", "bob", "mallory"))
    #expect(told == [])
    #expect(text(ofFile: path).hasPrefix("# mychat bans\nname alice for ever by carol at 2026-11-24T21:03:05Z\n"))
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
    #expect(!exists(path + ".new"))
  }

  @Test func `Damaged lines are named and kept aside once, and the valid ones count`() throws {
    mkdir(state, 0o700)
    let line = "name mallory for ever by carol at 2026-11-24T21:03:05Z"
    write("# mychat bans\n\(line)\ngarb\u{7}age\n\n\(line.dropLast(4))", to: path)
    let (read, told) = try load()
    #expect(read == list("mallory"))
    #expect(
      told == [
        "[BANS] \(path): line 3 cannot be used, and was moved to \(path).damaged: \"garb^Gage\"",
        "[BANS] \(path): line 5 cannot be used, and was moved to \(path).damaged: \"\(line.dropLast(4))\"",
      ])
    #expect(text(ofFile: path + ".damaged") == "garb\u{7}age\n\(line.dropLast(4))\n")
    #expect(text(ofFile: path) == "# mychat bans\n\(line)\n")
    let again = try load()
    #expect(again.list == read && again.told == [])
    #expect(text(ofFile: path + ".damaged") == "garb\u{7}age\n\(line.dropLast(4))\n")
  }

  @Test func `A damaged first line is kept aside like any other, but a file without a single ban is somebody else's`()
    throws
  {
    mkdir(state, 0o700)
    write("# mychat b\nname mallory for ever by carol at 2026-11-24T21:03:05Z\n", to: path)
    #expect(try load().list == list("mallory"))
    write("To do:\n- milk\n", to: path)
    let error = #expect(throws: FileError.self) { try load() }
    #expect(error?.description.contains("not a list of bans") == true)
    #expect(text(ofFile: path) == "To do:\n- milk\n")
  }

  @Test func `Ten thousand bans are read, and those beyond are kept aside`() throws {
    mkdir(state, 0o700)
    let lines = (0..<BanList.capacity + 30).map { "name m\($0) for ever by carol at 2026-11-24T21:03:05Z\n" }
    write("# mychat bans\n" + lines.joined(), to: path)
    let (read, told) = try load()
    #expect(read.bans.count == BanList.capacity)
    #expect(told.count == 21)
    #expect(told.last == "[BANS] \(path): 10 more such lines were moved to \(path).damaged.")
    #expect(text(ofFile: path + ".damaged") == lines.suffix(30).joined())
  }

  @Test func `What a power cut left of a new file goes, and the former file counts`() throws {
    mkdir(state, 0o700)
    let saved = "# mychat bans\nname mallory for ever by carol at 2026-11-24T21:03:05Z\n"
    write(saved, to: path)
    write("# mychat bans\nname al", to: path + ".new")
    let (read, told) = try load()
    #expect(read == list("mallory") && told == [])
    #expect(!exists(path + ".new"))
    #expect(text(ofFile: path) == saved)
  }

  @Test func `A link in the place of the new file is not followed`() throws {
    let letter = directory.file("letter")
    write("dear bob\n", to: letter)
    let file = try BanFile(in: state)
    symlink(letter, path + ".new")
    file.save(list("mallory"))
    file.drain(seconds: 30)
    #expect(text(ofFile: letter) == "dear bob\n")
    #expect(text(ofFile: path).contains("mallory"))
  }

  @Test func `Bans that cannot be written now are written later, and the former file stays whole meanwhile`() throws {
    let file = try BanFile(in: state)
    file.save(list("alice"))
    file.drain(seconds: 30)
    let before = text(ofFile: path)
    // A directory cannot be unlinked.
    mkdir(path + ".new", 0o700)
    file.save(list("alice", "bob"))
    file.drain(seconds: 30)
    #expect(text(ofFile: path) == before)
    rmdir(path + ".new")
    file.drain(seconds: 30)
    #expect(text(ofFile: path).contains("name bob for ever"))
  }

  @Test func `If damaged lines cannot be kept aside, the server does not start, and the file stays as it is`() throws {
    mkdir(state, 0o700)
    mkdir(path + ".damaged", 0o700)
    write("# mychat bans\ngarbage\n", to: path)
    #expect(throws: FileError.self) { try load() }
    #expect(text(ofFile: path) == "# mychat bans\ngarbage\n")
  }

  @Test func `The token matches itself only, and is never shown`() throws {
    let path = directory.file("token")
    write("  correct horse \r\nsecond line\n", to: path)
    chmod(path, 0o600)
    let token = try OperatorToken(fromFile: path)
    func matches(_ given: String) -> Bool { token.matches(Array(given.utf8).span) }
    #expect(matches("correct horse"))
    for wrong in ["", "correct", "correct horsf", "correct horse ", "correct horsecorrect horse", "second line"] {
      #expect(!matches(wrong), "\(wrong)")
    }
    var shown = "\(token) \(String(reflecting: token))"
    dump(token, to: &shown)
    #expect(!shown.contains("horse") && !shown.contains("99"))
  }

  @Test(arguments: [
    ("1234567\n", 0o600, "fewer than 8 characters"), ("", 0o600, "fewer than 8 characters"),
    ("\nlong enough\n", 0o600, "fewer than 8 characters"), ("long enough\n", 0o604, "chmod 600"),
    ("long enough\n", 0o660, "chmod 600"),
  ]) func `A token that is too short or that others can read is refused`(text: String, mode: mode_t, reason: String)
    throws
  {
    let path = directory.file("token")
    write(text, to: path)
    chmod(path, mode)
    let error = #expect(throws: FileError.self) { try OperatorToken(fromFile: path) }
    #expect(error?.description.contains(reason) == true)
  }
}
