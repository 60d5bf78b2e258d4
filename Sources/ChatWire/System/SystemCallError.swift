import Glibc

/// A system call that failed: which one, and why.
package struct SystemCallError: Error, Equatable, CustomStringConvertible {
  /// The call's name. Static, so that a failed `Transfer` is plain bytes and needs no reference counting.
  package let call: StaticString
  package let code: CInt

  package init(_ call: StaticString, code: CInt = errno) {
    self.call = call
    self.code = code
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.code == right.code && left.call.description == right.call.description
  }

  /// The reason alone, in the C library's words, as in `Address already in use`.
  package var reason: String { String(cString: strerror(code)) }
  package var description: String { "\(call): \(reason)" }
}
