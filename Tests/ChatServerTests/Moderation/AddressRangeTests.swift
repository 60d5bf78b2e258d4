import ChatWire
import TestSupport
import Testing

@testable import ChatServer

@Suite struct AddressRangeTests {
  @Test(arguments: [
    ("192.0.2.7", "192.0.2.7"), ("192.0.2.7/32", "192.0.2.7"), ("10.0.0.0/8", "10.0.0.0/8"),
    ("128.0.0.0/1", "128.0.0.0/1"),
    ("2001:DB8:0:0::/32", "2001:db8::/32"), ("::1", "::1"), ("::1/128", "::1"), ("fe80::/10", "fe80::/10"),
    ("::ffff:192.0.2.7", "192.0.2.7"), ("::ffff:10.0.0.0/104", "10.0.0.0/8"), ("::/1", "::/1"),
  ]) func `An address or a network is read, and written in one form`(text: String, canonical: String) throws {
    let range = try AddressRange(parsing: text)
    #expect(range.description == canonical)
    #expect(try AddressRange(parsing: canonical) == range)
  }

  @Test(arguments: [
    ("", "no address"), ("alice", "no address"), ("10.0.0", "no address"), ("10.0.0.256", "no address"),
    ("010.0.0.1", "no address"), ("10.0.0.0/8/8", "no address"), ("[::1]", "no address"), ("fe80::1%lo", "no address"),
    ("10.0.0.1\u{0}", "no address"), ("\u{1B}[31m", "^[[31m"), ("10.0.0.0/", "a number from 1 to 32"),
    ("10.0.0.0/33", "a number from 1 to 32"), ("10.0.0.0/-1", "a number from 1 to 32"),
    ("10.0.0.0/+8", "a number from 1 to 32"), ("2001:db8::/129", "a number from 1 to 128"), ("0.0.0.0/0", "everybody"),
    ("::/0", "everybody"), ("::ffff:0:0/96", "everybody"),
    ("10.0.0.5/8", "within 10.0.0.0/8; write that for all of them, or 10.0.0.5 for one"),
    ("2001:db8::1/32", "within 2001:db8::/32"),
  ]) func `What is none is refused with the reason`(text: String, reason: String) {
    let error = #expect(throws: AddressRangeError.self) { try AddressRange(parsing: text) }
    #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
  }

  @Test(arguments: [
    ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "::ffff:10.1.2.3", true),
    ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.6", false), ("192.0.2.7", "::ffff:192.0.2.7", true),
    ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
    ("::/1", "192.0.2.7", false), ("::/1", "::1", true), ("::ffff:192.0.2.0/120", "192.0.2.99", true),
  ]) func `A range has the addresses that begin like it, IPv4 in whichever form`(
    range: String, peer: String, isIn: Bool
  )
    throws
  {
    let address = try #require(try Address.internet(host: peer, port: 1).resolved().first)
    #expect(try AddressRange(parsing: range).contains(address) == isIn)
    #expect(try #require(AddressRange(of: address)).contains(address))
  }

  @Test func `A peer on a Unix socket is in no range`() throws {
    let address = try #require(try Address.unix(path: "/tmp/none").resolved().first)
    #expect(AddressRange(of: address) == nil)
    #expect(try !AddressRange(parsing: "::/1").contains(address))
  }
}
