import ChatWire
import Glibc

/// A descriptor whose number stays the same, whatever file is under it.
final class OutputFile: Sendable {
  let descriptor: FileDescriptor

  init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// Puts another file under the number.
  func replace(by file: borrowing FileDescriptor) throws(SystemCallError) {
    guard dup2(file.number, descriptor.number) >= 0 else { throw SystemCallError("dup2") }
    _ = fcntl(descriptor.number, F_SETFD, FD_CLOEXEC)
  }
}
