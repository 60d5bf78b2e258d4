import ChatWire

/// What servers that are none of a chat say.
package enum OtherProtocol: Equatable, Sendable {
  case ssh, web, tls

  /// The one that a server speaks whose first line is `line`, as far as it has come; nil where that may be a chat. On a server of
  /// SEED.md's kind a person may say anything, so it has to be that protocol to the letter, its line end too.
  package init?(firstLine line: [UInt8]) {
    // A handshake or an alert, and the version (RFC 8446, 5.1).
    let isRecord = line.count >= 5 && [0x15, 0x16].contains(line[0]) && line[1] == 3 && line[2] <= 4
    let text = String(decoding: line, as: UTF8.self)
    if isRecord {
      self = .tls
    } else if text.wholeMatch(of: #/SSH-(2\.0|1\.[0-9]+)-[!-~]+( .*)?\r\n/#) != nil {
      self = .ssh
    } else if text.wholeMatch(of: #/HTTP\/1\.[01] [1-5][0-9]{2}( .*)?\r\n/#) != nil {
      self = .web
    } else {
      return nil
    }
  }

  /// What servers for the web, ssh, mail, files and news (RFC 5321, 1939, 959, 3977), IRC, VNC, Redis, memcached, NATS and JSON
  /// begin with, in small letters. A web server speaks without a status line to whoever asks without a version (HTTP/0.9).
  private static let beginnings = [
    "http/", "<!doctype", "<html", "<head", "<title", "<body", "<h1", "<?xml", "ssh-", "200 ", "220 ", "220-", "-err",
    "+ok", "+pong", "error", "info {", "rfb ", ":", "{\"",
  ]

  /// Whether a line before any of a member is probably not of a chat; NUL is in binary messages such as TLS has.
  static func isLikely(in line: [UInt8]) -> Bool {
    let start = lowercased(line.prefix(16))
    return line.contains(0) || beginnings.contains { start.starts(with: $0.utf8) }
  }

  private static func lowercased(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
  }
}

/// The first line of a connection, as it comes.
struct Opening {
  /// Bytes of a first line that is looked at (RFC 4253, 4.2).
  private static let maximumBytes = 255

  private var line: [UInt8] = []
  /// Whether it is known that the server may be one of a chat.
  private(set) var isOver = false

  /// - Returns: what the server speaks, if it is no chat.
  mutating func append(_ bytes: some Sequence<UInt8>) -> OtherProtocol? {
    for byte in bytes where !isOver {
      line.append(byte)
      if byte == UInt8(ascii: "\n") || line.count >= Self.maximumBytes { isOver = true }
    }
    return OtherProtocol(firstLine: line)
  }
}
