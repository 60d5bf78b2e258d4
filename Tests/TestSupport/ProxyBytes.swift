/// Headers of the PROXY protocol as proxies write them.
package enum ProxyBytes {
  /// What each header of version 2 begins with.
  package static let signature: [UInt8] = [
    0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
  ]

  /// A header of version 2.
  /// - Parameters:
  ///   - command: 0x21 for a connection that is passed on, 0x20 for the proxy's own.
  ///   - kind: the family and the protocol, 0x11 for TCP over IPv4.
  package static func version2(command: UInt8 = 0x21, kind: UInt8 = 0x11, _ rest: [UInt8]) -> [UInt8] {
    signature + [command, kind, UInt8(rest.count >> 8), UInt8(rest.count & 0xFF)] + rest
  }

  /// A peer's connection from an address, whose bytes say of which family it is.
  package static func version2(from host: [UInt8], port: UInt16, adding more: [UInt8] = []) -> [UInt8] {
    let own = [UInt8](repeating: 0, count: host.count - 1) + [1]
    let ports = [UInt8(port >> 8), UInt8(port & 0xFF), 0x1A, 0x29]
    return version2(kind: host.count == 4 ? 0x11 : 0x21, host + own + ports + more)
  }

  /// The address `2001:db8::7`.
  package static let documentationIPv6: [UInt8] = [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [7]
}
