import ChatWire
import TestSupport
import Testing

struct ProxyHeaderTests {
  private typealias Peer = ProxyHeader.Peer

  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  private static let ipv4 = Peer.internet(host: [192, 0, 2, 7], port: 54_321)
  private static let ipv6 = Peer.internet(host: ProxyBytes.documentationIPv6, port: 54_321)
  private static let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 192, 0, 2, 7]

  private static let good: [(bytes: [UInt8], peer: Peer)] = [
    (ProxyBytes.version2(from: [192, 0, 2, 7], port: 54_321), ipv4),
    (ProxyBytes.version2(from: ProxyBytes.documentationIPv6, port: 54_321), ipv6),
    (ProxyBytes.version2(from: mapped, port: 54_321), ipv4),
    (ProxyBytes.version2(from: [192, 0, 2, 7], port: 54_321, adding: Array(repeating: 0x0A, count: 4068)), ipv4),
    // A Unix socket at both ends, nothing told, UDP.
    (ProxyBytes.version2(kind: 0x31, [UInt8](repeating: 0x61, count: 216)), .unknown),
    (ProxyBytes.version2(kind: 0x00, []), .unknown),
    (ProxyBytes.version2(kind: 0x12, [UInt8](repeating: 1, count: 12)), .unknown),
    // Of the proxy's own connection the addresses do not count, whatever they are.
    (ProxyBytes.version2(command: 0x20, kind: 0x00, []), .proxyItself),
    (ProxyBytes.version2(command: 0x20, kind: 0x11, [1, 2, 3]), .proxyItself),
    (text("PROXY TCP4 192.0.2.7 192.0.2.1 54321 6697\r\n"), ipv4),
    (text("PROXY TCP6 2001:db8::7 2001:db8::1 54321 6697\r\n"), ipv6),
    (text("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.1 54321 6697\r\n"), ipv4),
    (
      text("PROXY TCP6 fe80::7%eth0 fe80::1%eth0 9 6697\r\n"),
      .internet(host: [0xFE, 0x80] + [UInt8](repeating: 0, count: 13) + [7], port: 9)
    ),
    (text("PROXY UNKNOWN\r\n"), .unknown),
    (text("PROXY UNKNOWN ffff::1 whatever\r\n"), .unknown),
  ]

  @Test(arguments: good) func `A header tells whom the proxy passes on, and where it ends`(
    _ bytes: [UInt8], _ peer: ProxyHeader.Peer
  ) throws {
    for line in ["", "hi\n", "PROXY UNKNOWN\r\n"] {
      let header = try ProxyHeader.parse(bytes + Array(line.utf8))
      #expect(header == (try ProxyHeader.parse(bytes)))
      #expect(header?.peer == peer)
      #expect(header?.byteCount == bytes.count)
    }
    for count in 0..<bytes.count { #expect(try ProxyHeader.parse(Array(bytes.prefix(count))) == nil) }
  }

  private static let absent: [[UInt8]] = [
    text("hi\n"), text("\n"), text("GET / HTTP/1.1\r\n\r\n"), text("proxy TCP4 "), text("PROXY\r\n"),
    // TLS, whose client does not know that the proxy ends it.
    [0x16, 0x03, 0x01], [0x0D, 0x0A, 0x0D, 0x0A, 0x01],
  ]

  @Test(arguments: absent) func `What is no header is known by its first byte that does not fit`(_ bytes: [UInt8]) {
    #expect(throws: ProxyHeader.Fault.absent) { try ProxyHeader.parse(bytes) }
    #expect(throws: ProxyHeader.Fault.absent) { try ProxyHeader.parse(bytes + ProxyBytes.signature) }
  }

  private static let malformed: [[UInt8]] = [
    ProxyBytes.version2(command: 0x11, []), ProxyBytes.version2(command: 0x22, []),
    ProxyBytes.version2(kind: 0x41, [UInt8](repeating: 0, count: 40)),
    ProxyBytes.version2(kind: 0x13, [UInt8](repeating: 0, count: 40)),
    ProxyBytes.version2(kind: 0x11, [UInt8](repeating: 0, count: 11)),
    ProxyBytes.version2(kind: 0x21, [UInt8](repeating: 0, count: 35)),
    text("PROXY TCP4 192.0.2.7 192.0.2.1 54321 6697\n"),
    text("PROXY TCP4 192.0.2.7 192.0.2.1 54321\r\n"),
    text("PROXY TCP4 192.0.2.7 192.0.2.1 54321 6697 1\r\n"),
    text("PROXY TCP4  192.0.2.7 192.0.2.1 54321 6697\r\n"),
    text("PROXY TCP4 192.0.2.256 192.0.2.1 54321 6697\r\n"),
    text("PROXY TCP4 2001:db8::7 192.0.2.1 54321 6697\r\n"),
    text("PROXY TCP6 192.0.2.7 ::1 54321 6697\r\n"),
    text("PROXY TCP4 192.0.2.7\0 192.0.2.1 54321 6697\r\n"),
    text("PROXY TCP4 192.0.2.7 192.0.2.1 65536 6697\r\n"),
    text("PROXY TCP4 192.0.2.7 192.0.2.1 +1 6697\r\n"),
    text("PROXY TCP4 192.0.2.7 192.0.2.1  6697\r\n"),
    text("PROXY UDP4 192.0.2.7 192.0.2.1 54321 6697\r\n"),
    text("PROXY \r\n"), text("PROXY is a word\n"),
    text("PROXY UNKNOWN " + String(repeating: "x", count: 93)),
    text("PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n"),
  ]

  @Test(arguments: malformed) func `A header that breaks the protocol is refused`(_ bytes: [UInt8]) {
    #expect(throws: ProxyHeader.Fault.malformed) { try ProxyHeader.parse(bytes) }
  }

  @Test func `A header of more than 4 KiB is refused as soon as it says so`() {
    let bytes = ProxyBytes.version2(from: [192, 0, 2, 7], port: 1, adding: Array(repeating: 0, count: 4069))
    #expect(throws: ProxyHeader.Fault.tooLong) { try ProxyHeader.parse(Array(bytes.prefix(16))) }
  }
}
