import ChatWire
import Glibc

/// The lines of earlier sessions: after a header, one a line, oldest first. Several clients may add to one file at once: each
/// does so under a lock (flock(2)), and opens a file again that was replaced meanwhile. A file of other content is left alone.
package struct HistoryFile {
  /// Why there is no history in a file.
  package enum Failure: Error, Equatable {
    case systemCall(SystemCallError)
    /// It is a device, a pipe or the like.
    case notRegular
    /// Somebody else owns it, or wrote it.
    case foreign
  }

  /// The first line of each file, by which it is known as one that may be cut and closed to others.
  private static let header = Array("# mychat history".utf8)
  /// Lines beyond `maximumLines` that may gather before the file is cut; a client also cuts it when it leaves.
  private static let slackLines = 100

  /// Attempts to lock the file, and the time between them, short because others hold the lock for a moment only.
  private static let lockAttempts = 20
  private static let lockPauseMilliseconds: CInt = 10

  package let path: String
  /// Lines that are kept.
  private let maximumLines: Int
  /// Whether no other program uses `path`, so that a file without a header is one from before there was a header.
  private let isStandard: Bool
  /// Lines added since the file was last cut.
  private var added = 0
  /// Lines that are to be added with the next one, because others held the lock for too long.
  private var waiting: [[UInt8]] = []

  package init(path: String, maximumLines: Int, isStandard: Bool = false) {
    self.path = path
    self.maximumLines = maximumLines
    self.isStandard = isStandard
  }

  /// The file in the place for such files (XDG Base Directory Specification). Makes its directories, but no home directory.
  /// - Returns: nil if there is no place.
  static func standard(maximumLines: Int) -> HistoryFile? {
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
    return HistoryFile(path: "\(directory)/history", maximumLines: maximumLines, isStandard: true)
  }

  private static func makeDirectories(_ path: String) {
    var made = ""
    for part in path.split(separator: "/") {
      made += "/\(part)"
      mkdir(made, 0o700)
    }
  }

  /// The newest lines, oldest first, and the file cut to them. Makes the file if there is none.
  package mutating func load() throws(Failure) -> [[UInt8]] {
    try addWaiting()
    return try locked { descriptor throws(Failure) in
      let lines = Self.read(descriptor, from: 0).split(separator: UInt8(ascii: "\n"))
      let hasHeader = lines.first?.elementsEqual(Self.header) == true
      let newest = lines.dropFirst(hasHeader ? 1 : 0).suffix(maximumLines).map { Array($0) }
      if !hasHeader || lines.count - 1 > maximumLines { try replace(with: newest) }
      added = 0
      return newest
    }
  }

  /// Adds `line`, unless it is the last one already. Where others hold the lock for too long it is added with the next one.
  package mutating func append(_ line: [UInt8]) throws(Failure) {
    waiting.append(line)
    do throws(Failure) {
      try addWaiting()
      if added >= Self.slackLines { _ = try load() }
    } catch {
      if error != Self.isLocked { throw error }
    }
  }

  private mutating func addWaiting() throws(Failure) {
    guard !waiting.isEmpty else { return }
    let lines = waiting
    try locked { descriptor throws(Failure) in
      for line in lines { try Self.add(line, to: descriptor) }
    }
    added += lines.count
    waiting = []
  }

  private static func add(_ line: [UInt8], to descriptor: CInt) throws(Failure) {
    let entry = line + [UInt8(ascii: "\n")]
    let size = lseek(descriptor, 0, SEEK_END)
    let tail = read(descriptor, from: max(0, size - entry.count - 1))
    if tail == [UInt8(ascii: "\n")] + entry { return }
    // A client that crashed may have left a line without its end.
    try write((tail.last == UInt8(ascii: "\n") ? [] : [UInt8(ascii: "\n")]) + entry, to: descriptor)
  }

  /// Runs `body` with the file open for reading and appending, and locked. It begins with the header, unless it is from before
  /// there was one.
  private func locked<Result>(_ body: (CInt) throws(Failure) -> Result) throws(Failure) -> Result {
    while true {
      // Opening a FIFO or a device must not wait for anybody, nor make it this process's terminal.
      let number = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o600)
      guard number >= 0 else { throw .systemCall(SystemCallError("open")) }
      let file = FileDescriptor(owning: number)
      var (opened, there) = (stat(), stat())
      guard fstat(file.number, &opened) == 0 else { throw .systemCall(SystemCallError("fstat")) }
      guard opened.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
      // Replacing it would take it from its owner.
      guard opened.st_uid == geteuid() else { throw .foreign }
      try Self.lock(file.number)
      // A program that is being started, such as ssh, has this descriptor too until it runs, and would hold the lock.
      defer { flock(file.number, LOCK_UN) }
      // Whoever had the lock before may have put another file in its place.
      if stat(path, &there) != 0 || there.st_ino != opened.st_ino || there.st_dev != opened.st_dev { continue }
      let header = Self.header + [UInt8(ascii: "\n")]
      let start = Self.read(file.number, from: 0, atMost: header.count)
      guard start.isEmpty || start == header || isStandard else { throw .foreign }
      if start.isEmpty { try Self.write(header, to: file.number) }
      // An empty file may have been made by another program, for all to read.
      if opened.st_mode & 0o077 != 0 { fchmod(file.number, 0o600) }
      return try body(file.number)
    }
  }

  private static func lock(_ descriptor: CInt) throws(Failure) {
    for _ in 0..<lockAttempts {
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
      guard errno == EWOULDBLOCK || errno == EINTR else { throw .systemCall(SystemCallError("flock")) }
      _ = poll(nil, 0, lockPauseMilliseconds)
    }
    throw isLocked
  }

  private static let isLocked = Failure.systemCall(SystemCallError("flock", code: EWOULDBLOCK))

  private func replace(with lines: some Sequence<[UInt8]>) throws(Failure) {
    // The file itself, where `path` is a link to it.
    guard let resolved = realpath(path, nil) else { throw .systemCall(SystemCallError("realpath")) }
    defer { free(resolved) }
    var template = Array("\(String(cString: resolved)).XXXXXX".utf8CString)
    let number = mkstemp(&template)
    guard number >= 0 else { throw .systemCall(SystemCallError("mkstemp")) }
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    let file = FileDescriptor(owning: number)
    do throws(Failure) {
      try Self.write(([Self.header] + lines).flatMap { $0 + [UInt8(ascii: "\n")] }, to: file.number)
      guard rename(template, resolved) == 0 else { throw .systemCall(SystemCallError("rename")) }
    } catch {
      unlink(template)
      throw error
    }
  }

  private static func write(_ bytes: [UInt8], to descriptor: CInt) throws(Failure) {
    if let error = StandardOutput.write(bytes, to: descriptor) { throw .systemCall(error) }
  }

  private static func read(_ descriptor: CInt, from offset: Int, atMost limit: Int = .max) -> [UInt8] {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: min(limit, 64 * 1024))
    while bytes.count < limit {
      let count = pread(descriptor, &piece, min(piece.count, limit - bytes.count), offset + bytes.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      bytes += piece[..<count]
    }
    return bytes
  }
}
