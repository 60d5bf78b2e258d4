import Glibc

/// Standard output and standard error, written directly: nothing is held back, and nothing is lost where they were
/// made non-blocking by somebody else who has them open.
package enum StandardOutput {
  /// Writes all of `bytes`, waiting as long as it takes.
  /// - Returns: why it could not, if it could not.
  @discardableResult
  package static func write(_ bytes: [UInt8], to descriptor: CInt = STDOUT_FILENO) -> SystemCallError? {
    bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count > 0 {
          rest = rest.dropFirst(count)
        } else if errno == EAGAIN {
          var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          _ = poll(&entry, 1, -1)
        } else if errno != EINTR {
          return SystemCallError("write")
        }
      }
      return nil
    }
  }

  @discardableResult
  package static func write(_ text: String, to descriptor: CInt = STDOUT_FILENO) -> SystemCallError? {
    write(Array(text.utf8), to: descriptor)
  }

  /// The one line on standard error by which a program says that it failed.
  /// - Parameter text: why, and what to do about it.
  package static func report(error text: String) { write("[ERROR] \(text)\n", to: STDERR_FILENO) }
}
