import Glibc

/// Where a server listens or is found, as people write it: `PORT`, `HOST`, `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`.
package enum Address: Hashable, Sendable, CustomStringConvertible {
  /// A host name or numeric address (IPv6 without brackets), and a TCP port; port 0 lets the kernel choose one.
  case internet(host: String, port: UInt16)
  /// A Unix-domain socket at this path.
  case unix(path: String)

  package static let defaultHost = "127.0.0.1"
  package static let defaultPort: UInt16 = 12345
  package static let standard = Address.internet(host: defaultHost, port: defaultPort)

  /// The most bytes that a Unix socket's path may have: `sun_path` less its terminating zero (unix(7)).
  package static let maximumPathBytes = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  /// The way people write it, and the way both programs print it.
  package var description: String {
    switch self {
    case .internet(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }
}

/// A text that is no address, with what to write instead.
package struct AddressError: Error, Equatable, CustomStringConvertible {
  package let description: String

  package init(description: String) { self.description = description }
}

extension Address {
  /// Reads an address in any of its forms. What is left out is taken from `standard`.
  ///
  /// Works on scalars: as a Character, ':' and a combining mark after it would compare as one.
  package init(parsing text: String) throws(AddressError) {
    let forms = "write PORT, HOST, HOST:PORT, [IPV6]:PORT or unix:PATH"
    let scalars = text.unicodeScalars
    if scalars.starts(with: "unix:".unicodeScalars) {
      self = .unix(path: try Self.path(String(scalars.dropFirst("unix:".unicodeScalars.count))))
      return
    }
    if text.isEmpty { throw AddressError(description: "An empty address; \(forms).") }
    if let odd = scalars.first(where: { $0.value <= 0x20 || $0.value == 0x7F || $0 == "/" }) {
      let hint =
        Self.isURL(scalars) ? "; write HOST:PORT alone" : odd == "/" ? "; for a socket file write unix:PATH" : ""
      throw AddressError(description: "'\(Self.shown(text))' is no address: it has a \(Self.named(odd)) in it\(hint).")
    }

    if scalars.first == "[" {
      guard let end = scalars.firstIndex(of: "]") else {
        throw AddressError(description: "'\(text)' has no ']' after its IPv6 address; write [IPV6]:PORT.")
      }
      let host = String(scalars[..<end].dropFirst())
      let rest = scalars[end...].dropFirst()
      guard Self.isIPv6(host) else {
        throw AddressError(description: "'\(host)' is no IPv6 address; only those are written in brackets.")
      }
      guard rest.isEmpty || rest.first == ":" else {
        throw AddressError(description: "'\(text)' goes on after the ']'; write [IPV6]:PORT.")
      }
      let port = rest.isEmpty ? Self.defaultPort : try Self.port(String(rest.dropFirst()), in: text)
      self = .internet(host: host, port: port)
      return
    }
    if Self.isIPv6(text) {
      self = .internet(host: text, port: Self.defaultPort)
      return
    }
    if text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
      self = .internet(host: Self.defaultHost, port: try Self.port(text, in: text))
      return
    }
    if text == "unix" {
      throw AddressError(description: "'unix' alone is no address; write unix:PATH for a socket file.")
    }
    let parts = scalars.split(separator: ":", omittingEmptySubsequences: false)
    switch parts.count {
    case 1: self = .internet(host: text, port: Self.defaultPort)
    case 2 where !parts[0].isEmpty:
      self = .internet(host: String(parts[0]), port: try Self.port(String(parts[1]), in: text))
    case 2: throw AddressError(description: "'\(text)' has no host before its ':'; \(forms).")
    default:
      throw AddressError(
        description: "'\(text)' has more than one ':'; an IPv6 address with a port is written [IPV6]:PORT.")
    }
  }

  /// Whether it is of the kind that browsers take, as `http://localhost:12345`.
  private static func isURL(_ text: String.UnicodeScalarView) -> Bool {
    let scheme = text.prefix { $0 != ":" }
    return !scheme.isEmpty
      && scheme.allSatisfy { $0.properties.isAlphabetic || "0123456789+-.".unicodeScalars.contains($0) }
      && text[scheme.endIndex...].starts(with: "://".unicodeScalars)
  }

  private static func path(_ path: String) throws(AddressError) -> String {
    // Nobody means a file of that name, and a socket there would be looked for in vain.
    if path.hasPrefix("~") {
      let isOwn = path == "~" || path.hasPrefix("~/")
      let home = isOwn ? "unix:$HOME\(Self.shown(String(path.dropFirst())))" : "the path in full"
      throw AddressError(description: "The shell leaves the ~ of 'unix:\(Self.shown(path))' as it is; write \(home).")
    }
    if path.isEmpty { throw AddressError(description: "'unix:' has no path; write unix:PATH.") }
    if path.utf8.contains(0) { throw AddressError(description: "The path of a socket cannot hold a NUL byte.") }
    if path.utf8.count > maximumPathBytes {
      throw AddressError(
        description:
          "The socket path has \(path.utf8.count) bytes, and \(maximumPathBytes) is the most; use a shorter one.")
    }
    return path
  }

  private static func port(_ digits: String, in text: String) throws(AddressError) -> UInt16 {
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let port = UInt16(digits)
    else { throw AddressError(description: "'\(digits)' in '\(text)' is no port; a port is a number from 0 to 65535.") }
    return port
  }

  private static func isIPv6(_ text: String) -> Bool {
    var address = in6_addr()
    // The resolver judges a scope (fe80::1%eth0). What comes before it has to be an address, and may hold no bracket,
    // which would end an address in brackets.
    guard !text.unicodeScalars.contains("]") else { return false }
    let numeric = text.unicodeScalars.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false).first
    return text.contains(":") && inet_pton(AF_INET6, numeric.map { String($0) } ?? "", &address) == 1
  }

  /// `text` with anything that could disturb a terminal shown by its code point.
  private static func shown(_ text: String) -> String {
    String(decoding: SafeText.made(from: Array(text.utf8)), as: UTF8.self)
  }

  private static func named(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case " ": "space"
    case "/": "'/'"
    default: "control character"
    }
  }
}
