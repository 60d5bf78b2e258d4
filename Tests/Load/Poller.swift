import CLinux
import ChatWire
import Glibc

/// The kernel's readiness list (epoll(7), level-triggered): which of many connections have something to do.
struct Poller: ~Copyable {
  private let descriptor: FileDescriptor
  private let events: UnsafeMutableBufferPointer<epoll_event>

  /// One connection that is ready.
  struct Ready {
    let index: Int
    let canRead: Bool
    let canWrite: Bool
  }

  init() throws(SystemCallError) {
    let number = epoll_create1(CInt(EPOLL_CLOEXEC))
    guard number >= 0 else { throw SystemCallError("epoll_create1") }
    descriptor = FileDescriptor(owning: number)
    events = .allocate(capacity: 1024)
  }

  deinit { events.deallocate() }

  /// From now on tells when there is something to read, by `index`.
  func add(_ socket: borrowing FileDescriptor, index: Int) throws(SystemCallError) {
    try control(EPOLL_CTL_ADD, socket, index: index, write: false)
  }

  /// From now on tells when there is something to read and, if `write`, when something can be written.
  func change(_ socket: borrowing FileDescriptor, index: Int, write: Bool) throws(SystemCallError) {
    try control(EPOLL_CTL_MOD, socket, index: index, write: write)
  }

  /// Waits for at most `milliseconds`. An interrupted wait is a short one.
  /// - Returns: how many connections are ready; `ready` gives each.
  func wait(milliseconds: CInt) -> Int {
    max(0, Int(epoll_wait(descriptor.number, events.baseAddress, CInt(events.count), milliseconds)))
  }

  func ready(_ position: Int) -> Ready {
    let event = events[position]
    let readable = EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue
    return Ready(
      index: Int(event.data.u64), canRead: event.events & readable != 0,
      canWrite: event.events & EPOLLOUT.rawValue != 0)
  }

  private func control(
    _ operation: CInt, _ socket: borrowing FileDescriptor, index: Int, write: Bool
  ) throws(SystemCallError) {
    var event = epoll_event(
      events: EPOLLIN.rawValue | (write ? EPOLLOUT.rawValue : 0), data: epoll_data(u64: UInt64(index)))
    guard epoll_ctl(descriptor.number, operation, socket.number, &event) == 0 else {
      throw SystemCallError("epoll_ctl")
    }
  }
}
