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
    output += "{\"time\":\"\(timestamp)\",\"from\":".utf8
    if let from {
      Self.append(from, to: &output)
    } else {
      output += "null".utf8
    }
    output += ",\"text\":".utf8
    Self.append(text, to: &output)
    output += ",\"kind\":\"\(kind.rawValue)\"".utf8
    if let said {
      output += ",\"said\":".utf8
      Self.append(said, to: &output)
    }
    output += "}\n".utf8
  }

  private var timestamp: String {
    var parts = tm()
    var seconds = time.tv_sec
    gmtime_r(&seconds, &parts)
    let date = "\(parts.tm_year + 1900)-\(Self.digits(parts.tm_mon + 1))-\(Self.digits(parts.tm_mday))"
    let clock = "\(Self.digits(parts.tm_hour)):\(Self.digits(parts.tm_min)):\(Self.digits(parts.tm_sec))"
    return "\(date)T\(clock).\(Self.digits(CInt(time.tv_nsec / 1_000_000), 3))Z"
  }

  static func digits(_ number: CInt, _ count: Int = 2) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, count - digits.count)) + digits
  }

  private static func append(_ text: ArraySlice<UInt8>, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for byte in text {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): output += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\t"): output += "\\t".utf8
      case 0..<0x20: output += "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }
}
