import Glibc

/// Why a file or directory that a program was told to use cannot be used, and what to do about it.
package struct FileError: Error, Equatable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }

  /// - Parameter purpose: what the path is for, as in `the transcript`.
  package init(_ path: String, for purpose: String, _ error: SystemCallError) {
    self.init("Cannot use '\(path)' for \(purpose): \(Self.advice(for: error))")
  }

  /// - Parameter problem: the reason and the advice, as sentences.
  package init(_ path: String, for purpose: String, _ problem: String) {
    self.init("Cannot use '\(path)' for \(purpose): \(problem)")
  }

  private static func advice(for error: SystemCallError) -> String {
    switch error.code {
    case ENOENT, ENOTDIR: "there is no such file or directory. Make it first, or choose another path."
    case EACCES, EPERM: "no permission. Give this program's user access to it, or choose another path."
    case EROFS: "it is on a read-only file system. Choose another place."
    case EISDIR: "it is a directory. Name a file in it."
    case ENOSPC, EDQUOT: "the disk is full. Make space, or choose another place."
    case EMFILE, ENFILE: "too many files are open. Raise the limit (ulimit -n), or close something."
    default: "\(error)."
    }
  }
}
