import ChatWire
import Glibc

/// The first `most` bytes of a file, or a little more; none if it does not exist.
package func contents(of path: String, atMost most: Int = 16 << 20) -> [UInt8] {
  let number = open(path, O_RDONLY | O_CLOEXEC)
  guard number >= 0 else { return [] }
  let file = FileDescriptor(owning: number)
  var bytes: [UInt8] = []
  withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { piece in
    while bytes.count < most, case .bytes(let count) = file.read(into: piece) {
      bytes.append(contentsOf: piece[..<count])
    }
  }
  return bytes
}

/// The text of a file; "" if it does not exist.
package func text(ofFile path: String) -> String { String(decoding: contents(of: path), as: UTF8.self) }

/// Whether there is something at `path`, a broken link included.
package func exists(_ path: String) -> Bool {
  var status = stat()
  return lstat(path, &status) == 0
}

/// Makes a file of `text`, or changes it to that.
package func write(_ text: String, to path: String, mode: mode_t = 0o644) throws {
  let number = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
  guard number >= 0 else { throw SystemCallError("open") }
  let file = FileDescriptor(owning: number)
  let outcome = Array(text.utf8).withUnsafeBytes { FileDescriptor.writeAll($0, to: file.number) }
  if let error = outcome.error { throw error }
}
