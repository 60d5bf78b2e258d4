import ChatWire
import Glibc

/// Listening sockets that whoever started this process has opened for it (sd_listen_fds(3)): socket activation. They stay
/// open there when the server ends, so that nobody is turned away while it is started again.
package struct InheritedSockets: Sendable {
  /// Each is ours, and open until somebody owns it.
  let descriptors: [CInt]

  package init() { descriptors = [] }

  /// Takes those that the environment names, and the variables out of it: what this process starts, or becomes, must not
  /// take them as well. To be called once, before there are threads.
  package static func take(processID: pid_t = getpid()) -> InheritedSockets {
    let (owner, count) = (NotifySocket.variable("LISTEN_PID"), NotifySocket.variable("LISTEN_FDS"))
    for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
    guard owner == String(processID), let count = count.flatMap({ UInt16($0) }) else { return InheritedSockets() }
    // SD_LISTEN_FDS_START
    let first: CInt = 3
    return InheritedSockets(descriptors: (0..<CInt(count)).map { first + $0 })
  }

  private init(descriptors: [CInt]) {
    self.descriptors = descriptors
    for number in descriptors { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
  }

  /// To be called once, because each listener owns its socket.
  func listeners(_ configuration: Configuration) throws(ListenError) -> [Listener] {
    var listeners: [Listener] = []
    for number in descriptors { listeners.append(try Listener(inheriting: number, configuration)) }
    return listeners
  }
}

extension ListenError {
  /// A socket that was inherited, and that the server cannot take connections from.
  init(inherited number: CInt, _ error: SystemCallError) { self.init(inherited: number, "\(error)") }

  static func isNoListener(_ number: CInt) -> ListenError {
    ListenError(
      inherited: number,
      "it is no listening stream socket of TCP or with a path. In its unit write ListenStream=, and leave Accept= out")
  }

  private init(inherited number: CInt, _ problem: String) {
    self.init(description: "Cannot listen on descriptor \(number), which LISTEN_FDS names: \(problem).")
  }
}
