import ChatWire

/// Why a server cannot listen, and what to do about it.
package struct ListenError: Error, CustomStringConvertible {
  package let description: String

  init(_ address: Address, _ problem: String) { description = "Cannot listen on \(address): \(problem)" }
}
