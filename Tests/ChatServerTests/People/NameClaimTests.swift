import ChatRedis
import ChatWire
import TestSupport
import Testing

@testable import ChatServer

@Suite struct NameClaimTests {
  private var names = NameRegistry()
  private let own = Token(slot: 0, generation: 0)
  private let far = Token(slot: Token.firstRemoteSlot, generation: 0)
  private let id = MemberID(server: .random(), number: 7)

  private func name(_ text: String) -> MemberName { MemberName(bytes: Array(text.utf8)) }
  private func person(_ text: String) -> Person {
    Person(name: name(text), place: "127.0.0.1:54321", joinedAt: 5)
  }
  private func join() -> NameClaim {
    let newcomer = NameClaim.Newcomer(
      names: names.defaultNames(port: 54321, host: "127.0.0.1"), place: "127.0.0.1:54321", joinedAt: 5)
    return .join(own, as: id, newcomer, in: names)
  }

  /// The name is refused, and another one asked for.
  private func expectAnother(_ claim: inout NameClaim) {
    let isAnotherAsked = claim.refused(in: names)
    #expect(isAnotherAsked)
  }

  @Test mutating func `A newcomer asks for its port, and with a count for as long as that is another's`() {
    var claim = join()
    #expect(
      claim.operation
        == Operation.Claim(
          member: id, person: person("54321"), keys: ["d:54321"], record: .joined(id, person("54321"))))
    names.assign(name("54321-2"), to: far)
    expectAnother(&claim)
    #expect(claim.operation.person == person("54321-3") && claim.operation.keys == ["d:54321-3"])
    #expect(claim.operation.announcement == nil)
  }

  @Test mutating func `A port that is known to be another server's is not asked for`() {
    names.assign(name("54321"), to: far)
    #expect(join().operation.person.name == name("54321-2"))
  }

  @Test mutating func `A port that another member of this server has is asked for with the host`() {
    _ = names.join(Token(slot: 1, generation: 0), port: 54321, host: "10.0.0.2")
    var claim = join()
    #expect(claim.operation.person.name == name("54321@127.0.0.1"))
    expectAnother(&claim)
    #expect(claim.operation.person.name == name("54321@127.0.0.1-2"))
  }

  @Test mutating func `Whoever takes a name gives up the one that it chose before, but not its port`() {
    names.assign(name("54321"), to: own)
    var claim = NameClaim.rename(own, as: id, person("Zoé"), from: name("54321"), in: names)
    #expect(claim.operation.keys == ["f:zoe\u{301}", "l:zoe\u{301}"] && claim.operation.givenUp.isEmpty)
    #expect(claim.operation.announcement == Array("* 54321 is now Zoé\n".utf8))
    let isAnotherAsked = claim.refused(in: names)
    #expect(!isAnotherAsked)
    names.assign(name("Zoé"), to: own)
    claim = .rename(own, as: id, person("ZOÉ"), from: name("Zoé"), in: names)
    #expect(claim.operation.givenUp.isEmpty)
    claim = .rename(own, as: id, person("54321"), from: name("Zoé"), in: names)
    #expect(claim.operation.keys == ["d:54321"] && claim.operation.givenUp == ["f:zoe\u{301}", "l:zoe\u{301}"])
  }

  @Test mutating func `Whoever comes back asks for both of its names, then for each, then for others`() {
    names.assign(name("54321-2"), to: own)
    names.assign(name("alice"), to: own)
    var claim = NameClaim.comeBack(own, as: id, person("alice"), in: names)
    #expect(claim.operation.keys == ["d:54321-2", "f:alice", "l:alice"] && claim.operation.announcement == nil)
    expectAnother(&claim)
    #expect(claim.operation.person == person("alice") && claim.operation.keys == ["f:alice", "l:alice"])
    expectAnother(&claim)
    #expect(claim.operation.person == person("54321") && claim.operation.keys == ["d:54321"])
    #expect(claim.operation.announcement == Array("* alice, who was cut off, is 54321 now.\n".utf8))
    expectAnother(&claim)
    // Its own until then.
    #expect(claim.operation.person == person("54321-2"))
    expectAnother(&claim)
    #expect(claim.operation.person == person("54321-3"))
  }
}

