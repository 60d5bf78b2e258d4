import ChatWire
import Glibc

/// The file by which a Unix socket is found, and a lock beside it. Both are removed when their owner lets go of them, which
/// has to be before the socket is closed, because until then its inode number cannot be reused.
///
/// The lock (`PATH.lock`, empty, flock(2)) is held for as long as the file is there. Without it, two servers that find a dead
/// server's socket would both remove it, the second one that of the first. A lock on the directory would leave no file
/// behind after a crash, but anybody who may read the directory could take it, and so keep every server from starting.
struct UnixSocketFile: ~Copyable {
  private let path: String
  private let identity: FileIdentity
  private let lock: LockFile

  /// Binds `socket` to `path`, in place of a dead server's socket. The file has its final mode from the start: nobody can
  /// connect before `socket` listens, and a chmod(2) afterwards could hit what somebody has put in its place.
  /// - Throws: `EADDRINUSE` if somebody listens there, `ENOTSOCK` if there is a file of another kind, `EEXIST` if there is
  ///   something in the lock's place that is no lock of ours, `ESTALE` if somebody has replaced the socket meanwhile.
  init(
    binding socket: borrowing FileDescriptor, to address: SocketAddress, at path: String, _ access: SocketAccess
  ) throws(SystemCallError) {
    _ = try FileIdentity(ofSocketAt: path)
    let lock = try LockFile(at: Self.lockPath(for: path))
    if try FileIdentity(ofSocketAt: path) != nil { try Self.removeDeadSocket(at: path, address) }
    // The file's mode is the socket's less the umask (Linux, unix_bind).
    _ = fchmod(socket.number, access.mode)
    let mask = umask(0)
    defer { umask(mask) }
    try socket.bind(to: address)
    guard let identity = try? FileIdentity(ofSocketAt: path) else { throw SystemCallError("bind", code: ESTALE) }
    if let group = access.group {
      do throws(SystemCallError) { try Self.give(path, identity, to: group) } catch {
        identity.unlink(path)
        throw error
      }
    }
    self.path = path
    self.identity = identity
    self.lock = lock
  }

  /// Goes on where another program has stopped.
  init(continuing saved: Saved) {
    (path, identity) = (saved.path, saved.identity)
    lock = LockFile(
      path: Self.lockPath(for: path), descriptor: FileDescriptor(owning: saved.lock), identity: saved.lockIdentity)
  }

  deinit { identity.unlink(path) }

  /// Gives the socket's file to a group: by a descriptor, because somebody could put something else in its path meanwhile.
  private static func give(_ path: String, _ identity: FileIdentity, to group: gid_t) throws(SystemCallError) {
    // O_PATH and AT_EMPTY_PATH of <fcntl.h>, which Swift's Glibc hides.
    let number = open(path, 0x20_0000 | O_NOFOLLOW | O_CLOEXEC)
    guard number >= 0 else { throw SystemCallError("open", code: ESTALE) }
    let file = FileDescriptor(owning: number)
    var information = stat()
    guard fstat(file.number, &information) == 0, information.st_mode & S_IFMT == S_IFSOCK,
      information.st_uid == geteuid(), FileIdentity(of: file.number) == identity
    else { throw SystemCallError("fstat", code: ESTALE) }
    guard fchownat(file.number, "", .max, group, 0x1000) == 0 else { throw SystemCallError(SocketAccess.groupCall) }
  }

  /// The file and its lock as they are handed over: plain values, which remove nothing.
  struct Saved: StateCoded {
    fileprivate let path: String
    fileprivate let identity: FileIdentity
    /// The descriptor that holds the lock.
    let lock: CInt
    fileprivate let lockIdentity: FileIdentity
  }

  var saved: Saved { Saved(path: path, identity: identity, lock: lock.number, lockIdentity: lock.identity) }

  /// Whether `path` leads to this file.
  borrowing func isAt(_ path: String) -> Bool { FileIdentity(at: path) == identity }

  static func lockPath(for path: String) -> String { path + ".lock" }

  /// A dead server's socket refuses connections. One that takes them is in use, and so is one that has too many waiting.
  private static func removeDeadSocket(at path: String, _ address: SocketAddress) throws(SystemCallError) {
    let probe = try FileDescriptor.socket(for: address)
    do throws(SystemCallError) {
      try probe.setBlocking(false)
      try probe.connect(to: address, until: .now)
    } catch {
      switch error.code {
      case ECONNREFUSED: unlink(path)
      case EAGAIN: throw SystemCallError("bind", code: EADDRINUSE)
      default: return
      }
      return
    }
    throw SystemCallError("bind", code: EADDRINUSE)
  }
}

/// A file that is held by one process at a time, and removed by it in the end.
private struct LockFile: ~Copyable {
  private let path: String
  private let descriptor: FileDescriptor
  let identity: FileIdentity

  var number: CInt { descriptor.number }

  init(path: String, descriptor: consuming FileDescriptor, identity: FileIdentity) {
    (self.path, self.identity) = (path, identity)
    self.descriptor = descriptor
  }

  init(at path: String) throws(SystemCallError) {
    while true {
      let number = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600)
      guard number >= 0 else {
        let error = SystemCallError("open")
        throw FileIdentity(at: path) == nil ? error : SystemCallError("open", code: EEXIST)
      }
      let descriptor = FileDescriptor(owning: number)
      // A lock is empty. A file with something in it is somebody's, whatever its name, and would be removed in the end.
      var information = stat()
      guard fstat(number, &information) == 0, information.st_mode & S_IFMT == S_IFREG, information.st_size == 0 else {
        throw SystemCallError("open", code: EEXIST)
      }
      guard flock(number, LOCK_EX | LOCK_NB) == 0 else {
        throw SystemCallError("flock", code: errno == EWOULDBLOCK ? EADDRINUSE : errno)
      }
      // Whoever held it may have removed it between the two calls.
      guard let identity = FileIdentity(of: number), identity == FileIdentity(at: path) else { continue }
      self.path = path
      self.descriptor = descriptor
      self.identity = identity
      return
    }
  }

  deinit { identity.unlink(path) }
}

extension UnixSocketFile.Saved {
  init(from reader: inout StateReader) throws(StateError) {
    (path, identity) = (try reader.read(), try reader.read())
    (lock, lockIdentity) = (try reader.read(), try reader.read())
    guard lock > 2 else { throw .impossible("the lock of a socket is not held") }
  }

  func write(to writer: inout StateWriter) { writer.write(path, identity, lock, lockIdentity) }
}
