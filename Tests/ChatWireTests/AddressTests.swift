import ChatWire
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct AddressTests {
  static let forms: [(text: String, address: Address)] = [
    ("12345", .internet(host: "127.0.0.1", port: 12345)),
    ("0", .internet(host: "127.0.0.1", port: 0)),
    ("65535", .internet(host: "127.0.0.1", port: 65535)),
    ("localhost", .internet(host: "localhost", port: 12345)),
    ("chat.example.org", .internet(host: "chat.example.org", port: 12345)),
    ("10.0.0.1", .internet(host: "10.0.0.1", port: 12345)),
    ("localhost:80", .internet(host: "localhost", port: 80)),
    // To Swift, U+070F and what follows it are one character.
    ("\u{70F}:80", .internet(host: "\u{70F}", port: 80)),
    ("[fe80::1%\u{70F}]:80", .internet(host: "fe80::1%\u{70F}", port: 80)),
    ("unix:\u{301}", .unix(path: "\u{301}")),
    ("0.0.0.0:0", .internet(host: "0.0.0.0", port: 0)),
    ("::1", .internet(host: "::1", port: 12345)),
    ("::", .internet(host: "::", port: 12345)),
    ("fe80::1%lo", .internet(host: "fe80::1%lo", port: 12345)),
    ("[::1]", .internet(host: "::1", port: 12345)),
    ("[::1]:0", .internet(host: "::1", port: 0)),
    ("[2001:db8::7]:6667", .internet(host: "2001:db8::7", port: 6667)),
    ("[::ffff:127.0.0.1]:9", .internet(host: "::ffff:127.0.0.1", port: 9)),
    ("[fe80::1%lo]:9", .internet(host: "fe80::1%lo", port: 9)),
    ("unix:/run/chat.sock", .unix(path: "/run/chat.sock")),
    ("unix:chat", .unix(path: "chat")),
    ("unix:a path:with a colon", .unix(path: "a path:with a colon")),
    ("unix:" + String(repeating: "p", count: 107), .unix(path: String(repeating: "p", count: 107))),
  ]

  @Test(arguments: forms) func `Each form is understood`(text: String, address: Address) throws {
    #expect(try Address(parsing: text) == address)
  }

  @Test(arguments: forms) func `What is printed can be typed again`(text: String, address: Address) throws {
    #expect(try Address(parsing: address.description) == address)
  }

  @Test func `It is printed as people write it`() {
    #expect(Address.standard.description == "127.0.0.1:12345")
    #expect(Address.internet(host: "::1", port: 7).description == "[::1]:7")
    #expect(Address.unix(path: "/tmp/chat").description == "unix:/tmp/chat")
  }

  /// What cannot be an address, and what the error has to name.
  static let mistakes: [(text: String, says: [String])] = [
    ("", ["empty", "unix:PATH"]),
    ("65536", ["'65536'", "0 to 65535"]),
    ("99999999999999999999", ["no port", "0 to 65535"]),
    ("localhost:", ["''", "0 to 65535"]),
    ("localhost:http", ["'http'", "0 to 65535"]),
    ("localhost:-1", ["'-1'", "0 to 65535"]),
    ("localhost:+1", ["'+1'", "0 to 65535"]),
    ("localhost:65536", ["'65536'", "0 to 65535"]),
    ("localhost:\u{0661}", ["'\u{0661}'", "0 to 65535"]),
    (":80", ["no host", "HOST:PORT"]),
    (":", ["no host"]),
    ("a:b:c", ["more than one ':'", "[IPV6]:PORT"]),
    ("::g", ["more than one ':'", "[IPV6]:PORT"]),
    ("fe80::1%e]0", ["more than one ':'", "[IPV6]:PORT"]),
    ("[::1", ["no ']'", "[IPV6]:PORT"]),
    ("[::1]80", ["goes on after the ']'", "[IPV6]:PORT"]),
    ("[::1]:", ["''", "0 to 65535"]),
    ("[::1]:x", ["'x'", "0 to 65535"]),
    ("[]:80", ["no IPv6 address"]),
    ("[127.0.0.1]:80", ["'127.0.0.1' is no IPv6 address"]),
    ("[localhost]:80", ["'localhost' is no IPv6 address"]),
    ("local host", ["space"]),
    (" 80", ["space"]),
    ("/tmp/chat.sock", ["'/'", "unix:PATH"]),
    ("http://localhost", ["'/'"]),
    ("a\nb", ["control character", "a^Jb"]),
    ("a\u{1B}[2J", ["control character", "a^[[2J"]),
    ("unix:", ["no path", "unix:PATH"]),
    ("unix:a\0b", ["NUL"]),
    ("unix:" + String(repeating: "p", count: 108), ["108 bytes", "107 is the most"]),
  ]

  @Test(arguments: mistakes) func `A mistake is named, with what to write instead`(text: String, says: [String]) throws
  {
    let error = try #require(throws: AddressError.self) { try Address(parsing: text) }
    for part in says { #expect(error.description.contains(part), "'\(error)' does not say \(part)") }
    #expect(error.description.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "an error is one line, and harmless")
  }
}
