import ChatRedis
import ChatWire
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct RedisAddressTests {
  struct Expected: Sendable {
    var address: Address
    var user: String?
    var password: String?
    var database = 0
    var room = "main"
  }

  static let forms: [(text: String, expected: Expected)] = [
    ("redis://localhost", Expected(address: .internet(host: "localhost", port: 6379))),
    ("redis://10.0.0.1:7000", Expected(address: .internet(host: "10.0.0.1", port: 7000))),
    ("redis://h/", Expected(address: .internet(host: "h", port: 6379))),
    ("redis://h/15", Expected(address: .internet(host: "h", port: 6379), database: 15)),
    ("redis://h?room=lab", Expected(address: .internet(host: "h", port: 6379), room: "lab")),
    ("redis://h:1/2?room=a-b_c.D9", Expected(address: .internet(host: "h", port: 1), database: 2, room: "a-b_c.D9")),
    ("redis://[::1]", Expected(address: .internet(host: "::1", port: 6379))),
    ("redis://[2001:db8::7]:65535/0", Expected(address: .internet(host: "2001:db8::7", port: 65535))),
    ("redis://ann:secret@h", Expected(address: .internet(host: "h", port: 6379), user: "ann", password: "secret")),
    ("redis://:secret@[::1]:7", Expected(address: .internet(host: "::1", port: 7), password: "secret")),
    ("redis://ann@h", Expected(address: .internet(host: "h", port: 6379), user: "ann")),
    ("redis://ann:@h", Expected(address: .internet(host: "h", port: 6379), user: "ann", password: "")),
    ("redis://a:b:c@h", Expected(address: .internet(host: "h", port: 6379), user: "a", password: "b:c")),
    ("redis://a:b@c@h", Expected(address: .internet(host: "h", port: 6379), user: "a", password: "b@c")),
    (
      "redis://a%3Ab:%2f%3F%40%25%C3%A9@h",
      Expected(address: .internet(host: "h", port: 6379), user: "a:b", password: "/?@%é")
    ),
    // To Swift, ':' and a combining mark after it are one character.
    ("redis://a:\u{301}@h", Expected(address: .internet(host: "h", port: 6379), user: "a", password: "\u{301}")),
    ("unix:/run/redis.sock", Expected(address: .unix(path: "/run/redis.sock"))),
    ("unix:redis@home:1?room=lab", Expected(address: .unix(path: "redis@home:1"), room: "lab")),
    (
      "redis://h?room=" + String(repeating: "r", count: 64),
      Expected(address: .internet(host: "h", port: 6379), room: String(repeating: "r", count: 64))
    ),
  ]

  @Test(arguments: forms) func `Each form is understood`(text: String, expected: Expected) throws {
    let address = try RedisAddress(parsing: text)
    #expect(address.address == expected.address)
    #expect(address.user == expected.user)
    #expect(address.password == expected.password)
    #expect(address.database == expected.database)
    #expect(address.room == expected.room)
  }

  @Test(arguments: forms) func `What is printed names the same room, without user and password`(
    text: String, expected: Expected
  ) throws {
    var address = try RedisAddress(parsing: text)
    for printed in ["\(address)", String(reflecting: address)] {
      #expect(!printed.contains("secret") && !printed.contains("ann"))
      let read = try RedisAddress(parsing: printed)
      address.user = nil
      address.password = nil
      #expect(read == address)
    }
  }

  /// What is no address of Redis, and what the error has to name. `S3cret` is, or may be meant as, a password.
  static let mistakes: [(text: String, says: String)] = [
    ("", "begins with redis:// or unix:"),
    ("localhost:6379", "begins with redis:// or unix:"),
    ("REDIS://h", "begins with redis:// or unix:"),
    ("http://ann:S3cret@h", "begins with redis:// or unix:"),
    ("rediss://ann:S3cret@h:6380", "stunnel or ssh -L"),
    ("redis://", "no host"),
    ("redis:///0", "no host"),
    ("redis://?room=lab", "no host"),
    ("redis://ann:S3cret@", "no host"),
    ("redis://ann:S3cret@:6379", "no host"),
    ("redis://ann:S3cret", "port from 1 to 65535"),
    ("redis://:S3cret", "no host"),
    ("redis://h:0", "port from 1 to 65535"),
    ("redis://h:65536", "port from 1 to 65535"),
    ("redis://h:", "port from 1 to 65535"),
    ("redis://h:+1", "port from 1 to 65535"),
    ("redis://::1", "brackets"),
    ("redis://[::1", "brackets"),
    ("redis://[h]", "is neither a name nor an IP address"),
    ("redis://[::1]6379", "after its ']'"),
    ("redis://[::1]:S3cret", "port from 1 to 65535"),
    ("redis://h h", "is neither a name nor an IP address"),
    ("redis://h\n", "is neither a name nor an IP address"),
    ("redis://ann:S3cret/x@h", "%2F"),
    ("redis://ann:S3cret?x@h", "%3F"),
    ("redis://ann:S3cret%@h", "two hexadecimal digits"),
    ("redis://ann:S3cret%4@h", "two hexadecimal digits"),
    ("redis://ann:S3cret%+1@h", "two hexadecimal digits"),
    ("redis://ann:S3cret%FF@h", "not UTF-8"),
    ("redis://h/x", "number of a database"),
    ("redis://h/-1", "number of a database"),
    ("redis://h/0/1", "number of a database"),
    ("redis://h/99999999999", "number of a database"),
    ("redis://h?", "room=NAME"),
    ("redis://h?Room=lab", "room=NAME"),
    ("redis://h?room", "room=NAME"),
    ("redis://h?room=", "1 to 64"),
    ("redis://h?room=a b", "1 to 64"),
    ("redis://h?room=a}b", "1 to 64"),
    ("redis://h?room=é", "1 to 64"),
    ("redis://h?room=a&room=b", "1 to 64"),
    ("redis://h?room=" + String(repeating: "r", count: 65), "1 to 64"),
    ("unix:", "no path"),
    ("unix:?room=lab", "no path"),
    ("unix:" + String(repeating: "p", count: 108), "107 is the most"),
    ("unix:/run/redis?database=1", "room=NAME"),
  ]

  @Test(arguments: mistakes) func `A mistake is named in one sentence that shows no password`(
    text: String, says: String
  ) throws {
    let error = try #require(throws: RedisAddressError.self) { _ = try RedisAddress(parsing: text) }
    #expect(error.description.contains(says), "\(error.description)")
    #expect(!error.description.contains("S3cret") && !error.description.contains("ann"))
    #expect(error.description.hasSuffix(".") && !error.description.contains("\n"))
  }
}
