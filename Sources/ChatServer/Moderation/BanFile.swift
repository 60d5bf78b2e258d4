import ChatWire
import Dispatch
import Glibc
import Synchronization

/// The bans in `bans` of the state directory, one a line (see `Ban.line`), so that they survive a restart and can be read by
/// people. The file is replaced as a whole, from a queue of its own: after a power cut it is the former one or the new one.
///
/// The directory is locked (flock(2)) for as long as this lives, because of two servers one would forget the other's bans.
final class BanFile: Sendable {
  private struct Pending {
    /// What has to be written; nil if the file has the latest.
    var list: BanList?
    /// Set once standard error has been told that the file cannot be written; cleared when it can.
    var isTroubleTold = false
  }

  private static let header = "# mychat bans"
  static let purpose = "the bans"
  /// How long after a failure the file is tried again.
  private static let retryInterval = DispatchTimeInterval.seconds(10)
  /// Damaged lines that are named one by one; the rest is counted.
  private static let maximumNamed = 20

  /// The directory: open for its lock, and to make a new entry in it last.
  private let directory: FileDescriptor
  private let path: String
  private let queue = DispatchQueue(label: "mychat.bans")
  private let pending = Mutex(Pending())

  private var temporaryPath: String { path + ".new" }
  private var damagedPath: String { path + ".damaged" }

  /// Opens the directory, for its owner alone if it has to be made.
  /// - Throws: if the directory cannot be had, or not be written to.
  init(in directory: String) throws(FileError) {
    if mkdir(directory, 0o700) != 0, errno != EEXIST {
      throw FileError(directory, for: Self.purpose, SystemCallError("mkdir"))
    }
    let number = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else {
      if errno == ENOTDIR {
        throw FileError(directory, for: Self.purpose, "it is no directory. Choose another path.")
      }
      throw FileError(directory, for: Self.purpose, SystemCallError("open"))
    }
    self.directory = FileDescriptor(owning: number)
    path = directory + "/bans"
    guard flock(number, LOCK_EX | LOCK_NB) == 0 else {
      throw FileError(directory, for: Self.purpose, "another server uses it. Stop that, or choose another directory.")
    }
    // What a power cut left of a file that was never complete goes, and it shows whether files can be made here.
    do throws(SystemCallError) {
      _ = try Self.create(temporaryPath)
      unlink(temporaryPath)
    } catch { throw FileError(directory, for: Self.purpose, error) }
  }

  /// Goes on where another program has stopped.
  /// - Parameter descriptor: of the directory, with its lock.
  init(in directory: String, lockedBy descriptor: consuming FileDescriptor) {
    self.directory = descriptor
    path = directory + "/bans"
  }

  var directoryNumber: CInt { directory.number }

