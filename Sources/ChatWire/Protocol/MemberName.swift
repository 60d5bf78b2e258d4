/// What a member is called in the room: the number of its port or, on a Unix socket, of its connection, until it takes a name.
///
/// A name never contains a byte of `delimiters`, so that no name can look like a notice or end early.
package struct MemberName: Hashable, Sendable, CustomStringConvertible {
  package let bytes: [UInt8]

  /// - Parameter bytes: without a delimiter.
  package init(bytes: [UInt8]) { self.bytes = bytes }

  package init(port: UInt16) { bytes = Array(String(port).utf8) }

  /// - Parameter connectionNumber: counted from 1 for the connections on Unix sockets.
  package init(connectionNumber: Int) { bytes = Array(String(connectionNumber).utf8) }

  package var description: String { String(decoding: bytes, as: UTF8.self) }

  /// Whether no name can contain `byte`.
  static func isDelimiter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: ":"), UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: " "), UInt8(ascii: "\t"): true
    default: false
    }
  }
}
