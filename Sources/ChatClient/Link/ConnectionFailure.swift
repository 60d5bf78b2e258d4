import ChatWire

/// There is no connection. The text says why, and what to do about it.
package struct ConnectionFailure: Error, CustomStringConvertible {
  package let description: String
  /// Whether the person has been told by others, as by the relay at the other end of ssh.
  private let isTold: Bool

  init(_ description: String, isTold: Bool = false) {
    self.description = description
    self.isTold = isTold
  }

  /// Tells the person, once.
  func report() { if !isTold { StandardOutput.report(error: description) } }
}
