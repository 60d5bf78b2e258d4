/// There is no connection. The text says why, and what to do about it.
package struct ConnectionFailure: Error, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}
