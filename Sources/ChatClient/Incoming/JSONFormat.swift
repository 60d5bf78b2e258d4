import ChatWire
import Glibc

/// One JSON object (RFC 8259) and a newline for each line or event: `time` (UTC, RFC 3339, milliseconds), `from` (a
/// name, or null), `text`, and `kind`, one of `Kind`.
struct JSONFormat {
  enum Kind: String {
    /// Received lines.
    case message, notice, action, earlier
    case privateLine = "private"
    /// What happens to the connection.
    case connected, disconnected

    init(_ kind: ServerLine.Kind) {
      self =
        switch kind {
        case .message: .message
        case .notice: .notice
        case .privateLine: .privateLine
        case .action: .action
        case .earlier: .earlier
        }
    }
  }

  private let time: timespec

  init(at time: timespec) { self.time = time }

  /// - Parameter text: well-formed UTF-8, as `from`.
  func append(kind: Kind, from: ArraySlice<UInt8>?, text: ArraySlice<UInt8>, to output: inout [UInt8]) {
    output += "{\"time\":\"\(timestamp)\",\"from\":".utf8
    if let from {
      Self.append(from, to: &output)
    } else {
      output += "null".utf8
    }
    output += ",\"text\":".utf8
    Self.append(text, to: &output)
    output += ",\"kind\":\"\(kind.rawValue)\"}\n".utf8
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
