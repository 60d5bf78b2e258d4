import Glibc

/// A socket option that takes one integer.
package struct SocketOption: Sendable {
  let level: CInt
  let name: CInt

  package static let reuseAddress = SocketOption(level: SOL_SOCKET, name: SO_REUSEADDR)
  package static let keepAlive = SocketOption(level: SOL_SOCKET, name: SO_KEEPALIVE)
  package static let ipv6Only = SocketOption(level: CInt(IPPROTO_IPV6), name: IPV6_V6ONLY)
  package static let noDelay = SocketOption(level: CInt(IPPROTO_TCP), name: TCP_NODELAY)
  /// The socket can be written while fewer bytes than this are queued and not yet sent (tcp(7), TCP_NOTSENT_LOWAT).
  package static let unsentLowWater = SocketOption(level: CInt(IPPROTO_TCP), name: TCP_NOTSENT_LOWAT)
  /// Seconds without traffic before the kernel sends a keepalive probe.
  package static let keepAliveIdle = SocketOption(level: CInt(IPPROTO_TCP), name: TCP_KEEPIDLE)
  /// Seconds between two probes.
  package static let keepAliveInterval = SocketOption(level: CInt(IPPROTO_TCP), name: TCP_KEEPINTVL)
  /// Unanswered probes after which the connection is broken.
  package static let keepAliveCount = SocketOption(level: CInt(IPPROTO_TCP), name: TCP_KEEPCNT)
}
