import Glibc

/// What a proxy says of the connection that it passes on, in front of all that comes from its peer: the PROXY protocol of HAProxy,
/// version 1, which is a line of text, and version 2, which is binary
/// (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).
package struct ProxyHeader: Equatable, Sendable {
  package enum Peer: Equatable, Sendable {
    /// A TCP connection from there.
    /// - Parameter host: in network byte order: 4 bytes, or 16; an IPv4 address within IPv6 is one of IPv4.
    case internet(host: [UInt8], port: UInt16)
    /// It came in another way, or the proxy does not know how.
    case unknown
    /// The proxy itself, which tries whether somebody answers.
    case proxyItself
  }

  package enum Fault: Error {
    /// The first bytes are those of something else.
    case absent
    /// It begins as one and does not go on so.
    case malformed
    /// It says that it has more than `maximumBytes`.
    case tooLong
  }

  package let peer: Peer
  /// How many bytes it has; what follows comes from the peer.
  package let byteCount: Int

  /// Enough for an address and for what proxies add to it, which is passed over.
  package static let maximumBytes = 4 << 10

  private static let beginningOfText = Array("PROXY ".utf8)
  private static let beginningOfBinary: [UInt8] = [
    0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
  ]
  /// Of a header of text, CR LF included.
  private static let maximumTextBytes = 107
  /// Of a binary header, before the addresses.
  private static let fixedBytes = 16

  /// - Parameter bytes: what a connection begins with.
  /// - Returns: nil if that is part of a header, and nothing else.
  package static func parse(_ bytes: [UInt8]) throws(Fault) -> ProxyHeader? {
    if isBeginning(bytes, of: beginningOfBinary) { return try binary(bytes) }
    if isBeginning(bytes, of: beginningOfText) { return try text(bytes) }
    throw .absent
  }

  private static func isBeginning(_ bytes: [UInt8], of beginning: [UInt8]) -> Bool {
    bytes.starts(with: beginning.prefix(bytes.count))
  }

  // MARK: Version 2

  private static func binary(_ bytes: [UInt8]) throws(Fault) -> ProxyHeader? {
    guard bytes.count >= fixedBytes else { return nil }
    let byteCount = fixedBytes + Int(bytes[14]) << 8 + Int(bytes[15])
    guard byteCount <= maximumBytes else { throw .tooLong }
    guard bytes[12] == 0x20 || bytes[12] == 0x21 else { throw .malformed }
    guard bytes.count >= byteCount else { return nil }
    // Of the proxy's own connection nothing else counts.
    guard bytes[12] == 0x21 else { return ProxyHeader(peer: .proxyItself, byteCount: byteCount) }
    let addresses = bytes[fixedBytes..<byteCount]
    return ProxyHeader(peer: try peer(ofKind: bytes[13], addresses), byteCount: byteCount)
  }

  /// - Parameter addresses: the peer's, the proxy's, their ports in the same order, and what is passed over.
  private static func peer(ofKind kind: UInt8, _ addresses: ArraySlice<UInt8>) throws(Fault) -> Peer {
    let hostBytes: Int
    switch kind {
    case 0x11: hostBytes = 4
    case 0x21: hostBytes = 16
    // Unspecified, and what is no TCP.
    case 0x00, 0x12, 0x22, 0x31, 0x32: return .unknown
    default: throw .malformed
    }
    guard addresses.count >= 2 * hostBytes + 4 else { throw .malformed }
    let port = addresses.dropFirst(2 * hostBytes).prefix(2).reduce(0) { $0 << 8 | UInt16($1) }
    return internet(host: Array(addresses.prefix(hostBytes)), port: port)
  }

  // MARK: Version 1

  private static func text(_ bytes: [UInt8]) throws(Fault) -> ProxyHeader? {
    guard let end = bytes.prefix(maximumTextBytes).firstIndex(of: 0x0A) else {
      guard bytes.count < maximumTextBytes else { throw .malformed }
      return nil
    }
    guard bytes[end - 1] == 0x0D else { throw .malformed }
    let words = bytes[..<(end - 1)].split(separator: 0x20, omittingEmptySubsequences: false)
    return ProxyHeader(peer: try peer(words.map { String(decoding: $0, as: UTF8.self) }), byteCount: end + 1)
  }

  /// - Parameter words: such as `PROXY TCP4 192.0.2.7 192.0.2.1 54321 6697`; behind `PROXY UNKNOWN` there may be anything.
  private static func peer(_ words: [String]) throws(Fault) -> Peer {
    let (family, hostBytes): (CInt, Int)
    switch words[1] {
    case "TCP4": (family, hostBytes) = (AF_INET, 4)
    case "TCP6": (family, hostBytes) = (AF_INET6, 16)
    case "UNKNOWN": return .unknown
    default: throw .malformed
    }
    var host = [UInt8](repeating: 0, count: hostBytes)
    // Some proxies write the scope of a link-local address, as in fe80::1%eth0.
    guard words.count == 6, let numeric = words[2].split(separator: "%", omittingEmptySubsequences: false).first,
      !numeric.utf8.contains(0), inet_pton(family, String(numeric), &host) == 1,
      words[4].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(words[4])
    else { throw .malformed }
    return internet(host: host, port: port)
  }

  /// A proxy that listens for IPv6 and IPv4 on one socket sees IPv4 within IPv6 (RFC 4291, 2.5.5.2).
  private static func internet(host: [UInt8], port: UInt16) -> Peer {
    let isMapped = host.count == 16 && host.starts(with: Array(repeating: 0, count: 10) + [0xFF, 0xFF])
    return .internet(host: isMapped ? Array(host.suffix(4)) : host, port: port)
  }
}
