import CLinux
import ChatWire
import Dispatch
import Glibc

/// All connections in one private epoll set, and one dispatch source that watches the set.
///
/// Not a source for each connection, because on Linux libdispatch unregisters a descriptor that hung up from the wrong
/// thread (swift-corelibs-libdispatch #949): peers that reset their connections while the queue is busy can corrupt its
/// lists and so kill the process from outside. An epoll descriptor cannot hang up.
///
/// The set is level-triggered, so nothing that is left unread or unsent is forgotten.
final class EpollReadiness: Readiness {
  private let set: FileDescriptor
  private var source: (any DispatchSourceRead)?
  private var events = Array(repeating: epoll_event(), count: 512)
  /// Connections for which the kernel does not yet watch what it should, because it had no memory for that.
  private var overdue: [Token: Connection] = [:]
  private var retry: (any DispatchSourceTimer)?

  init() throws(SystemCallError) {
    let number = epoll_create1(CInt(EPOLL_CLOEXEC))
    guard number >= 0 else { throw SystemCallError("epoll_create1") }
    set = FileDescriptor(owning: number)
  }

  func activate(on queue: DispatchQueue, report: @escaping @Sendable () -> Void) {
    let source = DispatchSource.makeReadSource(fileDescriptor: set.number, queue: queue)
    source.setEventHandler(handler: report)
    // The set must not be closed before libdispatch has let go of it.
    source.setCancelHandler { _ = self }
    source.activate()
    self.source = source
    let retry = DispatchSource.makeTimerSource(queue: queue)
    retry.setEventHandler { self.tryAgain() }
    retry.schedule(deadline: .now())
    retry.activate()
    self.retry = retry
  }

  func watch(_ connection: Connection) { control(EPOLL_CTL_ADD, connection, .reading) }

  func setInterest(_ interest: Interest, of connection: Connection) {
    // The kernel reports a hang-up whatever was asked for; only what is not in the set stays quiet.
    let operation =
      interest.isEmpty ? EPOLL_CTL_DEL : connection.interest.isEmpty ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
    control(operation, connection, interest)
  }

  /// Nothing to do: the kernel takes a descriptor out of the set when it is closed (epoll(7)), and reports that are on
  /// their way carry a token that is no longer valid.
  func forget(_ connection: Connection) {}

  /// The set is level-triggered: what is unread is reported again.
  func leftUnread(_ connection: Connection) {}

  func takeReady(into list: inout [ReadyConnection], within milliseconds: CInt) -> Bool {
    list.removeAll(keepingCapacity: true)
    let count = epoll_wait(set.number, &events, CInt(events.count), milliseconds)
    guard count > 0 else { return true }
    for event in events[..<Int(count)] {
      var ready: Interest = []
      if event.events & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { ready.insert(.reading) }
      if event.events & (EPOLLOUT.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { ready.insert(.writing) }
      list.append(ReadyConnection(token: Token(bits: event.data.u64), ready: ready))
    }
    return false
  }

  func cancel() {
    source?.cancel()
    source = nil
    retry?.cancel()
    retry = nil
  }

  private func control(_ operation: CInt, _ connection: Connection, _ interest: Interest) {
    if !change(operation, connection, interest) { isOverdue(connection) }
  }

  /// Has what the server wants of `connection` tried again soon: it would be deaf otherwise, or mute.
  private func isOverdue(_ connection: Connection) {
    if overdue.isEmpty { retry?.schedule(deadline: .now() + .milliseconds(10)) }
    overdue[connection.token] = connection
  }

  private func tryAgain() {
    let late = overdue.values
    overdue = [:]
    for connection in late where connection.phase != .closed {
      // What failed may have been one change or several: whether the set has the connection, only the kernel knows.
      let interest = connection.interest
      let operations = interest.isEmpty ? [EPOLL_CTL_DEL] : [EPOLL_CTL_MOD, EPOLL_CTL_ADD]
      if !operations.contains(where: { change($0, connection, interest) }) { isOverdue(connection) }
    }
  }

  /// - Returns: whether the set is now as it should be. It can fail only for want of kernel memory.
  private func change(_ operation: CInt, _ connection: Connection, _ interest: Interest) -> Bool {
    var event = epoll_event()
    if interest.contains(.reading) { event.events |= EPOLLIN.rawValue }
    if interest.contains(.writing) { event.events |= EPOLLOUT.rawValue }
    event.data.u64 = connection.token.bits
    if epoll_ctl(set.number, operation, connection.descriptor.number, &event) == 0 { return true }
    return operation == EPOLL_CTL_DEL && errno == ENOENT
  }
}
