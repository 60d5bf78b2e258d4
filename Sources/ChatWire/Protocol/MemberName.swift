/// What a member is called in the room: the number of its port or, on a Unix socket, its login, until it takes a name.
///
/// A name never contains a delimiter, so that no name can look like a notice or end early. The exception is the server's own: the
/// slash before the count of a login's second connection, as in `alice/2`.
package struct MemberName: Hashable, Sendable, CustomStringConvertible {
  package let bytes: [UInt8]

  /// - Parameter bytes: without a delimiter, but for a count.
  package init(bytes: [UInt8]) { self.bytes = bytes }

  package init(port: UInt16) { bytes = Array(String(port).utf8) }

  /// The name of a user whose login is not known, or can be no name.
  package init(userID: UInt32) { bytes = Array("uid-\(userID)".utf8) }

  package var description: String { String(decoding: bytes, as: UTF8.self) }

  /// The name that `bytes` begin with: up to a delimiter, with a count if there is one; empty if they begin with none.
  static func prefix(of bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let name = bytes.prefix { !isDelimiter($0) }
    return name.isEmpty ? name : bytes[name.startIndex..<name.endIndex + countLength(bytes[name.endIndex...])]
  }

  /// Bytes at the beginning of `bytes` that are the count behind a name, its slash included; 0 if there is none.
  package static func countLength(_ bytes: ArraySlice<UInt8>) -> Int {
    guard bytes.first == countMark else { return 0 }
    let digits = bytes.dropFirst().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return digits.isEmpty ? 0 : 1 + digits.count
  }

  /// What stands between a login and the count of its connections.
  package static let countMark = UInt8(ascii: "/")

  /// Whether no name that a member chooses can contain `byte`.
  private static func isDelimiter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: ":"), UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: " "), UInt8(ascii: "\t"): true
    default: false
    }
  }
}
