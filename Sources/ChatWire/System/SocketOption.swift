import Glibc

/// A socket option that takes one integer.
package struct SocketOption: Sendable {
  let level: CInt
  let name: CInt

  package static let reuseAddress = SocketOption(level: SOL_SOCKET, name: SO_REUSEADDR)
  package static let keepAlive = SocketOption(level: SOL_SOCKET, name: SO_KEEPALIVE)
  package static let ipv6Only = SocketOption(level: CInt(IPPROTO_IPV6), name: IPV6_V6ONLY)
  package static let noDelay = SocketOption(level: CInt(IPPROTO_TCP), name: TCP_NODELAY)
  /// Bytes not yet on their way to the peer at which the kernel takes no more (tcp(7)).
  package static let unsentLowWater = SocketOption(level: CInt(IPPROTO_TCP), name: TCP_NOTSENT_LOWAT)
  /// Seconds without traffic before the kernel asks whether the peer is still there.
  package static let keepAliveIdle = SocketOption(level: CInt(IPPROTO_TCP), name: TCP_KEEPIDLE)
  /// Seconds between two such questions.
  package static let keepAliveInterval = SocketOption(level: CInt(IPPROTO_TCP), name: TCP_KEEPINTVL)
  /// Questions without an answer before the connection counts as broken.
  package static let keepAliveCount = SocketOption(level: CInt(IPPROTO_TCP), name: TCP_KEEPCNT)
}
