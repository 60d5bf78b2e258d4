import ChatClient
import ChatWire
import Testing

@Suite(.timeLimit(.minutes(10))) struct SSHAddressTests {
  static let forms: [(text: String, user: String?, host: String, port: UInt16?, path: String?)] = [
    ("ssh://host", nil, "host", nil, nil),
    ("ssh://host/", nil, "host", nil, nil),
    ("ssh://alice@chat.example.org", "alice", "chat.example.org", nil, nil),
    ("ssh://a-b.c_d@10.0.0.1:2222", "a-b.c_d", "10.0.0.1", 2222, nil),
    ("ssh://my_lab/run/mychat/lab.sock", nil, "my_lab", nil, "/run/mychat/lab.sock"),
    ("ssh://[2001:db8::7]", nil, "2001:db8::7", nil, nil),
    ("ssh://bob@[::1]:65535/a+b/@c-d_e.sock", "bob", "::1", 65535, "/a+b/@c-d_e.sock"),
    ("ssh://h/-", nil, "h", nil, "/-"),
  ]

  @Test(arguments: forms) func `Each form is understood, and printed as it can be typed again`(
    text: String, user: String?, host: String, port: UInt16?, path: String?
  ) throws {
    guard case .ssh(let address) = try Destination(parsing: text) else {
      Issue.record("\(text) is taken for a socket")
      return
    }
    #expect((address.user, address.host, address.port, address.path) == (user, host, port, path))
    #expect(try SSHAddress(parsing: address.description) == address)
  }

  @Test(arguments: [
    "ssh://", "ssh:///run/chat.sock", "ssh://@host", "ssh://user@", "ssh://-oProxyCommand=id", "ssh://-l@host",
    "ssh://a@-host", "ssh://a@b@host", "ssh://a b", "ssh://host;id", "ssh://$(id)", "ssh://ho'st", "ssh://h\u{F6}st",
    "ssh://host:", "ssh://host:0", "ssh://host:65536", "ssh://host:-1", "ssh://host:22x", "ssh://a:b:c", "ssh://::1",
    "ssh://[::1", "ssh://[host]", "ssh://[::1]22", "ssh://[-o:x]", "ssh://host/a b", "ssh://host/$(id)",
    "ssh://host/a;id",
    "ssh://host/a'b", "ssh://host/~root", "ssh://host/\u{E9}", "ssh://host/a\n", "ssh://host\u{0}", "ssh://us%41@host",
    "ssh://host/" + String(repeating: "p", count: 107),
  ]) func `What ssh or a shell could take for something else is refused, with what to write`(text: String) {
    let error = #expect(throws: AddressError.self) { try Destination(parsing: text) }
    #expect(error?.description.contains("Write ssh://[USER@]HOST[:PORT][/PATH]") == true)
    #expect(error?.description.contains("\n") == false)
  }
}
