/// A line from a server, made safe, taken apart: `NAME: TEXT` is a message, `* TEXT` is what the server itself says. Anything
/// else, as another kind of server may send, is a message from nobody in particular.
package struct ReceivedLine {
  package enum Kind: String {
    case message, notice
  }

  package let kind: Kind
  /// Who sent it; nil for a notice, and where no name stands before it.
  package let name: ArraySlice<UInt8>?
  /// The text alone, without name or `* `.
  package let text: ArraySlice<UInt8>

  /// - Parameter line: without its newline.
  package init(_ line: ArraySlice<UInt8>) {
    if line.starts(with: "* ".utf8) {
      (kind, name, text) = (.notice, nil, line.dropFirst(2))
      return
    }
    kind = .message
    let candidate = line.prefix { !Self.endsName($0) }
    let rest = line[candidate.endIndex...]
    if !candidate.isEmpty && rest.starts(with: ": ".utf8) {
      (name, text) = (candidate, rest.dropFirst(2))
    } else {
      (name, text) = (nil, line)
    }
  }

  /// No name has any of these in it.
  private static func endsName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: ":"), UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: " "), UInt8(ascii: "\t"): true
    default: false
    }
  }
}
