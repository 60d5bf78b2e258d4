import Glibc

/// An open descriptor with one owner: it is closed when its owner lets go of it, and cannot be closed twice.
package struct FileDescriptor: ~Copyable, Sendable {
  /// The kernel's number for it. Valid for as long as this value lives; never keep it for longer.
  package let number: CInt

  /// Takes over `number`, which nobody else may close from now on.
  package init(owning number: CInt) { self.number = number }

  deinit { _ = Glibc.close(number) }

  /// Closes at once, where the end of a scope would come too late.
  package consuming func close() {}
}

/// A system call that failed: which one, and why.
package struct SystemCallError: Error, Equatable, CustomStringConvertible {
  /// The call's name; static, so that a failed transfer is a plain value without a count of references.
  package let call: StaticString
  package let code: CInt

  package init(_ call: StaticString, code: CInt = errno) {
    self.call = call
    self.code = code
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.code == right.code && left.call.description == right.call.description
  }

  /// The reason alone, in the C library's words, as in `Address already in use`.
  package var reason: String { String(cString: strerror(code)) }
  package var description: String { "\(call): \(reason)" }
}

/// How reading or writing went. Having to wait and the end of the stream are everyday outcomes, so they are cases.
package enum Transfer: Equatable {
  /// This many bytes were moved, at least one.
  case bytes(Int)
  /// Nothing now; the kernel says when to come back.
  case wouldBlock
  /// The peer has ended its stream (reading only).
  case ended
  /// The connection cannot be used any more: reset, timed out or broken.
  case failed(SystemCallError)
}

extension FileDescriptor {
  /// Reads what is there, at most `buffer.count` bytes.
  package borrowing func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    transfer("read") { Glibc.read(number, buffer.baseAddress, buffer.count) }
  }

  /// Writes what fits.
  package borrowing func write(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    transfer("write") { Glibc.write(number, bytes.baseAddress, bytes.count) }
  }

  package borrowing func setBlocking(_ blocking: Bool) throws(SystemCallError) {
    let flags = fcntl(number, F_GETFL)
    guard flags >= 0, fcntl(number, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) >= 0 else {
      throw SystemCallError("fcntl")
    }
  }

  /// The one place that judges a transfer: the count first, then errno; an interrupted call is made again.
  @inline(__always)
  borrowing func transfer(_ call: StaticString, _ body: () -> Int) -> Transfer {
    while true {
      let count = body()
      if count > 0 { return .bytes(count) }
      if count == 0 { return .ended }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK: return .wouldBlock
      // No memory for it just now: the peer has done nothing wrong, and the kernel will have some again.
      case ENOBUFS, ENOMEM: return .wouldBlock
      default: return .failed(SystemCallError(call))
      }
    }
  }
}

/// A pipe within this process, closed on exec: what is written to one end is read from the other.
package struct Pipe: ~Copyable, Sendable {
  package let readEnd: FileDescriptor
  package let writeEnd: FileDescriptor

  package init() throws(SystemCallError) {
    var ends: [CInt] = [-1, -1]
    guard pipe(&ends) == 0 else { throw SystemCallError("pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    readEnd = FileDescriptor(owning: ends[0])
    writeEnd = FileDescriptor(owning: ends[1])
  }
}

/// Ends the habit of a process to die when it writes to a peer that has gone: the write fails instead.
package func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

/// Opens `/dev/null` where a standard stream is closed: its number would go to a connection, and what is meant for people to
/// a peer. What stands in for an output takes nothing, so that a write fails as it would have.
package func occupyStandardStreams() {
  for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) < 0 {
    _ = open("/dev/null", O_RDONLY)
  }
}

/// Allows this process all the descriptors that its hard limit grants.
/// - Returns: the number of descriptors it may have open.
@discardableResult
package func raiseDescriptorLimit() -> Int {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
  limit.rlim_cur = limit.rlim_max
  _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
  return Int(clamping: limit.rlim_cur)
}
