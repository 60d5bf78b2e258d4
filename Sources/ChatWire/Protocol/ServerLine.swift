/// A line from the server. Any other line, as another kind of server may send, is a message without a sender.
///
///     NAME: TEXT                a message
///     * TEXT                    what the server itself says
///     [private] NAME: TEXT      a line for its reader alone
///     [action] NAME TEXT        what NAME does
///     [21:03] LINE              a line of before; `[2026-11-23 21:03] LINE` if not of today, `[--:--] LINE` if of unknown time
///
/// The server formats lines with the static functions; a client takes them apart with `init(_:)`. No name begins with `[` or
/// `*`, and none contains a colon or a space, so no member can make a line that looks like another kind.
package struct ServerLine: Equatable, Sendable {
  package enum Kind: String, Sendable {
    case message, notice, action, earlier
    case privateLine = "private"
  }

  /// The whole line: safe text, without its newline.
  package let bytes: ArraySlice<UInt8>
  package let kind: Kind
  /// Where the name and the text stand in `bytes`; the name is empty where there is none.
  private let nameRange: Range<Int>
  private let textStart: Int

  /// Who sent it; nil for a notice, and where no name stands before it. Of an earlier line, who sent that.
  package var name: ArraySlice<UInt8>? { nameRange.isEmpty ? nil : bytes[nameRange] }

  /// The text without name or `* `. Of an earlier line, the text of that.
  package var text: ArraySlice<UInt8> { bytes[textStart...] }

  /// When an earlier line was said, as `21:03` or `2026-11-23 21:03`; nil for other lines.
  package var said: ArraySlice<UInt8>? { kind == .earlier ? Self.time(in: bytes) : nil }

  /// The line that an earlier line repeats; nil for other lines.
  package var repeated: ServerLine? {
    said.map { ServerLine(bytes[($0.endIndex + 2)...]) }
  }

  /// - Parameter bytes: safe text, without its newline.
  package init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    switch bytes.first {
    case UInt8(ascii: "*") where bytes.starts(with: Self.noticePrefix):
      (kind, textStart) = (.notice, bytes.startIndex + Self.noticePrefix.count)
      nameRange = textStart..<textStart
      return
    case UInt8(ascii: "["):
      if bytes.starts(with: Self.privateTag) {
        let rest = bytes.dropFirst(Self.privateTag.count)
        if let parts = Self.message(rest), !parts.name.isEmpty {
          (kind, nameRange, textStart) = (.privateLine, parts.name, parts.textStart)
          return
        }
      } else if bytes.starts(with: Self.actionTag) {
        let rest = bytes.dropFirst(Self.actionTag.count)
        let name = MemberName.prefix(of: rest)
        if !name.isEmpty, rest[name.endIndex...].first == UInt8(ascii: " ") {
          (kind, nameRange, textStart) = (.action, name.indices, name.endIndex + 1)
          return
        }
      } else if let time = Self.time(in: bytes) {
        let inner = ServerLine(bytes[(time.endIndex + 2)...])
        (kind, nameRange, textStart) = (.earlier, inner.nameRange, inner.textStart)
        return
      }
    default: break
    }
    kind = .message
    (nameRange, textStart) = Self.message(bytes) ?? (bytes.startIndex..<bytes.startIndex, bytes.startIndex)
  }

  /// Takes `NAME: TEXT` apart.
  private static func message(_ bytes: ArraySlice<UInt8>) -> (name: Range<Int>, textStart: Int)? {
    let name = MemberName.prefix(of: bytes)
    guard !name.isEmpty, bytes[name.endIndex...].starts(with: ": ".utf8) else { return nil }
    return (name.indices, name.endIndex + 2)
  }

  /// The time at the beginning of an earlier line, between its brackets.
  private static func time(in bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    for pattern in ["[dd:dd] ", "[dddd-dd-dd dd:dd] ", "[--:--] "] {
      let start = bytes.prefix(pattern.utf8.count)
      let isTime =
        start.count == pattern.utf8.count
        && zip(start, pattern.utf8).allSatisfy { byte, wanted in
          wanted == UInt8(ascii: "d") ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : byte == wanted
        }
      if isTime { return start.dropFirst().dropLast(2) }
    }
    return nil
  }

  /// What a message from `name` begins with; its text and a newline follow.
  package static func messagePrefix(of name: MemberName) -> [UInt8] { name.bytes + Array(": ".utf8) }

  /// What a line about what `name` does begins with; its text and a newline follow.
  package static func actionPrefix(of name: MemberName) -> [UInt8] { actionTag + name.bytes + [UInt8(ascii: " ")] }

  /// What a line from `name` to one member alone begins with; its text and a newline follow.
  package static func privatePrefix(of name: MemberName) -> [UInt8] { privateTag + messagePrefix(of: name) }

  /// A line by which the server itself says `text`, with its newline.
  package static func notice(_ text: String) -> [UInt8] { noticePrefix + Array(text.utf8) + [UInt8(ascii: "\n")] }

  private static let noticePrefix = Array("* ".utf8)
  private static let privateTag = Array("[private] ".utf8)
  private static let actionTag = Array("[action] ".utf8)
}
