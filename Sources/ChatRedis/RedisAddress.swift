import ChatWire

/// Which room of which Redis: `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE][?room=NAME]` or `unix:PATH[?room=NAME]`.
package struct RedisAddress: Equatable, Sendable {
  package var address: Address
  /// Nil for the default user.
  package var user: String?
  package var password: String?
  package var database = 0
  /// 1 to 64 ASCII letters, digits, `-`, `_` and `.`.
  package var room = defaultRoom

  package static let defaultRoom = "main"
  package static let defaultPort: UInt16 = 6379

  package init(address: Address) { self.address = address }
}

/// Without its user and its password, and so for anybody to see.
extension RedisAddress: CustomStringConvertible, CustomDebugStringConvertible {
  package var description: String {
    switch address {
    case .internet: "redis://\(address)\(database == 0 ? "" : "/\(database)")?room=\(room)"
    case .unix: "\(address)?room=\(room)"
    }
  }

  package var debugDescription: String { description }
}

/// A text that is no address of Redis, with what to write instead. It shows nothing of the text, any part of which may be a
/// password at the wrong place.
package struct RedisAddressError: Error, Equatable, CustomStringConvertible {
  package let description: String
}

extension RedisAddress {
  private static let forms = "write redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE][?room=NAME] or unix:PATH[?room=NAME]"

  /// Reads an address in either form. Works on bytes, as a combining mark would be one Character with what is before it.
  package init(parsing text: String) throws(RedisAddressError) {
    let bytes = Array(text.utf8)
    if bytes.starts(with: "unix:".utf8) {
      try self.init(path: bytes.dropFirst("unix:".utf8.count))
    } else if bytes.starts(with: "redis://".utf8) {
      try self.init(afterScheme: bytes.dropFirst("redis://".utf8.count))
    } else if bytes.starts(with: "rediss://".utf8) {
      throw RedisAddressError(
        description:
          "TLS (rediss://) is not built in; let stunnel or ssh -L bring Redis to a port of this machine, and write "
          + "redis://127.0.0.1:PORT.")
    } else {
      throw RedisAddressError(description: "An address of Redis begins with redis:// or unix:; \(Self.forms).")
    }
  }

  private init(path rest: ArraySlice<UInt8>) throws(RedisAddressError) {
    let (path, query) = rest.divided(at: "?")
    do {
      address = try Address(parsing: "unix:" + String(decoding: path, as: UTF8.self))
    } catch {
      // What is wrong with a path is said without showing it.
      throw RedisAddressError(description: error.description)
    }
    try takeQuery(query)
  }

  private init(afterScheme rest: ArraySlice<UInt8>) throws(RedisAddressError) {
    let (place, query) = rest.divided(at: "?")
    let (authority, path) = place.divided(at: "/")
    if !authority.contains(UInt8(ascii: "@")), rest.contains(UInt8(ascii: "@")) {
      throw RedisAddressError(
        description:
          "There is a '/' or '?' before the '@' of the address; in a user or password write %2F for '/', %3F for '?' "
          + "and %40 for '@'.")
    }
    var host = authority
    if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
      host = authority[(at + 1)...]
      let (user, password) = authority[..<at].divided(at: ":")
      let name = try Self.decoded(user)
      self.user = name.isEmpty ? nil : name
      self.password = try password.map { bytes throws(RedisAddressError) in try Self.decoded(bytes) }
    }
    address = try Self.address(host)
    if let path, !path.isEmpty {
      guard let number = Int32(digits: path) else {
        throw RedisAddressError(
          description: "What follows the '/' has to be the number of a database, as in redis://HOST/0.")
      }
      database = Int(number)
    }
    try takeQuery(query)
  }

  private static func address(_ host: ArraySlice<UInt8>) throws(RedisAddressError) -> Address {
    let name: ArraySlice<UInt8>
    let port: ArraySlice<UInt8>?
    if host.first == UInt8(ascii: "["), let end = host.lastIndex(of: UInt8(ascii: "]")) {
      name = host[...end]
      let rest = host[(end + 1)...]
      guard rest.isEmpty || rest.first == UInt8(ascii: ":") else {
        throw RedisAddressError(description: "The address goes on after its ']'; \(forms).")
      }
      port = rest.isEmpty ? nil : rest.dropFirst()
    } else {
      (name, port) = host.divided(at: ":")
      if port?.contains(UInt8(ascii: ":")) == true {
        throw RedisAddressError(
          description: "The host of the address has more than one ':'; an IPv6 address is written in brackets, as in "
            + "redis://[::1]:6379.")
      }
    }
    if name.isEmpty { throw RedisAddressError(description: "The address has no host; \(forms).") }
    var number = defaultPort
    if let port {
      guard let given = UInt16(digits: port), given > 0 else {
        throw RedisAddressError(
          description: "What follows the host's ':' has to be a port from 1 to 65535, as in redis://HOST:6379.")
      }
      number = given
    }
    guard let address = try? Address(parsing: String(decoding: name, as: UTF8.self) + ":\(number)") else {
      throw RedisAddressError(description: "The host in the address is neither a name nor an IP address; \(forms).")
    }
    return address
  }

  private mutating func takeQuery(_ query: ArraySlice<UInt8>?) throws(RedisAddressError) {
    guard let query else { return }
    let (key, value) = query.divided(at: "=")
    guard key.elementsEqual("room".utf8), let value else {
      throw RedisAddressError(description: "What follows the '?' has to be room=NAME; \(Self.forms).")
    }
    guard (1...64).contains(value.count), value.allSatisfy(Self.isRoomByte) else {
      throw RedisAddressError(
        description:
          "The name of a room has 1 to 64 letters (A to Z, a to z), digits, '-', '_' and '.'; write ?room=NAME.")
    }
    room = String(decoding: value, as: UTF8.self)
  }

  private static func isRoomByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// Puts the byte for each `%` and two hexadecimal digits (RFC 3986, 2.1).
  private static func decoded(_ text: ArraySlice<UInt8>) throws(RedisAddressError) -> String {
    var bytes: [UInt8] = []
    var index = text.startIndex
    while index < text.endIndex {
      if text[index] == UInt8(ascii: "%") {
        let digits = text[(index + 1)...].prefix(2)
        guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
          let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
        else {
          throw RedisAddressError(
            description: "In a user or password two hexadecimal digits follow a '%'; write %25 for the '%' itself.")
        }
        bytes.append(byte)
        index += 3
      } else {
        bytes.append(text[index])
        index += 1
      }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw RedisAddressError(description: "The user or password of the address is not UTF-8.")
    }
    return text
  }
}

extension ArraySlice<UInt8> {
  /// What is before the first `separator` and what is after it; nil for the latter if there is none.
  fileprivate func divided(at separator: Unicode.Scalar) -> (ArraySlice, ArraySlice?) {
    guard let index = firstIndex(of: UInt8(ascii: separator)) else { return (self, nil) }
    return (self[..<index], self[(index + 1)...])
  }
}

extension FixedWidthInteger {
  /// Decimal digits only; nil for none or too many.
  fileprivate init?(digits: ArraySlice<UInt8>) {
    guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    self.init(String(decoding: digits, as: UTF8.self))
  }
}
