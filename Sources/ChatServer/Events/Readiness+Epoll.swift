import CLinux
import ChatWire
import Dispatch
import Glibc

/// All connections in one private epoll set, and one dispatch source that watches the set.
///
/// Not a source for each connection, because on Linux libdispatch unregisters a descriptor that hung up from the wrong
/// thread (swift-corelibs-libdispatch #949): peers that reset their connections while the queue is busy can corrupt its
/// lists and so kill the process from outside. An epoll descriptor cannot hang up.
final class EpollReadiness: Readiness {
  /// A change that the kernel had no memory for.
  private struct Overdue {
    let descriptor: CInt
    let interest: Interest
  }

  private let set: FileDescriptor
  /// Whether the kernel can wait for less than a millisecond.
  private let waitsExactly: Bool
  private var source: (any DispatchSourceRead)?
  @exclusivity(unchecked) private var events = Array(repeating: epoll_event(), count: 512)
  /// What the kernel does not watch as it should yet.
  private var overdue: [Token: Overdue] = [:]
  private var retry: (any DispatchSourceTimer)?

  /// The set is level-triggered, so nothing that is left unread or unsent is forgotten.
  let isLevelTriggered = true

  init() throws(SystemCallError) {
    let number = epoll_create1(CInt(EPOLL_CLOEXEC))
    guard number >= 0 else { throw SystemCallError("epoll_create1") }
    set = FileDescriptor(owning: number)
    var (event, none) = (epoll_event(), timespec())
    waitsExactly = epoll_pwait2(number, &event, 1, &none, nil) == 0
  }

  func activate(on queue: DispatchQueue, report: @escaping @Sendable () -> Void) {
    let source = DispatchSource.makeReadSource(fileDescriptor: set.number, queue: queue)
    source.setEventHandler(handler: report)
    // The set must not be closed before libdispatch has let go of it.
    source.setCancelHandler { _ = self }
    source.activate()
    self.source = source
    let retry = DispatchSource.makeTimerSource(queue: queue)
    retry.setEventHandler { self.retryOverdue() }
    retry.schedule(deadline: .now())
    retry.activate()
    self.retry = retry
  }

  func watch(_ descriptor: CInt, as token: Token, keptOpenBy owner: AnyObject) {
    control(EPOLL_CTL_ADD, descriptor, token, .reading)
  }

  func setInterest(_ interest: Interest, insteadOf old: Interest, of descriptor: CInt, as token: Token) {
    // The kernel reports a hang-up whatever was asked for; only what is not in the set stays quiet.
    let operation = interest.isEmpty ? EPOLL_CTL_DEL : old.isEmpty ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
    control(operation, descriptor, token, interest)
  }

  /// Closing a descriptor takes it out of the set only where no other process has it open as well (epoll(7)). Reports that
  /// are on their way carry a token that is no longer valid.
  func forget(_ descriptor: CInt, as token: Token, interest: Interest) {
    overdue[token] = nil
    if !interest.isEmpty { _ = change(EPOLL_CTL_DEL, descriptor, token, []) }
  }

  func takeReady(into list: inout [ReadyConnection], within nanoseconds: UInt64) -> Bool {
    list.removeAll(keepingCapacity: true)
    let count = waitForEvents(within: nanoseconds)
    guard count > 0 else { return true }
    for event in events[..<Int(count)] {
      var ready: Interest = []
      if event.events & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { ready.insert(.reading) }
      if event.events & (EPOLLOUT.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { ready.insert(.writing) }
      list.append(ReadyConnection(token: Token(bits: event.data.u64), ready: ready))
    }
    return false
  }

  /// - Returns: how many of `events` there are.
  @inline(__always)
  private func waitForEvents(within nanoseconds: UInt64) -> CInt {
    let (milliseconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
    if rest > 0, waitsExactly {
      var wait = timespec(tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000 * 1_000_000 + rest))
      return epoll_pwait2(set.number, &events, CInt(events.count), &wait, nil)
    }
    return epoll_wait(set.number, &events, CInt(events.count), CInt(milliseconds))
  }

  func cancel() {
    source?.cancel()
    source = nil
    retry?.cancel()
    retry = nil
  }

  private func control(_ operation: CInt, _ descriptor: CInt, _ token: Token, _ interest: Interest) {
    if change(operation, descriptor, token, interest) {
      if !overdue.isEmpty { overdue[token] = nil }
    } else {
      markOverdue(token, Overdue(descriptor: descriptor, interest: interest))
    }
  }

  /// Has a change tried again soon. Otherwise the connection would never be read, or never written, again.
  private func markOverdue(_ token: Token, _ change: Overdue) {
    if overdue.isEmpty { retry?.schedule(deadline: .now() + .milliseconds(10)) }
    overdue[token] = change
  }

  private func retryOverdue() {
    let late = overdue
    overdue = [:]
    for (token, wanted) in late {
      // What failed may have been one change or several: whether the set has the descriptor, only the kernel knows.
      let operations = wanted.interest.isEmpty ? [EPOLL_CTL_DEL] : [EPOLL_CTL_MOD, EPOLL_CTL_ADD]
      if !operations.contains(where: { change($0, wanted.descriptor, token, wanted.interest) }) {
        markOverdue(token, wanted)
      }
    }
  }

  /// - Returns: whether the set is now as it should be. It can fail only for want of kernel memory.
  private func change(_ operation: CInt, _ descriptor: CInt, _ token: Token, _ interest: Interest) -> Bool {
    var event = epoll_event()
    if interest.contains(.reading) { event.events |= EPOLLIN.rawValue }
    if interest.contains(.writing) { event.events |= EPOLLOUT.rawValue }
    event.data.u64 = token.bits
    if epoll_ctl(set.number, operation, descriptor, &event) == 0 { return true }
    return operation == EPOLL_CTL_DEL && errno == ENOENT
  }
}