extension NameClaimTests {
  @Test mutating func `Who knows that its name is another's asks for its port`() {
    names.assign(name("54321"), to: own)
    names.assign(name("alice"), to: own)
    names.assign(name("аӏісе"), to: far)
    #expect(!names.isUndisputed(own))
    var claim = NameClaim.comeBack(own, as: id, person("alice"), in: names)
    expectAnother(&claim)
    #expect(claim.operation.person == person("54321"))
  }

  @Test mutating func `Whose port is another's now is called so until it has another name`() {
    names.assign(name("54321"), to: own)
    #expect(names.isUndisputed(own))
    names.assign(name("54321"), to: far)
    #expect(!names.isUndisputed(own) && names.name(of: own) == name("54321"))
    var claim = NameClaim.comeBack(own, as: id, person("54321"), in: names)
    expectAnother(&claim)
    #expect(claim.operation.person == person("54321-2"))
    names.assign(name("54321-2"), to: own)
    #expect(names.isUndisputed(own) && names.name(of: own) == name("54321-2"))
    names.leave(far)
    #expect(names.holder(of: Array("54321".utf8)[...]) == nil)
    names.leave(own)
    #expect(names.holder(of: Array("54321-2".utf8)[...]) == nil)
  }

  @Test mutating func `Whoever gives its name back gets a port with a count where its own is another's`() {
    names.assign(name("54321"), to: own)
    names.assign(name("alice"), to: own)
    var claim = NameClaim.rename(own, as: id, person("54321"), from: name("alice"), in: names)
    names.assign(name("54321"), to: far)
    expectAnother(&claim)
    #expect(claim.operation.keys == ["d:54321-2"] && claim.operation.givenUp == ["f:alice", "l:alice"])
    #expect(claim.operation.record == .renamed(id, to: name("54321-2")))
    #expect(claim.operation.announcement == Array("* alice is now 54321-2\n".utf8))
  }
}

@Suite struct RemoteMembersTests {
  private var others = RemoteMembers()
  private let servers = (0..<2).map { _ in ServerID.random() }

  private func id(_ server: Int, _ number: UInt64) -> MemberID { MemberID(server: servers[server], number: number) }
  private func person(_ name: String) -> Person {
    Person(name: MemberName(bytes: Array(name.utf8)), place: "10.0.0.1:\(name)", joinedAt: 1)
  }

  @Test mutating func `Each has a token of its own, and none that was another's`() {
    let one = others.join(id(0, 1), person("1001"))
    let two = others.join(id(1, 1), person("1002"))
    #expect(one != two && one.isRemote && two.isRemote)
    #expect(others.token(of: id(0, 1)) == one && others[one]?.person == person("1001"))
    #expect(others[slot: Int(two.slot)]?.token == two)
    others.leave(one)
    #expect(others[one] == nil && others.token(of: id(0, 1)) == nil && others[slot: Int(one.slot)] == nil)
    let three = others.join(id(0, 2), person("1003"))
    #expect(three.slot == one.slot && three != one && others[one] == nil)
    #expect(others.tokens { $0.server == servers[1] } == [two])
    #expect(others.count == 2 && others.all.map(\.person.name) == [person("1003").name, person("1002").name])
  }

  @Test mutating func `Who is told of again keeps its token`() {
    let token = others.join(id(0, 1), person("1001"))
    let again = others.join(id(0, 1), person("1001-2"))
    #expect(again == token && others[token]?.person == person("1001-2") && others.count == 1)
  }

  @Test mutating func `Who has sent something before it is known has the same token then`() {
    let token = others.sender(id(0, 1))
    #expect(others.token(of: id(0, 1)) == nil && others.count == 0 && others[slot: Int(token.slot)] == nil)
    let again = others.sender(id(0, 1))
    let joined = others.join(id(0, 1), person("1001"))
    #expect(again == token && joined == token)
    for number in 2..<UInt64(2 + 3 * RemoteMembers.maximumStrangers) { _ = others.sender(id(1, number)) }
    #expect(others[token]?.person == person("1001"))
    let slots = (0..<1000).count { others[Token(slot: Token.firstRemoteSlot + $0, generation: 0)] != nil }
    #expect(slots <= RemoteMembers.maximumStrangers + 2)
  }

  @Test func `The host is what stands before the port`() {
    #expect(person("1001").host == "10.0.0.1")
    #expect(Person(name: MemberName(port: 1), place: "[fe80::1]:1", joinedAt: 0).host == "fe80::1")
    #expect(Person(name: MemberName(port: 1), place: "unix:/run/chat:1", joinedAt: 0).host == nil)
  }
}
