import ChatWire
import Glibc

/// Where the service manager that started this process wants to be told how the server does: what NOTIFY_SOCKET says
/// (sd_notify(3)), and WATCHDOG_USEC (sd_watchdog_enabled(3)).
package struct NotifySocket: Sendable {
  let address: SocketAddress
  /// How long the manager waits for a sign of life before it takes the server for dead; nil for ever.
  let watchdog: Duration?

  /// Nil where nobody wants to know, and where the manager names no Unix socket.
  /// - Parameters:
  ///   - processID: the own one; signs of life may be asked of another process.
  ///   - variable: the value of a variable of the environment.
  package init?(processID: pid_t = getpid(), variable: (String) -> String? = Self.variable) {
    guard let name = variable("NOTIFY_SOCKET"), let address = SocketAddress(notifySocket: name) else { return nil }
    self.address = address
    let isAskedOfAnother = variable("WATCHDOG_PID").map { $0 != String(processID) } ?? false
    let microseconds = isAskedOfAnother ? nil : variable("WATCHDOG_USEC").flatMap { Int64($0) }
    watchdog = microseconds.flatMap { $0 > 0 ? .microseconds($0) : nil }
  }

  package static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

extension SocketAddress {
  /// - Parameter name: an absolute path, or `@` and a name without a file (unix(7), abstract).
  fileprivate init?(notifySocket name: String) {
    var unix = sockaddr_un()
    var bytes = Array(name.utf8)
    guard bytes.count > 1, bytes.count <= Address.maximumPathBytes else { return nil }
    switch bytes[0] {
    case UInt8(ascii: "/"): break
    case UInt8(ascii: "@"): bytes[0] = 0
    default: return nil
    }
    unix.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &unix.sun_path) { $0.copyBytes(from: bytes) }
    // The length counts: a name without a file ends where the address does.
    let length = MemoryLayout<sockaddr_un>.size - MemoryLayout.size(ofValue: unix.sun_path) + bytes.count
    self = withUnsafePointer(to: unix) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { SocketAddress($0, length: socklen_t(length)) }
    }
  }
}
