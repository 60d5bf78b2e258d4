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

  /// Whether only this machine can reach it: 127.0.0.0/8, ::1, the former within IPv6, or a Unix socket.
  package var isOfThisMachine: Bool {
    let bytes = hostBytes
    switch family {
    case AF_UNIX: return true
    case AF_INET: return bytes.first == 127
    case AF_INET6:
      let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
      return isMapped ? bytes[12] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
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
