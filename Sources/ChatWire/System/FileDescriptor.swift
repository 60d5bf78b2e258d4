import Glibc

/// An open descriptor with one owner. It is closed when its owner lets go of it, and cannot be closed twice.
package struct FileDescriptor: ~Copyable, Sendable {
  /// The kernel's number for it, valid for as long as this value lives.
  package let number: CInt

  /// - Parameter number: must be open; from now on only this value closes it.
  package init(owning number: CInt) { self.number = number }

  deinit { _ = Glibc.close(number) }

  /// Closes at once, where the end of a scope would come too late.
  package consuming func close() {}
}

/// How reading or writing went. Having to wait and the end of the stream are no errors, so they are cases.
package enum Transfer: Equatable {
  /// This many bytes were moved, at least one.
  case bytes(Int)
  /// Nothing can be moved now; poll(2) or epoll(7) tells when to try again.
  case wouldBlock
  /// The peer has ended its stream (reading only).
  case ended
  /// The stream cannot be used any more: reset, timed out or broken.
  case failed(SystemCallError)
}

extension FileDescriptor {
  /// Reads what is there, at most `buffer.count` bytes.
  /// - Parameter buffer: must not be empty, as 0 bytes would be taken for the end.
  package borrowing func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    Self.transfer("read") { Glibc.read(number, buffer.baseAddress, buffer.count) }
  }

  /// Writes what fits.
  package borrowing func write(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    Self.transfer("write") { Glibc.write(number, bytes.baseAddress, bytes.count) }
  }

  package borrowing func setBlocking(_ blocking: Bool) throws(SystemCallError) {
    let flags = fcntl(number, F_GETFL)
    guard flags >= 0, fcntl(number, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) >= 0 else {
      throw SystemCallError("fcntl")
    }
  }

  /// Waits until it can be read or written, or is broken.
  /// - Parameters:
  ///   - events: `POLLIN`, `POLLOUT` or other events of poll(2).
  ///   - stop: a descriptor that ends the wait once it can be read; -1 for none.
  /// - Returns: false if `deadline` or `stop` came first. A signal does not end the wait.
  package borrowing func wait(for events: CInt, until deadline: Moment = .never, unless stop: CInt = -1) -> Bool {
    Self.wait(for: events, on: number, until: deadline, unless: stop)
  }

  /// The same for a descriptor that somebody else owns, a standard stream say.
  package static func wait(
    for events: CInt, on number: CInt, until deadline: Moment = .never, unless stop: CInt = -1
  ) -> Bool {
    var entries = (
      pollfd(fd: number, events: Int16(truncatingIfNeeded: events), revents: 0),
      // A negative descriptor is passed over (poll(2)).
      pollfd(fd: stop, events: Int16(POLLIN), revents: 0)
    )
    while true {
      let count = withUnsafeMutableBytes(of: &entries) {
        poll($0.assumingMemoryBound(to: pollfd.self).baseAddress, 2, deadline.millisecondsForPoll)
      }
      if count > 0 { return entries.0.revents != 0 }
      if count == 0 && deadline.hasPassed { return false }
    }
  }

  /// Waits until one of two descriptors that somebody else owns can be read, or is broken; -1 stands for none.
  /// - Parameter stop: a descriptor that ends the wait once it can be read; -1 for none.
  /// - Returns: false if `deadline` or `stop` came first.
  package static func waitForInput(
    of first: CInt, _ second: CInt, until deadline: Moment, unless stop: CInt
  ) -> Bool {
    var entries = [first, second, stop].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while true {
      let count = poll(&entries, nfds_t(entries.count), deadline.millisecondsForPoll)
      if count > 0 { return entries[0].revents != 0 || entries[1].revents != 0 }
      if count == 0 && deadline.hasPassed { return false }
    }
  }

  /// Writes all of `bytes` to a descriptor that somebody else owns, waiting as long as it takes: whoever shares a terminal
  /// or pipe may have made it non-blocking.
  /// - Returns: how many bytes were written, and what kept the rest, if anything did.
  package static func writeAll(
    _ bytes: UnsafeRawBufferPointer, to number: CInt
  ) -> (count: Int, error: SystemCallError?) {
    var rest = bytes
    while rest.count > 0 {
      switch transfer("write", { Glibc.write(number, rest.baseAddress, rest.count) }) {
      case .bytes(let count): rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      case .wouldBlock: _ = wait(for: POLLOUT, on: number)
      case .ended: return (bytes.count - rest.count, SystemCallError("write", code: EIO))
      case .failed(let error): return (bytes.count - rest.count, error)
      }
    }
    return (bytes.count, nil)
  }

  /// Judges the result of a system call that moves bytes: the count first, then errno. Repeats an interrupted call.
  @inline(__always)
  static func transfer(_ call: StaticString, _ body: () -> Int) -> Transfer {
    while true {
      let count = body()
      if count > 0 { return .bytes(count) }
      if count == 0 { return .ended }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK: return .wouldBlock
      // The kernel is short of memory. That is not the peer's fault, and it passes.
      case ENOBUFS, ENOMEM: return .wouldBlock
      default: return .failed(SystemCallError(call))
      }
    }
  }
}
