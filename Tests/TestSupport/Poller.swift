import CLinux
import ChatWire
import Glibc

/// The kernel's readiness list (epoll(7), level-triggered) for many connections. The caller identifies each by an index of
/// its own choice.
package struct Poller: ~Copyable {
  private let descriptor: FileDescriptor
  private let events: UnsafeMutableBufferPointer<epoll_event>

  /// One connection that is ready.
  package struct Ready {
    package let index: Int
    package let canRead: Bool
    package let canWrite: Bool
  }

  package init() throws(SystemCallError) {
    let number = epoll_create1(CInt(EPOLL_CLOEXEC))
    guard number >= 0 else { throw SystemCallError("epoll_create1") }
    descriptor = FileDescriptor(owning: number)
    events = .allocate(capacity: 1024)
  }

  deinit { events.deallocate() }

  /// Starts to report when the socket is readable.
  package func add(_ socket: CInt, index: Int) throws(SystemCallError) {
    try control(EPOLL_CTL_ADD, socket, index: index, read: true, write: false)
  }

  /// From now on reports readiness for what is true of `read` and `write`, and nothing else.
  package func change(_ socket: CInt, index: Int, read: Bool = true, write: Bool) throws(SystemCallError) {
    try control(EPOLL_CTL_MOD, socket, index: index, read: read, write: write)
  }

  /// Reports nothing more about the socket.
  package func remove(_ socket: CInt) { epoll_ctl(descriptor.number, EPOLL_CTL_DEL, socket, nil) }

  /// Waits for at most `milliseconds`; a signal ends the wait early.
  /// - Returns: the number of ready connections; `ready` gives each.
  package func wait(milliseconds: CInt) -> Int {
    max(0, Int(epoll_wait(descriptor.number, events.baseAddress, CInt(events.count), milliseconds)))
  }

  package func ready(_ position: Int) -> Ready {
    let event = events[position]
    let readable = EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue
    return Ready(
      index: Int(event.data.u64), canRead: event.events & readable != 0,
      canWrite: event.events & EPOLLOUT.rawValue != 0)
  }

  private func control(
    _ operation: CInt, _ socket: CInt, index: Int, read: Bool, write: Bool
  ) throws(SystemCallError) {
    var wanted = (read ? EPOLLIN.rawValue : 0) | (write ? EPOLLOUT.rawValue : 0)
    // epoll reports a hang-up even without interest. With EPOLLONESHOT it does so once instead of on every wait.
    if wanted == 0 { wanted = EPOLLONESHOT.rawValue }
    var event = epoll_event(events: wanted, data: epoll_data(u64: UInt64(index)))
    guard epoll_ctl(descriptor.number, operation, socket, &event) == 0 else { throw SystemCallError("epoll_ctl") }
  }
}
