import Glibc

/// Who on this machine may connect to a Unix socket: those who may write to its file (unix(7)).
package struct SocketAccess: Sendable {
  /// The file's permissions.
  package var mode: mode_t = 0o660
  /// The file's group; nil for the server's own.
  package var group: gid_t?

  package init() {}

  /// The system call that gives a file to a group.
  static let groupCall: StaticString = "fchownat"

  /// Reads permissions in octal digits; nil if `text` is none.
  package static func mode(parsing text: String) -> mode_t? {
    guard (3...4).contains(text.utf8.count), let mode = mode_t(text, radix: 8), mode <= 0o777 else { return nil }
    return mode
  }

  /// The number of a group that has this name or number; nil if there is no such group.
  package static func group(named text: String) -> gid_t? {
    if !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
      // The greatest stands for no change (chown(2)).
      return gid_t(text).flatMap { $0 == .max ? nil : $0 }
    }
    var bytes = 1 << 10
    while true {
      let (code, group) = withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes) { buffer -> (CInt, gid_t?) in
        guard let base = buffer.baseAddress else { return (ENOMEM, nil) }
        var entry = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        let code = getgrnam_r(text, &entry, base, bytes, &found)
        return (code, found == nil ? nil : entry.gr_gid)
      }
      // A group with many members takes much space.
      guard code == EINTR || code == ERANGE && bytes < 1 << 24 else { return group }
      if code == ERANGE { bytes *= 4 }
    }
  }
}