  /// Reads the bans. Lines that are none are kept aside in `bans.damaged`, and leave `bans`.
  /// - Parameter tell: takes what people have to know of them, a line each.
  /// - Throws: if the file cannot be read, is no list of bans, or damaged lines cannot be kept aside.
  func load(at now: WallTime = .now, tell: (String) -> Void) throws(FileError) -> BanList {
    let bytes = try read()
    var bans: [Ban] = []
    var damaged: [(number: Int, line: ArraySlice<UInt8>)] = []
    for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      if line.isEmpty || index == 0 && line.elementsEqual(Self.header.utf8) { continue }
      if let ban = Ban(line: line), ban.isOver(at: now) || bans.count < BanList.capacity {
        if !ban.isOver(at: now) { bans.append(ban) }
      } else {
        damaged.append((index + 1, line))
      }
    }
    let list = BanList(bans)
    guard !damaged.isEmpty else { return list }
    guard bytes.starts(with: Self.header.utf8) || !bans.isEmpty else {
      throw FileError(
        path, for: Self.purpose, "it is not a list of bans, and would be damaged. Choose another directory.")
    }
    do throws(SystemCallError) {
      try keepAside(damaged.map(\.line))
      try write(list)
    } catch { throw FileError(path, for: Self.purpose, error) }
    for (number, line) in damaged.prefix(Self.maximumNamed) {
      let text = String(decoding: SafeText.made(from: Array(line)), as: UTF8.self)
      tell("[BANS] \(path): line \(number) cannot be used, and was moved to \(damagedPath): \"\(text)\"")
    }
    if damaged.count > Self.maximumNamed {
      tell("[BANS] \(path): \(damaged.count - Self.maximumNamed) more such lines were moved to \(damagedPath).")
    }
    return list
  }

  /// Has the bans written soon. Of several lists the last one counts.
  func save(_ list: BanList) {
    pending.withLock { $0.list = list }
    queue.async { self.writePending() }
  }

  /// Waits until what was saved is written, for `seconds` at most.
  func drain(seconds: Double) {
    let done = DispatchSemaphore(value: 0)
    queue.async {
      self.writePending()
      done.signal()
    }
    _ = done.wait(timeout: .now() + seconds)
  }

  private func writePending() {
    guard let list = pending.withLock({ $0.list.take() }) else { return }
    do throws(SystemCallError) {
      try write(list)
      pending.withLock { $0.isTroubleTold = false }
    } catch {
      let isTold = pending.withLock { pending in
        defer { pending.isTroubleTold = true }
        if pending.list == nil { pending.list = list }
        return pending.isTroubleTold
      }
      queue.asyncAfter(deadline: .now() + Self.retryInterval) { self.writePending() }
      guard !isTold else { return }
      StandardOutput.report(
        error:
          "The bans cannot be written to '\(path)': \(error). They hold until the server ends. Make it possible to "
          + "write there, and the server does it by itself.")
    }
  }

  private func write(_ list: BanList) throws(SystemCallError) {
    var text = Self.header + "\n"
    for ban in list.bans { text += ban.line + "\n" }
    do throws(SystemCallError) {
      let file = try Self.create(temporaryPath)
      try Self.put(Array(text.utf8), into: file)
      guard rename(temporaryPath, path) == 0 else { throw SystemCallError("rename") }
      guard fsync(directory.number) == 0 else { throw SystemCallError("fsync") }
    } catch {
      unlink(temporaryPath)
      throw error
    }
  }

  private func keepAside(_ lines: [ArraySlice<UInt8>]) throws(SystemCallError) {
    let number = open(damagedPath, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
    guard number >= 0 else { throw SystemCallError("open") }
    let file = FileDescriptor(owning: number)
    try Self.put(lines.flatMap { $0 + [UInt8(ascii: "\n")] }, into: file)
    guard fsync(directory.number) == 0 else { throw SystemCallError("fsync") }
  }

  private func read() throws(FileError) -> [UInt8] {
    let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard number >= 0 else {
      if errno == ENOENT { return [] }
      throw FileError(path, for: Self.purpose, SystemCallError("open"))
    }
    let file = FileDescriptor(owning: number)
    var bytes: [UInt8] = []
    let failure: SystemCallError? = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { piece in
      while true {
        switch file.read(into: piece) {
        case .bytes(let count): bytes.append(contentsOf: piece[..<count])
        case .ended: return nil
        case .wouldBlock: return SystemCallError("read", code: EAGAIN)
        case .failed(let error): return error
        }
      }
    }
    if let failure { throw FileError(path, for: Self.purpose, failure) }
    return bytes
  }

  /// Makes a new file, in the place of what is there.
  private static func create(_ path: String) throws(SystemCallError) -> FileDescriptor {
    unlink(path)
    let number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard number >= 0 else { throw SystemCallError("open") }
    return FileDescriptor(owning: number)
  }

  /// Writes `bytes`, and returns when the disk has them.
  private static func put(_ bytes: [UInt8], into file: borrowing FileDescriptor) throws(SystemCallError) {
    if let error = StandardOutput.write(bytes, to: file.number) { throw error }
    guard fsync(file.number) == 0 else { throw SystemCallError("fsync") }
  }
}
