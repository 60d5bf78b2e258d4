import ChatWire
import Glibc

/// A transcript's file, open for appending: a regular file that is empty or begins with a line of a transcript, and that no
/// other server writes (flock(2)). It ends in a whole line.
struct TranscriptFile: ~Copyable, Sendable {
  let descriptor: FileDescriptor
  /// The last line, which had no newline and was removed; nil if the file ended in a whole line.
  let torn: [UInt8]?
  /// Bytes of the file.
  private let size: Int

  static let purpose = "the transcript"

  /// Opens the file at `path`; makes it, for its owner alone, if there is none.
  init(opening path: String) throws(FileError) {
    let descriptor = try Self.open(path)
    var information = stat()
    guard fstat(descriptor.number, &information) == 0 else {
      throw FileError(path, for: Self.purpose, SystemCallError("fstat"))
    }
    guard information.st_mode & S_IFMT == S_IFREG else {
      throw FileError(path, for: Self.purpose, "it is no regular file. Choose another path.")
    }
    guard flock(descriptor.number, LOCK_EX | LOCK_NB) == 0 else {
      if errno == EWOULDBLOCK {
        throw FileError(path, for: Self.purpose, "another server writes it. Stop that, or choose another path.")
      }
      throw FileError(path, for: Self.purpose, SystemCallError("flock"))
    }
    // As of now, because whoever had the lock may have written.
    _ = fstat(descriptor.number, &information)
    let size = Int(information.st_size)
    let start = Self.read(64 << 10, from: descriptor, at: 0)
    guard Self.isBeginningOfTranscript(start) else {
      throw FileError(path, for: Self.purpose, "it is not a transcript, and would be damaged. Choose another path.")
    }
    let end = Self.endOfLastLine(in: descriptor, size: size)
    let torn = end < size ? Self.read(min(size - end, Self.maximumTornBytes), from: descriptor, at: end) : nil
    if end < size, ftruncate(descriptor.number, off_t(end)) != 0 {
      throw FileError(path, for: Self.purpose, SystemCallError("ftruncate"))
    }
    self.torn = torn
    self.size = end
    self.descriptor = descriptor
  }

  /// Why the path of the log cannot be that of the transcript.
  static func error(ofLogAt path: String) -> FileError {
    FileError(path, for: purpose, "the log is there. Choose another path for one of the two.")
  }

  /// Throws if there is something at `path` that is no transcript. Nothing is opened for writing.
  static func check(_ path: String) throws(FileError) {
    let number = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard number >= 0 else {
      if errno == ENOENT { return }
      throw FileError(path, for: purpose, SystemCallError("open"))
    }
    let descriptor = FileDescriptor(owning: number)
    var information = stat()
    guard fstat(number, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      throw FileError(path, for: purpose, "it is no regular file. Choose another path.")
    }
    guard isBeginningOfTranscript(read(64 << 10, from: descriptor, at: 0)) else {
      throw FileError(path, for: purpose, "it is not a transcript, and would be damaged. Choose another path.")
    }
  }

  private static func open(_ path: String) throws(FileError) -> FileDescriptor {
    // Non-blocking, because the opening of a FIFO would wait for a reader.
    let flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    let number = Glibc.open(path, flags, 0o600)
    guard number >= 0 else { throw FileError(path, for: purpose, SystemCallError("open")) }
    return FileDescriptor(owning: number)
  }

  /// More than a line of the room can have.
  private static let maximumTornBytes = 64 << 10

  /// Whether a file that begins with `bytes` is a transcript, an empty one or one of half a line included.
  private static func isBeginningOfTranscript(_ bytes: [UInt8]) -> Bool {
    guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return TranscriptLine.isBeginning(bytes[...]) }
    return TranscriptLine(bytes[..<end]) != nil
  }

  /// Where the last newline ends; 0 if there is none.
  private static func endOfLastLine(in descriptor: borrowing FileDescriptor, size: Int) -> Int {
    var end = size
    while end > 0 {
      let start = max(0, end - (64 << 10))
      let bytes = read(end - start, from: descriptor, at: start)
      if let newline = bytes.lastIndex(of: UInt8(ascii: "\n")) { return start + newline + 1 }
      end = start
    }
    return 0
  }

  /// The open descriptor alone.
  consuming func intoDescriptor() -> FileDescriptor { descriptor }

  /// Whole lines at the end of the file, together at most `bytes`.
  func lastLines(atMost bytes: Int) -> [UInt8] {
    let start = max(0, size - bytes)
    let read = Self.read(size - start, from: descriptor, at: start)
    // Unless the byte before it ends a line, the first of them is not whole.
    guard start > 0, Self.read(1, from: descriptor, at: start - 1) != [UInt8(ascii: "\n")] else { return read }
    return Array(read.drop { $0 != UInt8(ascii: "\n") }.dropFirst())
  }

  /// The number, from 1, of the line that begins `bytes` before the end of the file.
  func lineNumber(bytesBeforeEnd bytes: Int) -> Int {
    var (number, position) = (1, 0)
    while position < size - bytes {
      let piece = Self.read(min(64 << 10, size - bytes - position), from: descriptor, at: position)
      guard !piece.isEmpty else { break }
      number += piece.count { $0 == UInt8(ascii: "\n") }
      position += piece.count
    }
    return number
  }

  private static func read(_ count: Int, from descriptor: borrowing FileDescriptor, at offset: Int) -> [UInt8] {
    let number = descriptor.number
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count, let start = buffer.baseAddress {
        let read = pread(number, start + filled, count - filled, off_t(offset + filled))
        if read > 0 { filled += read } else if read == 0 || errno != EINTR { return }
      }
    }
  }
}
