import ChatWire

/// A room that is reached through ssh, as people write it: `ssh://[USER@]HOST[:PORT][/PATH]`.
///
/// Its parts become arguments of ssh, and of a shell at the other end, so each is of an alphabet that means nothing to either.
package struct SSHAddress: Hashable, Sendable, CustomStringConvertible {
  package static let scheme = "ssh://"

  /// The login at the host; nil for the one that ssh takes by itself.
  package let user: String?
  /// A name, a numeric address (IPv6 without brackets), or what the person's ssh_config calls a host.
  package let host: String
  /// Nil for the one that ssh takes by itself.
  package let port: UInt16?
  /// The room's socket on the host, an absolute path; nil for the only one in the relay's directory.
  package let path: String?

  /// The way people write it.
  package var description: String {
    Self.scheme + (user.map { "\($0)@" } ?? "") + (host.contains(":") ? "[\(host)]" : host)
      + (port.map { ":\($0)" } ?? "") + (path ?? "")
  }

  /// - Parameter text: begins with `scheme`.
  package init(parsing text: String) throws(AddressError) {
    func refusal(_ reason: String) -> AddressError {
      let shown = String(decoding: SafeText.made(from: Array(text.utf8)), as: UTF8.self)
      return AddressError(
        description: "'\(shown)' is no address of a room: \(reason). Write ssh://[USER@]HOST[:PORT][/PATH].")
    }
    let rest = text.unicodeScalars.dropFirst(Self.scheme.unicodeScalars.count)
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let (authority, path) = (rest[..<slash], String(rest[slash...]))

    let at = authority.lastIndex(of: "@")
    let user = at.map { String(authority[..<$0]) }
    if let user, !Self.isName(user) { throw refusal("its user \(Self.rule)") }

    let target = at.map { authority[authority.index(after: $0)...] } ?? authority
    let host: String
    let afterHost: Substring.UnicodeScalarView
    if target.first == "[" {
      guard let end = target.firstIndex(of: "]") else { throw refusal("it has no ']' after its IPv6 address") }
      host = String(target[target.index(after: target.startIndex)..<end])
      afterHost = target[target.index(after: end)...]
      guard host.unicodeScalars.contains(":"), Self.isName(host, or: ":") else {
        throw refusal("only an IPv6 address is written in brackets")
      }
    } else {
      let end = target.firstIndex(of: ":") ?? target.endIndex
      host = String(target[..<end])
      afterHost = target[end...]
      guard Self.isName(host) else { throw refusal("its host \(Self.rule)") }
    }

    if afterHost.isEmpty {
      port = nil
    } else {
      let digits = String(afterHost.dropFirst())
      guard afterHost.first == ":", digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
        let number = UInt16(digits), number > 0
      else { throw refusal("a port is a number from 1 to 65535") }
      port = number
    }

    guard Self.consists(path, ofOneOf: "._/+@-") else {
      throw refusal("its path may have letters of ASCII, digits, and . _ / + @ -")
    }
    guard path.utf8.count <= Address.maximumPathBytes else {
      throw refusal("its path has more than \(Address.maximumPathBytes) bytes")
    }
    (self.user, self.host) = (user, host)
    self.path = path.isEmpty || path == "/" ? nil : path
  }

  private static let rule = "may have letters of ASCII, digits, and . _ -, and may not begin with -"

  private static func isName(_ text: String, or other: String = "") -> Bool {
    !text.isEmpty && !text.hasPrefix("-") && consists(text, ofOneOf: "._-" + other)
  }

  /// Whether `text` has nothing but letters of ASCII, digits and `others`.
  private static func consists(_ text: String, ofOneOf others: String) -> Bool {
    text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
      case UInt8(ascii: "0")...UInt8(ascii: "9"): true
      default: others.utf8.contains(byte)
      }
    }
  }
}
