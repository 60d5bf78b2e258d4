import Glibc

/// A new directory under /tmp, removed with its contents when this is released. Its path is short enough for sockets.
package final class TemporaryDirectory {
  package let path: String

  package init() throws {
    var template = Array("/tmp/mychat-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: \(String(cString: strerror(errno)))") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { Self.remove(path) }

  package func file(_ name: String) -> String { "\(path)/\(name)" }

  private static func remove(_ path: String) {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) {
          String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != "." && name != ".." { removeEntry("\(path)/\(name)") }
      }
      closedir(directory)
    }
    rmdir(path)
  }

  private static func removeEntry(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR { remove(path) } else { unlink(path) }
  }
}
