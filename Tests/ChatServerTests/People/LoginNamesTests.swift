import ChatWire
import TestSupport
import Testing

@testable import ChatServer

extension NameRegistry {
  fileprivate mutating func login(_ name: String, _ userID: UInt32 = 1001) -> Login {
    login(of: userID, called: Array(name.utf8))
  }

  fileprivate mutating func claim(_ name: String, for token: Token) -> Result<String, NameRefusal> {
    let verdict = judge(Array(name.utf8)[...], for: token)
    if case .success(let name) = verdict { assign(name, to: token) }
    return verdict.map(\.description)
  }

  fileprivate func holder(of name: String) -> Token? { holder(of: Array(name.utf8)[...]) }
}

/// What logins mean for names.
struct LoginNamesTests {
  private let members = (0..<20).map { Token(slot: $0, generation: 0) }

  @Test func `A login's connections are told apart by the smallest count that is free`() {
    var names = NameRegistry()
    let alice = names.login("alice")
    #expect(
      (0..<4).map { names.join(members[$0], as: alice).description } == ["alice", "alice/2", "alice/3", "alice/4"])
    names.leave(members[1])
    #expect(names.join(members[4], as: alice).description == "alice/2")
    names.leave(members[0])
    names.leave(members[3])
    #expect((5..<8).map { names.join(members[$0], as: alice).description } == ["alice", "alice/4", "alice/5"])
    for (name, slot) in [("alice", 5), ("ALICE", 5), ("alice/2", 4), ("alice/5", 7)] {
      #expect(names.holder(of: name) == members[slot])
    }
    for name in ["alice/1", "alice/6", "alice/", "/2", "аӏісе"] { #expect(names.holder(of: name) == nil) }
  }

  @Test func `Many connections of one login come and go fast`() {
    var names = NameRegistry()
    let alice = names.login("alice")
    let many = (0..<20_000).map { Token(slot: $0, generation: 1) }
    for token in many { _ = names.join(token, as: alice) }
    #expect(names.name(of: many[19_999])?.description == "alice/20000")
    for token in many { names.leave(token) }
    #expect(names.join(many[0], as: alice).description == "alice")
  }

  @Test(arguments: [
    nil, "", "server", "1001", "a b", "DOM\\alice", "alice$", "uid-7", "UID-7", "-alice", "alice/2", "al\u{1B}ice",
    "ﬁona",
    "e\u{301}", "alice:", String(repeating: "a", count: 33),
  ]) func `A login that can be no name is shown by the user's number`(login: String?) {
    var names = NameRegistry()
    let login = names.login(of: 1001, called: login.map { Array($0.utf8) })
    #expect(login == Login(userID: 1001, name: MemberName(userID: 1001)))
    #expect(names.join(members[0], as: login).description == "uid-1001")
    #expect(names.join(members[1], as: login).description == "uid-1001/2")
    #expect(names.holder(of: "uid-1001/2") == members[1])
  }

  @Test(arguments: ["uid-1001", "UID-1", "uid-0", "uid-99999999999"]) func `Nobody chooses a user's number`(
    name: String
  ) {
    var names = NameRegistry()
    _ = names.join(members[0], port: 1, host: "::1")
    #expect(names.claim(name, for: members[0]) == .failure(.userID))
    _ = names.join(members[1], as: names.login("alice"))
    #expect(names.claim(name, for: members[1]) == .failure(.userID))
  }

