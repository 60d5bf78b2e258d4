/// A line from the server: `NAME: TEXT` is a message, `* TEXT` is what the server itself says. Any other line, as another kind of
/// server may send, is a message without a sender.
///
/// The server formats lines with the static functions; a client takes them apart with `init(_:)`.
package struct ServerLine: Equatable, Sendable {
  package enum Kind: String, Sendable {
    case message, notice
  }

  /// The whole line: safe text, without its newline.
  package let bytes: ArraySlice<UInt8>
  package let kind: Kind
  /// Where the text begins in `bytes`, behind the name or the `* `.
  private let textStart: Int

  /// Who sent it; nil for a notice, and where no name stands before it.
  package var name: ArraySlice<UInt8>? {
    kind == .message && textStart > bytes.startIndex ? bytes[..<(textStart - 2)] : nil
  }

  /// The text without name or `* `.
  package var text: ArraySlice<UInt8> { bytes[textStart...] }

  /// - Parameter bytes: safe text, without its newline.
  package init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    if bytes.starts(with: Self.noticePrefix) {
      (kind, textStart) = (.notice, bytes.startIndex + 2)
      return
    }
    let nameEnd = bytes.firstIndex(where: MemberName.isDelimiter) ?? bytes.endIndex
    let hasName = nameEnd > bytes.startIndex && bytes[nameEnd...].starts(with: ": ".utf8)
    (kind, textStart) = (.message, hasName ? nameEnd + 2 : bytes.startIndex)
  }

  /// What a message from `name` begins with; its text and a newline follow.
  package static func messagePrefix(of name: MemberName) -> [UInt8] { name.bytes + Array(": ".utf8) }

  /// A line by which the server itself says `text`, with its newline.
  package static func notice(_ text: String) -> [UInt8] { noticePrefix + Array(text.utf8) + [UInt8(ascii: "\n")] }

  private static let noticePrefix = Array("* ".utf8)
}
