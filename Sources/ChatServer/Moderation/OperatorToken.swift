import ChatWire

/// The secret by which a member shows that it may keep order: the first line of `--operator-token-file`. It is never shown.
package struct OperatorToken: Sendable, CustomStringConvertible, CustomReflectable {
  private let bytes: [UInt8]

  private static let purpose = "the operators' token"
  private static let minimumCharacters = 8

  /// - Throws: unless the file is there for its owner alone, with a token on its first line.
  init(fromFile path: String) throws(FileError) {
    let line = try SecretFile.firstLine(of: path, for: Self.purpose)
    // A command's argument has no spaces around it either.
    let token = line.drop(while: Self.isSpace).reversed().drop(while: Self.isSpace).reversed()
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
