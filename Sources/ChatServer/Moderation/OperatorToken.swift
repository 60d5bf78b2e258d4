import ChatWire
import Glibc

/// The secret by which a member shows that it may keep order: the first line of `--operator-token-file`. It is never shown.
package struct OperatorToken: Sendable, CustomStringConvertible, CustomReflectable {
  private let bytes: [UInt8]

  private static let purpose = "the operators' token"
  private static let minimumCharacters = 8
  /// More than anybody types, and less than a line of the chat.
  private static let maximumBytes = 1024

  /// - Throws: unless the file is there for its owner alone, with a token on its first line.
  init(fromFile path: String) throws(FileError) {
    let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard number >= 0 else { throw FileError(path, for: Self.purpose, SystemCallError("open")) }
    let file = FileDescriptor(owning: number)
    var information = stat()
    guard fstat(number, &information) == 0 else { throw FileError(path, for: Self.purpose, SystemCallError("fstat")) }
    guard information.st_mode & S_IFMT == S_IFREG else {
      throw FileError(path, for: Self.purpose, "it is no regular file. Choose another path.")
    }
    guard information.st_mode & 0o077 == 0 else {
      throw FileError(path, for: Self.purpose, "others may read or write it. Run: chmod 600 '\(path)'")
    }
    let read = withUnsafeTemporaryAllocation(byteCount: Self.maximumBytes + 1, alignment: 1) { buffer in
      if case .bytes(let count) = file.read(into: buffer) { Array(buffer[..<count]) } else { [UInt8]() }
    }
    let line = read.prefix { $0 != UInt8(ascii: "\n") }
    // A command's argument has no spaces around it either.
    let token = line.drop(while: Self.isSpace).reversed().drop(while: Self.isSpace).reversed()
    guard line.count <= Self.maximumBytes else {
      throw FileError(path, for: Self.purpose, "its first line is longer than \(Self.maximumBytes) bytes.")
    }
    guard String(decoding: token, as: UTF8.self).unicodeScalars.count >= Self.minimumCharacters else {
      throw FileError(
        path, for: Self.purpose,
        "its first line has fewer than \(Self.minimumCharacters) characters. Write a longer token into it.")
    }
    bytes = Array(token)
  }

  /// Whether somebody has given the token. Takes as long as the length of `given` says, whatever is right of it, so that
  /// time does not tell how much is.
  func matches(_ given: Span<UInt8>) -> Bool {
    var difference = bytes.count ^ given.count
    for index in given.indices { difference |= Int(given[index] ^ bytes[index % bytes.count]) }
    return difference == 0
  }

  package var description: String { "(secret)" }
  package var customMirror: Mirror { Mirror(self, children: []) }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
  }
}
