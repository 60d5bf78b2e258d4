#if os(Linux)
  import CEpoll
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
    }

    private func control(_ operation: CInt, _ connection: Connection, _ interest: Interest) {
      var event = epoll_event()
      if interest.contains(.reading) { event.events |= EPOLLIN.rawValue }
      if interest.contains(.writing) { event.events |= EPOLLOUT.rawValue }
      event.data.u64 = connection.token.bits
      // It can fail only for want of kernel memory; then the connection is not heard of, and its deadlines end it.
      _ = epoll_ctl(set.number, operation, connection.descriptor.number, &event)
    }
  }
#endif
