import ChatWire
import Glibc

/// Which file a path led to: device and inode.
struct FileIdentity: Equatable {
  private let device: dev_t
  private let inode: ino_t

  private init(_ information: stat) { (device, inode) = (information.st_dev, information.st_ino) }

  /// Nil where there is nothing. Links are not followed.
  init?(at path: String) {
    var information = stat()
    guard lstat(path, &information) == 0 else { return nil }
    self.init(information)
  }

  /// Nil where there is nothing. Links are followed.
  init?(following path: String) {
    var information = stat()
    guard stat(path, &information) == 0 else { return nil }
    self.init(information)
  }

  init?(of descriptor: CInt) {
    var information = stat()
    guard fstat(descriptor, &information) == 0 else { return nil }
    self.init(information)
  }

  /// Nil where there is nothing.
  /// - Throws: `ENOTSOCK` if there is something else than a socket.
  init?(ofSocketAt path: String) throws(SystemCallError) {
    var information = stat()
    guard lstat(path, &information) == 0 else { return nil }
    guard information.st_mode & S_IFMT == S_IFSOCK else { throw SystemCallError("bind", code: ENOTSOCK) }
    self.init(information)
  }

  /// Whether two paths lead to one file, or would if it were made.
  static func isSame(_ path: String, _ other: String) -> Bool {
    guard let identity = FileIdentity(following: path) else { return path == other }
    return identity == FileIdentity(following: other)
  }

  /// Removes this file, if it is still the one at `path`.
  func unlink(_ path: String) { if FileIdentity(at: path) == self { Glibc.unlink(path) } }
}

extension FileIdentity: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (device, inode) = (dev_t(try reader.read(UInt64.self)), ino_t(try reader.read(UInt64.self)))
  }

  func write(to writer: inout StateWriter) { writer.write(UInt64(device), UInt64(inode)) }
}
