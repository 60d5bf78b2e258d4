import Glibc

/// Standard output and standard error, written without a buffer.
package enum StandardOutput {
  /// Writes all of `bytes`, waiting as long as it takes.
  /// - Returns: why it could not, if it could not.
  @discardableResult
  package static func write(_ bytes: [UInt8], to descriptor: CInt = STDOUT_FILENO) -> SystemCallError? {
    bytes.withUnsafeBytes { FileDescriptor.writeAll($0, to: descriptor).error }
  }

  @discardableResult
  package static func write(_ text: String, to descriptor: CInt = STDOUT_FILENO) -> SystemCallError? {
    write(Array(text.utf8), to: descriptor)
  }

  /// The one line on standard error by which a program says that it failed.
  /// - Parameter text: why, and what to do about it.
  package static func report(error text: String) { write("[ERROR] \(text)\n", to: STDERR_FILENO) }
}
