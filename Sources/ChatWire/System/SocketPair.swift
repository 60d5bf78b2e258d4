import Glibc

/// Two connected stream sockets; exec(3) closes both.
package struct SocketPair: ~Copyable, Sendable {
  package let near: FileDescriptor
  package let far: FileDescriptor

  package init() throws(SystemCallError) {
    var ends: [CInt] = [-1, -1]
    guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw SystemCallError("socketpair")
    }
    near = FileDescriptor(owning: ends[0])
    far = FileDescriptor(owning: ends[1])
  }

  /// Closes the far end, which somebody else has by now.
  package consuming func takeNear() -> FileDescriptor { near }
}
