import Glibc

/// A resolved address in the kernel's own form.
package struct SocketAddress: @unchecked Sendable {
  // Unchecked because `sockaddr_storage`, which is plain bytes, is not marked as Sendable.
  private var storage: sockaddr_storage
  private var length: socklen_t

  package init(_ address: UnsafePointer<sockaddr>, length: socklen_t) {
    storage = sockaddr_storage()
    self.length = min(length, socklen_t(MemoryLayout<sockaddr_storage>.size))
    withUnsafeMutableBytes(of: &storage) {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(self.length)))
    }
  }

  /// - Parameters:
  ///   - body: a system call that fills in an address of any kind, and its length in bytes.
  ///   - result: what `body` returns.
  package init<Result>(
    filledBy body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result, result: inout Result
  ) {
    storage = sockaddr_storage()
    length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    result = withUnsafeMutablePointer(to: &storage) { storage in
      withUnsafeMutablePointer(to: &length) { length in
        storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
      }
    }
  }

  /// An internet address; nil if there is none of that kind.
  /// - Parameter host: in network byte order: 4 bytes, or 16.
  package init?(host: [UInt8], port: UInt16) {
    storage = sockaddr_storage()
    switch host.count {
    case 4:
      var address = sockaddr_in()
      (address.sin_family, address.sin_port) = (sa_family_t(AF_INET), port.bigEndian)
      withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: host) }
      length = socklen_t(MemoryLayout<sockaddr_in>.size)
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in.self) }
    case 16:
      var address = sockaddr_in6()
      (address.sin6_family, address.sin6_port) = (sa_family_t(AF_INET6), port.bigEndian)
      withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: host) }
      length = socklen_t(MemoryLayout<sockaddr_in6>.size)
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in6.self) }
    default: return nil
    }
  }

  /// The same with a host as `host` tells it; its scope, as in `fe80::1%eth0`, is left out.
  package init?(numericHost: String, port: UInt16) {
    let host = numericHost.prefix { $0 != "%" }
    var bytes = [UInt8](repeating: 0, count: host.contains(":") ? 16 : 4)
    guard inet_pton(bytes.count == 16 ? AF_INET6 : AF_INET, String(host), &bytes) == 1 else { return nil }
    self.init(host: bytes, port: port)
  }

  package func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: storage) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) } }
  }

  package var family: CInt { CInt(storage.ss_family) }

  /// The TCP port; 0 for a Unix socket.
  package var port: UInt16 {
    switch family {
    case AF_INET: UInt16(bigEndian: withBytes(as: sockaddr_in.self) { $0.sin_port })
    case AF_INET6: UInt16(bigEndian: withBytes(as: sockaddr_in6.self) { $0.sin6_port })
    default: 0
    }
  }

  /// The numeric host address, as in `127.0.0.1` or `::1`; empty for a Unix socket.
  package var host: String {
    guard family == AF_INET || family == AF_INET6 else { return "" }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { name in
      name.initialize(repeating: 0)
      let result = withPointer {
        getnameinfo($0, $1, name.baseAddress, socklen_t(name.count), nil, 0, NI_NUMERICHOST)
      }
      guard result == 0, let base = name.baseAddress else { return "?" }
      return String(cString: base)
    }
  }

  /// The host address in network byte order: 4 bytes, 16, or none for a Unix socket.
  package var hostBytes: [UInt8] {
    switch family {
    case AF_INET: withBytes(as: sockaddr_in.self) { withUnsafeBytes(of: $0.sin_addr) { Array($0) } }
    case AF_INET6: withBytes(as: sockaddr_in6.self) { withUnsafeBytes(of: $0.sin6_addr) { Array($0) } }
    default: []
    }
  }

  /// Whether only programs of this machine can use it: loopback, also as IPv4 within IPv6, or a Unix socket.
  package var isLocal: Bool {
    let bytes = hostBytes
    switch family {
    case AF_UNIX: return true
    case AF_INET: return bytes.first == 127
    case AF_INET6:
      let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10...11].allSatisfy { $0 == 0xFF }
      return isMapped ? bytes[12] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
    default: return false
    }
  }

  /// The address as people write it.
  package var address: Address {
    guard family == AF_UNIX else { return .internet(host: host, port: port) }
    let path = withBytes(as: sockaddr_un.self) { unix in
      withUnsafeBytes(of: unix.sun_path) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
    return .unix(path: path)
  }

  private func withBytes<Kind, Result>(as: Kind.Type, _ body: (Kind) -> Result) -> Result {
    withUnsafeBytes(of: storage) { body($0.loadUnaligned(as: Kind.self)) }
  }
}

/// Why a host name could not be turned into addresses.
package struct ResolutionError: Error, CustomStringConvertible {
  package let host: String
  /// The resolver's words, as in `Name or service not known`.
  package let reason: String
  package var description: String { "\(host): \(reason)" }
}

extension Address {
  /// The kernel's forms of this address, at least one, without repetitions, in the resolver's order of preference. Asking a
  /// name server takes as long as it takes.
  package func resolved() throws(ResolutionError) -> [SocketAddress] {
    switch self {
    case .unix(let path):
      var unix = sockaddr_un()
      unix.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &unix.sun_path) { $0.copyBytes(from: path.utf8.prefix(Self.maximumPathBytes)) }
      return [
        withUnsafePointer(to: unix) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            SocketAddress($0, length: socklen_t(MemoryLayout<sockaddr_un>.size))
          }
        }
      ]
    case .internet(let host, let port):
      var hints = addrinfo()
      hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
      hints.ai_flags = AI_NUMERICSERV
      var list: UnsafeMutablePointer<addrinfo>?
      let result = getaddrinfo(host, String(port), &hints, &list)
      guard result == 0 else {
        let reason = result == EAI_SYSTEM ? String(cString: strerror(errno)) : String(cString: gai_strerror(result))
        throw ResolutionError(host: host, reason: reason)
      }
      defer { freeaddrinfo(list) }
      var found: [SocketAddress] = []
      var next = list
      while let entry = next?.pointee {
        if let address = entry.ai_addr {
          let candidate = SocketAddress(address, length: entry.ai_addrlen)
          if !found.contains(where: { $0.address == candidate.address }) { found.append(candidate) }
        }
        next = entry.ai_next
      }
      guard !found.isEmpty else { throw ResolutionError(host: host, reason: "no address of a kind that is known here") }
      return found
    }
  }
}
