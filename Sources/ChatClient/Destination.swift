import ChatWire

/// Where the room is that a person wants to join.
package enum Destination: Hashable, Sendable, CustomStringConvertible {
  /// A socket that the client itself connects to.
  case direct(Address)
  /// A Unix socket on another host.
  case ssh(SSHAddress)

  package static let standard = Destination.direct(.standard)

  package init(parsing text: String) throws(AddressError) {
    self = text.hasPrefix(SSHAddress.scheme) ? .ssh(try SSHAddress(parsing: text)) : .direct(try Address(parsing: text))
  }

  /// The way people write it.
  package var description: String {
    switch self {
    case .direct(let address): address.description
    case .ssh(let address): address.description
    }
  }
}
