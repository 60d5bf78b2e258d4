import CLinux
import ChatWire
import Glibc

/// Bytes that another program can read by a descriptor, and that no file system holds (memfd_create(2)).
final class MemoryFile: Sendable {
  /// Closed on exec, until somebody wants it otherwise.
  let descriptor: FileDescriptor

  init(holding bytes: [UInt8]) throws(SystemCallError) {
    let number = memfd_create("mychat-state", LINUX_MFD_CLOEXEC)
    guard number >= 0 else { throw SystemCallError("memfd_create") }
    descriptor = FileDescriptor(owning: number)
    if let error = StandardOutput.write(bytes, to: number) { throw error }
  }

  /// All that such a file holds, wherever those who share it have read or written last.
  static func contents(of descriptor: borrowing FileDescriptor) throws(SystemCallError) -> [UInt8] {
    let number = descriptor.number
    var information = stat()
    guard fstat(number, &information) == 0 else { throw SystemCallError("fstat") }
    guard information.st_mode & S_IFMT == S_IFREG else { throw SystemCallError("read", code: EINVAL) }
    let size = Int(information.st_size)
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      while filled < size, let start = buffer.baseAddress {
        let count = pread(number, start + filled, size - filled, off_t(filled))
        if count > 0 { filled += count } else if count == 0 || errno != EINTR { return }
      }
    }
  }
}
