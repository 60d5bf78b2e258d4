import Glibc

/// A system call that failed: which one, and why.
package struct SystemCallError: Error, Equatable, CustomStringConvertible {
  /// The call's name; static, so that a failed transfer is a plain value without a count of references.
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
