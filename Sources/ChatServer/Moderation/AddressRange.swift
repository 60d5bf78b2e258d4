import ChatWire
import Glibc

/// One internet address, or all that begin with the same bits: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`.
struct AddressRange: Hashable, Sendable, CustomStringConvertible {
  /// In the form of IPv6, where IPv4 has its place in `::ffff:0:0/96` (RFC 4291, 2.5.5.2): an IPv4 address is the same range
  /// whichever way it is written. Bits behind `bits` are 0.
  private let address: UInt128
  /// How many bits all addresses have in common, of 128; at least 1.
  private let bits: Int

  private static let bitsBeforeIPv4 = 96

  private init(_ address: UInt128, bits: Int) {
    self.address = address
    self.bits = bits
  }

  /// The address of a peer alone; nil for a peer on a Unix socket, which has none.
  init?(of peer: SocketAddress) {
    guard let address = Self.address(of: peer.hostBytes) else { return nil }
    self.init(address, bits: 128)
  }

  /// Reads an address, or a network with the number of bits that its addresses have in common.
  init(parsing text: String) throws(AddressRangeError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let address = Self.address(parsing: String(parts[0])) else {
      throw AddressRangeError(
        "'\(Self.shown(text))' is no address; write one as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32.")
    }
    let before = parts[0].contains(":") ? 0 : Self.bitsBeforeIPv4
    guard parts.count == 2 else {
      self.init(address, bits: 128)
      return
    }
    let digits = parts[1]
    guard !digits.isEmpty, digits.utf8.count <= 3, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let bits = Int(digits), bits <= 128 - before
    else {
      throw AddressRangeError("'\(Self.shown(text))': behind the / stands a number from 1 to \(128 - before).")
    }
    let range = Self(address & Self.mask(before + bits), bits: before + bits)
    guard bits > 0, !range.isIPv4 || range.bits > Self.bitsBeforeIPv4 else {
      throw AddressRangeError("'\(text)' would be everybody.")
    }
    guard range.address == address else {
      throw AddressRangeError(
        "'\(text)' is an address within \(range); write that for all of them, or \(Self(address, bits: 128)) for one.")
    }
    self = range
  }

  /// The way people write it, in lower case and with the longest run of zeros left out (RFC 5952).
  var description: String {
    let isOne = bits == 128
    return Self.text(of: address, asIPv4: isIPv4)
      + (isOne ? "" : "/\(isIPv4 ? bits - Self.bitsBeforeIPv4 : bits)")
  }

  /// Whether a peer's address is within the range; a peer on a Unix socket has none.
  func contains(_ peer: SocketAddress) -> Bool { contains(hostBytes: peer.hostBytes) }

  /// - Parameter hostBytes: in network byte order: 4, 16, or none.
  func contains(hostBytes: [UInt8]) -> Bool {
    guard let other = Self.address(of: hostBytes) else { return false }
    return Self.isIPv4(other, bits: 128) == isIPv4 && other & Self.mask(bits) == address
  }

  /// - Parameter host: a numeric address as text.
  func contains(host: String) -> Bool {
    guard let address = Self.address(parsing: host) else { return false }
    return Self.isIPv4(address, bits: 128) == isIPv4 && address & Self.mask(bits) == self.address
  }

  private var isIPv4: Bool { Self.isIPv4(address, bits: bits) }

  private static func isIPv4(_ address: UInt128, bits: Int) -> Bool {
    bits >= bitsBeforeIPv4 && address >> 32 == 0xFFFF
  }

  private static func mask(_ bits: Int) -> UInt128 { ~UInt128(0) << UInt128(128 - bits) }

  private static func address(of hostBytes: [UInt8]) -> UInt128? {
    switch hostBytes.count {
    case 4: hostBytes.reduce(0xFFFF) { $0 << 8 | UInt128($1) }
    case 16: hostBytes.reduce(0) { $0 << 8 | UInt128($1) }
    default: nil
    }
  }

  private static func address(parsing text: String) -> UInt128? {
    // A zero would end the text for the C library.
    guard !text.utf8.contains(0) else { return nil }
    var bytes = [UInt8](repeating: 0, count: text.contains(":") ? 16 : 4)
    guard inet_pton(text.contains(":") ? AF_INET6 : AF_INET, text, &bytes) == 1 else { return nil }
    return address(of: bytes)
  }

  private static func text(of address: UInt128, asIPv4 isIPv4: Bool) -> String {
    let bytes = (0..<16).map { UInt8(truncatingIfNeeded: address >> UInt128(120 - 8 * $0)) }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
      guard let start = text.baseAddress,
        inet_ntop(isIPv4 ? AF_INET : AF_INET6, Array(bytes.suffix(isIPv4 ? 4 : 16)), start, socklen_t(text.count))
          != nil
      else { return "?" }
      return String(cString: start)
    }
  }

  private static func shown(_ text: String) -> String {
    String(decoding: SafeText.made(from: Array(text.utf8)), as: UTF8.self)
  }
}

/// A text that is no address and no range of addresses, with what to write instead.
struct AddressRangeError: Error, Equatable, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
