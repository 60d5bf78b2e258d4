import ChatWire
import TestSupport
import Testing

@testable import ChatServer

extension NameRegistry {
  fileprivate mutating func claim(_ name: String, for token: Token) -> Result<String, NameRefusal> {
    let verdict = judge(Array(name.utf8)[...], for: token)
    if case .success(let name) = verdict { assign(name, to: token) }
    return verdict.map(\.description)
  }

  fileprivate mutating func giveBack(_ token: Token) -> MemberName? {
    guard chosenName(of: token) != nil, let name = defaultName(of: token) else { return nil }
    assign(name, to: token)
    return name
  }

  fileprivate func holder(of name: String) -> Token? { holder(of: Array(name.utf8)[...]) }

  fileprivate mutating func join(_ token: Token, _ port: UInt16, _ host: String = "127.0.0.1") -> String {
    join(token, port: port, host: host).description
  }
}

struct NameRegistryTests {
  private let one = Token(slot: 0, generation: 0)
  private let two = Token(slot: 1, generation: 0)
  private let three = Token(slot: 2, generation: 7)

  private func taken(_ suggestion: String) -> Result<String, NameRefusal> {
    .failure(.taken(suggestion: MemberName(bytes: Array(suggestion.utf8))))
  }

  @Test func `A member is called by its port, and a second one of that port by its host as well`() {
    var names = NameRegistry()
    #expect(names.join(one, 54321) == "54321")
    #expect(names.join(two, 54321, "10.0.0.2") == "54321@10.0.0.2")
    #expect(names.join(three, 54321, "10.0.0.2") == "54321@10.0.0.2-2")
    #expect(names.join(Token(slot: 3, generation: 0), 54321, "10.0.0.2") == "54321@10.0.0.2-3")
    #expect(names.join(Token(slot: 4, generation: 0), 54321, "fe80::1") == "54321@fe80--1")
    #expect(names.holder(of: "54321") == one)
    #expect(names.holder(of: "54321@10.0.0.2") == two)
    #expect(names.holder(of: "54321@10.0.0.2-2") == three)
    #expect(names.holder(of: "54321@10.0.0.3") == nil)
    #expect(names.holder(of: "054321") == nil)
    names.leave(one)
    #expect(names.holder(of: "54321") == nil)
    #expect(names.join(one, 54321, "10.0.0.9") == "54321")
  }

  @Test func `A port stays with its member while that goes by another name`() {
    var names = NameRegistry()
    _ = names.join(one, 54321)
    #expect(names.chosenName(of: one) == nil)
    #expect(names.claim("alice", for: one) == .success("alice"))
    #expect(names.chosenName(of: one)?.description == "alice")
    #expect(names.join(two, 54321, "10.0.0.2") == "54321@10.0.0.2")
    #expect(names.holder(of: "54321") == one)
    #expect(names.holder(of: "alice") == one)
    #expect(names.claim("54321", for: two) == .failure(.noLetter))
    #expect(names.claim("54321@10.0.0.2", for: one) == .failure(.character("@")))
  }

  @Test func `A name is refused while another member has it or one that looks the same, and a free one is offered`() {
    var names = NameRegistry()
    _ = (names.join(one, 1001), names.join(two, 1002), names.join(three, 1003))
    #expect(names.claim("Alice", for: one) == .success("Alice"))
    #expect(names.claim("aLICE", for: two) == taken("aLICE2"))
    #expect(names.claim("аӏісе", for: two) == taken("аӏісе2"))
    #expect(names.claim("Alice2", for: three) == .success("Alice2"))
    #expect(names.claim("alice", for: two) == taken("alice3"))
    #expect(names.claim("аӏісе", for: two) == taken("аӏісе3"))
    #expect(names.claim("alice3", for: two) == .success("alice3"))
    #expect(names.claim("Straße", for: one) == .success("Straße"))
    #expect(names.claim("STRASSE", for: two) == taken("STRASSE2"))
    #expect(names.claim("Alice", for: two) == .success("Alice"))
  }

  @Test func `A refused claim changes nothing`() {
    var names = NameRegistry()
    _ = (names.join(one, 1001), names.join(two, 1002))
    #expect(names.claim("alice", for: one) == .success("alice"))
    #expect(names.claim("bob", for: two) == .success("bob"))
    #expect(names.claim("alice", for: two) == taken("alice2"))
    #expect(names.claim("x y", for: two) == .failure(.character(" ")))
    #expect(names.holder(of: "bob") == two)
    #expect(names.holder(of: "alice") == one)
    #expect(names.chosenName(of: two)?.description == "bob")
  }

  @Test func `A member may spell its own name otherwise, and gives it back by its port`() {
    var names = NameRegistry()
    _ = (names.join(one, 1001), names.join(two, 1001, "::1"))
    #expect(names.claim("Alice", for: one) == .success("Alice"))
    #expect(names.claim("alice", for: one) == .success("alice"))
    #expect(names.claim("аӏісе", for: one) == .success("аӏісе"))
    #expect(names.holder(of: "alice") == nil)
    #expect(names.claim("1001", for: one) == .success("1001"))
    #expect(names.chosenName(of: one) == nil)
    #expect(names.claim("alice", for: two) == .success("alice"))
    #expect(names.claim("1001@--1", for: two) == .success("1001@--1"))
    #expect(names.giveBack(two) == nil)
    #expect(names.claim("alice", for: one) == .success("alice"))
    #expect(names.giveBack(one)?.description == "1001")
    #expect(names.giveBack(one) == nil)
    #expect(names.claim("alice", for: two) == .success("alice"))
  }