  @Test func `A login's name is refused to others, also while its owner is not here`() {
    var names = NameRegistry()
    _ = names.join(members[0], port: 1, host: "::1")
    _ = names.join(members[1], as: names.login("bob", 1002))
    _ = names.join(members[2], as: names.login("alice"))
    for _ in 0..<2 {
      for name in ["alice", "Alice", "аӏісе"] {
        #expect(names.claim(name, for: members[0]) == .failure(.login))
        #expect(names.claim(name, for: members[1]) == .failure(.login))
      }
      for name in ["alice/2", "alice/1"] { #expect(names.claim(name, for: members[0]) == .failure(.character("/"))) }
      names.leave(members[2])
    }
    #expect(names.claim("alice2", for: members[0]) == .success("alice2"))
  }

  @Test func `A member may take another name, and its login back`() {
    var names = NameRegistry()
    let alice = names.login("alice")
    _ = (names.join(members[0], as: alice), names.join(members[1], as: alice))
    #expect(names.claim("carol", for: members[0]) == .success("carol"))
    #expect(names.holder(of: "alice") == members[0] && names.holder(of: "carol") == members[0])
    #expect(
      names.claim("alice", for: members[1]) == .failure(.taken(suggestion: MemberName(bytes: Array("alice2".utf8)))))
    #expect(names.claim("Alice", for: members[0]) == .success("Alice"))
    #expect(names.claim("alice", for: members[0]) == .success("alice"))
    #expect(names.chosenName(of: members[0]) == nil)
    names.leave(members[0])
    #expect(names.claim("ALICE", for: members[1]) == .success("ALICE"))
    #expect(names.chosenName(of: members[1])?.description == "ALICE")
    #expect(names.join(members[2], as: alice).description == "alice/3")
    #expect(names.claim("alice/2", for: members[1]) == .success("alice/2"))
    #expect(names.join(members[3], as: alice).description == "alice")
  }

  @Test func `Who chose a login's name before it came, or one that looks the same, is found`() {
    var names = NameRegistry()
    for slot in 0..<3 { _ = names.join(members[slot], port: UInt16(slot + 1), host: "::1") }
    #expect(names.claim("аӏісе", for: members[0]) == .success("аӏісе"))
    #expect(names.claim("bob", for: members[1]) == .success("bob"))
    let (alice, bob) = (names.login("alice"), names.login("bob", 1002))
    #expect(names.usurpers(of: alice) == [members[0]])
    #expect(names.usurpers(of: bob) == [members[1]])
    for token in [members[0], members[1]] {
      if let name = names.defaultName(of: token) { names.assign(name, to: token) }
    }
    #expect(names.usurpers(of: alice) == [] && names.usurpers(of: bob) == [])
    #expect(names.join(members[3], as: alice).description == "alice")
    // One user may have come without a login before, and have chosen it.
    #expect(names.claim("carol", for: members[3]) == .success("carol"))
    #expect(names.usurpers(of: names.login("carol")) == [])
  }

  @Test func `Of two logins that look the same the second is shown by its number`() {
    var names = NameRegistry()
    #expect(names.login("Alice").name.description == "Alice")
    #expect(names.login("alice", 1002).name.description == "uid-1002")
    #expect(names.login("аӏісе", 1003).name.description == "uid-1003")
    #expect(names.login("Alice").name.description == "Alice")
    #expect(names.login("Alice", 1004).name.description == "uid-1004")
  }

  @Test func `A name that all servers grant a login is its default name, and so is one with a count`() {
    var names = NameRegistry()
    let alice = names.login("alice")
    for slot in 0..<3 { names.note(alice, of: members[slot]) }
    names.assign(alice.name, to: members[0])
    names.assign(MemberName(bytes: Array("alice/2".utf8)), to: members[1])
    #expect(names.chosenName(of: members[0]) == nil && names.chosenName(of: members[1]) == nil)
    #expect(names.keys(of: members[0]) == ["f:alice", "l:alice"])
    #expect(names.keys(of: members[1]) == ["d:alice/2"])
    names.leave(members[0])
    names.assign(alice.name, to: members[1])
    #expect(names.chosenName(of: members[1]) == alice.name)
    #expect(names.defaultName(of: members[1])?.description == "alice/2")
    // A member of another server took it.
    let remote = Token(slot: Token.firstRemoteSlot, generation: 0)
    names.assign(alice.name, to: remote)
    var candidates = DefaultNames(alice)
    #expect(names.nextFree(of: &candidates, for: members[2]).description == "alice/3")
  }
}
