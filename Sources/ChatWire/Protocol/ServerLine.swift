/// A line from the server: `NAME: TEXT` is a message, `* TEXT` is what the server itself says. Any other line, as another kind of
/// server may send, is a message without a sender.
///
/// The server formats lines with the static functions; a client takes them apart with `init(_:)`.
package struct ServerLine {
  package enum Kind: String {
    case message, notice
  }

  package let kind: Kind
  /// Who sent it; nil for a notice, and where no name stands before it.
  package let name: ArraySlice<UInt8>?
  /// The text without name or `* `.
  package let text: ArraySlice<UInt8>

  /// - Parameter line: safe text, without its newline.
  package init(_ line: ArraySlice<UInt8>) {
    if line.starts(with: Self.noticePrefix) {
      (kind, name, text) = (.notice, nil, line.dropFirst(2))
      return
    }
    kind = .message
    let candidate = line.prefix { !MemberName.isDelimiter($0) }
    let rest = line[candidate.endIndex...]
    if !candidate.isEmpty && rest.starts(with: ": ".utf8) {
      (name, text) = (candidate, rest.dropFirst(2))
    } else {
      (name, text) = (nil, line)
    }
  }

  /// What a message from `name` begins with; its text and a newline follow.
  package static func messagePrefix(of name: MemberName) -> [UInt8] { name.bytes + Array(": ".utf8) }

  /// A line by which the server itself says `text`, with its newline.
  package static func notice(_ text: String) -> [UInt8] { noticePrefix + Array(text.utf8) + [UInt8(ascii: "\n")] }

  private static let noticePrefix = Array("* ".utf8)
}
