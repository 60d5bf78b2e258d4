import ChatWire
import Glibc

/// One JSON object (RFC 8259) and a newline for each line or event: `time` (UTC, RFC 3339, milliseconds), `from` (a
/// name, or null), `text`, and `kind`, one of `Kind`; an earlier line has besides when it was said, in `said`.
struct JSONFormat {
  enum Kind: String {
    /// Received lines. `renamed` is from the old name, with the new one as its text; for a line that tells of several who joined or
    /// left there is an object for each that it names.
    case message, action, notice, earlier, joined, left, renamed
    case privateLine = "private"
    /// What happens to the connection.
    case connected, disconnected
  }

  private let time: timespec

  init(at time: timespec) { self.time = time }

  func append(_ line: ServerLine, to output: inout [UInt8]) {
    switch line.kind {
    case .message: append(kind: .message, from: line.name, text: line.text, to: &output)
    case .privateLine: append(kind: .privateLine, from: line.name, text: line.text, to: &output)
    case .action: append(kind: .action, from: line.name, text: line.text, to: &output)
    case .earlier: append(kind: .earlier, from: line.name, text: line.text, said: line.said, to: &output)
    case .notice:
      switch Notice(parsing: line.text) {
      case .renamed(let old, let new): append(kind: .renamed, from: old.bytes[...], text: new.bytes[...], to: &output)
      case .joined(let names, _): append(kind: .joined, from: names, text: line.text, to: &output)
      case .left(let names, _): append(kind: .left, from: names, text: line.text, to: &output)
      default: append(kind: .notice, from: nil, text: line.text, to: &output)
      }
    }
  }

  private func append(kind: Kind, from names: [MemberName], text: ArraySlice<UInt8>, to output: inout [UInt8]) {
    for name in names { append(kind: kind, from: name.bytes[...], text: text, to: &output) }
  }

  /// - Parameters:
  ///   - text: well-formed UTF-8, as `from` and `said`.
  ///   - said: when an earlier line was said, as the server writes it; nil for all others.
  func append(
    kind: Kind, from: ArraySlice<UInt8>?, text: ArraySlice<UInt8>, said: ArraySlice<UInt8>? = nil,
    to output: inout [UInt8]
  ) {
    output += "{\"time\":\"".utf8
    output += WallTime.text(ofMilliseconds: time)
    output += "\",\"from\":".utf8
    JSONText.append(from, to: &output)
    output += ",\"text\":".utf8
    JSONText.append(text, to: &output)
    output += ",\"kind\":\"\(kind.rawValue)\"".utf8
    if let said {
      output += ",\"said\":".utf8
      JSONText.append(said, to: &output)
    }
    output += "}\n".utf8
  }
}