  @Test func `A holder is found in any case and composition, but not by a name that only looks the same`() {
    var names = NameRegistry()
    _ = (names.join(one, 1001), names.join(two, 1002))
    #expect(names.claim("Zoé", for: one) == .success("Zoé"))
    #expect(names.holder(of: "ZOE\u{301}") == one)
    #expect(names.claim("alice", for: two) == .success("alice"))
    #expect(names.holder(of: "ALICE") == two)
    #expect(names.holder(of: "аӏісе") == nil)
    #expect(names.holder(of: "") == nil)
    #expect(names.holder(of: [0xFF, 0x61][...]) == nil)
    #expect(names.holder(of: String(repeating: "a", count: 100_000)) == nil)
  }

  @Test func `Who leaves frees all of its names`() {
    var names = NameRegistry()
    _ = (names.join(one, 1001), names.join(two, 1001, "10.0.0.2"))
    #expect(names.claim("alice", for: one) == .success("alice"))
    #expect(names.claim("bob", for: two) == .success("bob"))
    names.leave(one)
    names.leave(two)
    for name in ["alice", "bob", "1001", "1001@10.0.0.2"] { #expect(names.holder(of: name) == nil) }
    #expect(names.join(three, 1001, "10.0.0.3") == "1001")
    #expect(names.claim("аӏісе", for: three) == .success("аӏісе"))
    #expect(names.claim("bob", for: three) == .success("bob"))
  }

  @Test(arguments: [
    "alice", String(repeating: "a", count: 32), String(repeating: "中", count: 21),
    String(repeating: "1", count: 31) + "a",
    "a" + String(repeating: "b\u{323}\u{331}", count: 10), "a.b", "x1", String(repeating: "a-", count: 15) + "b",
  ]) func `A suggestion can be claimed, however many names of its kind are taken`(name: String) throws {
    var names = NameRegistry()
    for slot in UInt32(0)..<40 {
      let member = Token(slot: slot, generation: 0)
      _ = names.join(member, UInt16(1000 + slot))
      guard case .failure(.taken(let suggestion)) = names.claim(name, for: member) else {
        try #require(slot == 0)
        continue
      }
      try #require(names.holder(of: suggestion.bytes[...]) == nil)
      try #require(names.claim(suggestion.description, for: member) == .success(suggestion.description))
    }
  }

  @Test func `Names are unique at every moment of random joins, claims and departures`() throws {
    var random = SeededRandom.printed(for: "names")
    var names = NameRegistry()
    /// What each member is called by default, and what it chose.
    var model: [Token: (own: String, chosen: String?)] = [:]
    var generation: UInt32 = 0
    let stems = [
      "alice", "Alice", "АЛИСА", "алиса", "аӏісе", "bob", "ВОВ", "вов", "Straße", "STRASSE", "οδος", "ΟΔΟΣ",
      "Zoe\u{308}", "Zoë", "田中", "NINA", "ΝΙΝΑ", "νινα", "alice2",
    ]
    let noNames = ["server", "1", "1001", "1002@10.0.0.1", "a b", "x-", "аӏіcе"]
    let keys = Dictionary(stems.map { ($0, NameKey($0)) }, uniquingKeysWith: { one, _ in one })
    func login(_ userID: UInt32) -> Login { Login(userID: userID, name: MemberName(userID: userID)) }
    for _ in 0..<5_000 {
      let members = model.keys.sorted { $0.bits < $1.bits }
      let member = members.randomElement(using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0...2 where members.count < 12:
        let used = Set(members.map(\.slot))
        let slot = try #require((UInt32(0)..<12).filter { !used.contains($0) }.randomElement(using: &random))
        generation += 1
        let token = Token(slot: slot, generation: generation)
        let name =
          Bool.random(using: &random)
          ? names.join(
            token, .random(in: 1001...1004, using: &random), "10.0.0.\(Int.random(in: 1...2, using: &random))")
          : names.join(token, as: login(.random(in: 7...9, using: &random))).description
        model[token] = (name, nil)
      case 3...4:
        guard let member else { continue }
        names.leave(member)
        model[member] = nil
      case 5:
        guard let member, let entry = model[member] else { continue }
        try #require(names.giveBack(member)?.description == (entry.chosen == nil ? nil : entry.own))
        model[member]?.chosen = nil
      default:
        guard let member, let entry = model[member] else { continue }
        let wanted = try #require((stems + noNames + [entry.own]).randomElement(using: &random))
        let others = try model.filter { $0.key != member }.values.compactMap(\.chosen).map { try #require(keys[$0]) }
        let key = NameKey(wanted)
        let isFree = others.allSatisfy { $0.folding != key.folding && $0.look != key.look }
        switch names.claim(wanted, for: member) {
        case .success(let name):
          try #require(name == wanted)
          try #require(name == entry.own || isFree)
          model[member]?.chosen = name == entry.own ? nil : name
        case .failure(.taken(let suggestion)):
          try #require(!isFree)
          let key = NameKey(suggestion.description)
          try #require(others.allSatisfy { $0.folding != key.folding && $0.look != key.look })
        case .failure: try #require(noNames.contains(wanted))
        }
      }
      var seen: Set<String> = []
      for (token, entry) in model {
        try #require(names.chosenName(of: token)?.description == entry.chosen)
        try #require(names.holder(of: entry.own) == token)
        try #require(seen.insert(entry.own).inserted)
        guard let chosen = entry.chosen else { continue }
        try #require(names.holder(of: chosen) == token)
        try #require(seen.insert(try #require(keys[chosen]).look).inserted)
      }
      let wanted = try #require(stems.randomElement(using: &random))
      let holder = model.first { $0.value.chosen.flatMap { keys[$0] }?.folding == keys[wanted]?.folding }
      try #require(names.holder(of: wanted) == holder?.key)
    }
  }
}
