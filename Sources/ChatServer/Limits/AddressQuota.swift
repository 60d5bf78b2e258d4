import ChatWire
import Glibc

/// Limits how many connections one address has at a time, so that one machine cannot take all places.
///
/// An IPv6 address counts by its first 64 bits, as one machine commonly has all addresses that share them (RFC 6177).
/// Loopback and Unix sockets do not count: there everybody comes from one address.
struct AddressQuota {
  struct Key: Hashable {
    let prefix: UInt64
    let family: CInt
  }

  let limit: Int
  private var counts: [Key: Int] = [:]

  init(limit: Int) { self.limit = limit }

  /// What `address` counts as; nil if it does not.
  static func key(of address: SocketAddress) -> Key? {
    if address.isLocal { return nil }
    let bytes = address.hostBytes
    switch address.family {
    case AF_INET:
      return Key(prefix: bytes.reduce(0) { $0 << 8 | UInt64($1) }, family: AF_INET)
    case AF_INET6:
      return Key(prefix: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }, family: AF_INET6)
    default: return nil
    }
  }

  /// Counts one more connection, unless that is one too many.
  mutating func admit(_ key: Key) -> Bool {
    guard counts[key, default: 0] < limit else { return false }
    counts[key, default: 0] += 1
    return true
  }

  mutating func release(_ key: Key) {
    guard let count = counts[key] else { return }
    counts[key] = count > 1 ? count - 1 : nil
  }
}

extension AddressQuota {
  /// Counts a connection that another program has let in.
  mutating func readmit(_ key: Key) { counts[key, default: 0] += 1 }
}

extension AddressQuota.Key: StateCoded {
  init(from reader: inout StateReader) throws(StateError) { (prefix, family) = (try reader.read(), try reader.read()) }
  func write(to writer: inout StateWriter) { writer.write(prefix, family) }
}
