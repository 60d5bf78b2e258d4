import ChatWire
import Glibc

/// The lines of earlier sessions, one a line, oldest first. Several clients may add to one file at once: each does so under
/// a lock (flock(2)), and a file that was replaced meanwhile is opened again.
package struct HistoryFile {
  /// Lines that are kept.
  package static let maximumLines = 1000
  /// Lines beyond these that may gather before the file is cut; a client also cuts it when it leaves.
  private static let slack = 100

  /// Tries to have the file alone, and milliseconds between them: others need it for a moment only.
  private static let lockTries = 20
  private static let lockPause: CInt = 10

  package let path: String
  /// Lines added since the file was last cut.
  private var added = 0

  package init(path: String) { self.path = path }

  /// Where people's programs keep such things (XDG Base Directory Specification). Its directories are made, but not a home
  /// that is not there.
  /// - Returns: nil if there is no place.
  package static func standard() -> HistoryFile? {
    let state: String
    if let given = getenv("XDG_STATE_HOME").map({ String(cString: $0) }), given.hasPrefix("/") {
      state = given
      makeDirectories(state)
    } else if let home = getenv("HOME").map({ String(cString: $0) }), home.hasPrefix("/") {
      state = "\(home)/.local/state"
      mkdir("\(home)/.local", 0o700)
      mkdir(state, 0o700)
    } else {
      return nil
    }
    let directory = "\(state)/mychat"
    guard mkdir(directory, 0o700) == 0 || errno == EEXIST else { return nil }
    return HistoryFile(path: "\(directory)/history")
  }

  private static func makeDirectories(_ path: String) {
    var made = ""
    for part in path.split(separator: "/") {
      made += "/\(part)"
      mkdir(made, 0o700)
    }
  }

  /// The newest lines, oldest first, and the file cut to them. Makes the file if there is none.
  package mutating func load() throws(SystemCallError) -> [[UInt8]] {
    try locked { descriptor throws(SystemCallError) in
      let lines = Self.lines(of: descriptor)
      if lines.count > Self.maximumLines { try replace(with: lines.suffix(Self.maximumLines)) }
      added = 0
      return Array(lines.suffix(Self.maximumLines))
    }
  }

  /// Adds `line`, unless it is the last one already.
  package mutating func append(_ line: [UInt8]) throws(SystemCallError) {
    let entry = line + [UInt8(ascii: "\n")]
    try locked { descriptor throws(SystemCallError) in
      let size = lseek(descriptor, 0, SEEK_END)
      let tail = Self.read(descriptor, from: max(0, size - entry.count - 1))
      if tail == entry || tail == [UInt8(ascii: "\n")] + entry { return }
      // A line that somebody's crash left without its end.
      let start = tail.isEmpty || tail.last == 0x0A ? [] : [UInt8(ascii: "\n")]
      if let error = StandardOutput.write(start + entry, to: descriptor) { throw error }
    }
    added += 1
    if added >= Self.slack { _ = try load() }
  }

  /// Runs `body` with the file open, to be read and added to, and nobody else at it.
  private func locked<Result>(
    _ body: (CInt) throws(SystemCallError) -> Result
  ) throws(SystemCallError) -> Result {
    while true {
      let number = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
      guard number >= 0 else { throw SystemCallError("open") }
      let file = FileDescriptor(owning: number)
      try Self.lock(file.number)
      var (opened, there) = (stat(), stat())
      guard fstat(file.number, &opened) == 0 else { throw SystemCallError("fstat") }
      // Whoever had the lock before may have put another file in its place.
      if stat(path, &there) != 0 || there.st_ino != opened.st_ino || there.st_dev != opened.st_dev { continue }
      // It may have been made by something else, for all to read.
      if opened.st_mode & 0o077 != 0 { fchmod(file.number, 0o600) }
      return try body(file.number)
    }
  }

  private static func lock(_ descriptor: CInt) throws(SystemCallError) {
    for _ in 0..<lockTries {
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
      guard errno == EWOULDBLOCK || errno == EINTR else { break }
      _ = poll(nil, 0, lockPause)
    }
    throw SystemCallError("flock")
  }

  private func replace(with lines: some Sequence<[UInt8]>) throws(SystemCallError) {
    // The file itself, where `path` is a link to it.
    guard let resolved = realpath(path, nil) else { throw SystemCallError("realpath") }
    defer { free(resolved) }
    var template = Array("\(String(cString: resolved)).XXXXXX".utf8CString)
    let number = mkstemp(&template)
    guard number >= 0 else { throw SystemCallError("mkstemp") }
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    let file = FileDescriptor(owning: number)
    let bytes = lines.flatMap { $0 + [UInt8(ascii: "\n")] }
    if let error = StandardOutput.write(bytes, to: file.number) {
      unlink(template)
      throw error
    }
    guard rename(template, resolved) == 0 else {
      let error = SystemCallError("rename")
      unlink(template)
      throw error
    }
  }

  private static func lines(of descriptor: CInt) -> [[UInt8]] {
    read(descriptor, from: 0).split(separator: UInt8(ascii: "\n")).map { Array($0) }
  }

  private static func read(_ descriptor: CInt, from offset: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      let count = pread(descriptor, &piece, piece.count, offset + bytes.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return bytes }
      bytes += piece[..<count]
    }
  }
}
