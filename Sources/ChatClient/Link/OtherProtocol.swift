import ChatWire

/// What servers that are none of a chat say.
package enum OtherProtocol: Equatable, Sendable {
  case ssh, web, tls

  /// The one that a server speaks whose first bytes are `start`; nil where that may be a chat. Only what no chat begins with counts,
  /// because on a server of SEED.md's kind a person may say anything.
  package init?(firstBytes start: some Sequence<UInt8>) {
    let start = Self.lowercased(start.prefix(16))
    // A handshake or an alert, and the version (RFC 8446, 5.1).
    let isRecord = start.count >= 3 && [0x15, 0x16].contains(start[0]) && start[1] == 3 && start[2] <= 4
    if isRecord {
      self = .tls
    } else if start.starts(with: "ssh-2.0-".utf8) || start.starts(with: "ssh-1.".utf8) {
      self = .ssh
    } else if ["http/1.", "<!doctype html", "<html>"].contains(where: { start.starts(with: $0.utf8) }) {
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
