import ChatWire
import Glibc

/// A file whose first line is a secret: it has to be there for its owner alone.
package enum SecretFile {
  /// More than anybody types, and less than a line of the chat.
  private static let maximumBytes = 1024

  /// - Parameter purpose: what the secret is for, as in `the operators' token`.
  /// - Returns: the first line without its end.
  package static func firstLine(of path: String, for purpose: String) throws(FileError) -> [UInt8] {
    let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard number >= 0 else { throw FileError(path, for: purpose, SystemCallError("open")) }
    let file = FileDescriptor(owning: number)
    var information = stat()
    guard fstat(number, &information) == 0 else { throw FileError(path, for: purpose, SystemCallError("fstat")) }
    guard information.st_mode & S_IFMT == S_IFREG else {
      throw FileError(path, for: purpose, "it is no regular file. Choose another path.")
    }
    guard information.st_mode & 0o077 == 0 else {
      throw FileError(path, for: purpose, "others may read or write it. Run: chmod 600 '\(path)'")
    }
    let read = withUnsafeTemporaryAllocation(byteCount: maximumBytes + 1, alignment: 1) { buffer in
      if case .bytes(let count) = file.read(into: buffer) { Array(buffer[..<count]) } else { [UInt8]() }
    }
    let line = read.prefix { $0 != UInt8(ascii: "\n") }
    guard line.count <= maximumBytes else {
      throw FileError(path, for: purpose, "its first line is longer than \(maximumBytes) bytes.")
    }
    return Array(line)
  }

  /// Reads the password of Redis.
  package static func redisPassword(fromFile path: String) throws(FileError) -> String {
    let purpose = "the password of Redis"
    var line = try firstLine(of: path, for: purpose)
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    guard !line.isEmpty, let password = String(validating: line, as: UTF8.self) else {
      throw FileError(path, for: purpose, "its first line is empty or no text. Write the password into it.")
    }
    return password
  }
}
