import ChatWire
import Testing

@testable import ChatServer

struct AddressQuotaTests {
  private func key(_ host: String) throws -> AddressQuota.Key? {
    let resolved = try Address.internet(host: host, port: 1).resolved()
    return AddressQuota.key(of: resolved[0])
  }

  @Test func `An address has so many connections and no more, until one goes`() throws {
    var quota = AddressQuota(limit: 2)
    let one = try #require(try key("192.0.2.1"))
    let other = try #require(try key("192.0.2.2"))
    var admitted = [one, one, one, other].map { quota.admit($0) }
    #expect(admitted == [true, true, false, true])
    quota.release(one)
    admitted = [one, one].map { quota.admit($0) }
    #expect(admitted == [true, false])
  }

  @Test func `IPv6 counts by its first 64 bits, and loopback does not count`() throws {
    #expect(try key("2001:db8:1:2::3") == key("2001:db8:1:2:ffff::4"))
    #expect(try key("2001:db8:1:2::3") != key("2001:db8:1:3::3"))
    #expect(try key("127.0.0.9") == nil)
    #expect(try key("::1") == nil)
    #expect(AddressQuota.key(of: try Address.unix(path: "/tmp/x").resolved()[0]) == nil)
  }
}
