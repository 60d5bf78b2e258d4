import ChatWire
import TestSupport
import Testing

@testable import ChatServer

@Suite struct BanTests {
  private let now = WallTime(seconds: 1_795_554_185)

  private func ban(_ target: String, until: Int? = nil, why: String = "") throws -> Ban {
    Ban(
      try Ban.Target(parsing: target), until: until.map { WallTime(seconds: now.seconds + $0) }, by: "carol", at: now,
      why: why)
  }

  @Test func `A ban is a line that people can read`() throws {
    #expect(
      try ban("10.0.0.0/8", until: 60, why: "spam: lots").line
        == "address 10.0.0.0/8 until 2026-11-24T21:04:05Z by carol at 2026-11-24T21:03:05Z: spam: lots")
    #expect(try ban("Mallory").line == "name Mallory for ever by carol at 2026-11-24T21:03:05Z")
  }

  @Test(arguments: [
    "", " ", ": ", "spam", " two  spaces ", "a\nb\r\u{1B}[2J", "until 2026", "\u{202E}evil", "grün \u{1F600}", "x: y",
  ]) func `The line of a ban makes the same ban again`(why: String) throws {
    for target in ["mallory", "м\u{0430}ллори", "192.0.2.7", "2001:db8::/32"] {
      for until in [nil, 0, 1_000_000] {
        let ban = try ban(target, until: until, why: why)
        #expect(Ban(line: ban.line.utf8) == ban)
        #expect(!ban.line.utf8.contains { $0 < 0x20 })
      }
    }
  }

  @Test func `Random reasons and names survive as well`() throws {
    var random = SeededRandom.printed(for: "bans")
    for _ in 0..<2000 {
      let bytes = (0..<random.next() % 40).map { _ in UInt8(truncatingIfNeeded: random.next() >> 32) }
      let text = String(decoding: bytes, as: UTF8.self)
      let ban = Ban(.name(BannedName(text)), until: nil, by: text, at: now, why: text)
      #expect(Ban(line: ban.line.utf8) == ban, "\(ban.line)")
    }
  }

  @Test(arguments: [
    "", "name", "name mallory", "name mallory for ever by carol at",
    "name mallory for never by carol at 2026-11-24T21:03:05Z",
    "name mallory for ever by carol at 2026-11-24T21:03:05Zspam",
    "name mallory for ever by carol at 2026-11-24T21:03:05Z:", "name  for ever by carol at 2026-11-24T21:03:05Z",
    "address 10.0.0.5/8 for ever by carol at 2026-11-24T21:03:05Z",
    "address mallory for ever by carol at 2026-11-24T21:03:05Z",
    "face mallory for ever by carol at 2026-11-24T21:03:05Z",
    "name mallory until 2026-11-31T21:03:05Z by carol at 2026-11-24T21:03:05Z",
    "name mallory until 2026-11-24T21:03:05 by carol at 2026-11-24T21:03:05Z", "# name mallory",
  ]) func `A line of another form is no ban`(line: String) { #expect(Ban(line: line.utf8) == nil) }

  @Test(arguments: [("30s", 30), ("10m", 600), ("2h", 7200), ("7d", 604_800), ("2w", 1_209_600), ("007s", 7)])
  func `A term is a number and a unit`(word: String, seconds: Int) throws {
    #expect(try Term.parse(word) == Term(seconds: seconds))
  }

  @Test(arguments: ["", "m", "10", "10 m", "-1m", "10M", "1.5h", "spam", "10min", "\u{0661}m"])
  func `Any other word is no term`(word: String) throws { #expect(try Term.parse(word) == nil) }

  @Test(arguments: ["0s", "99999999999999999999w", "11000d"]) func `A term that nothing can last is refused`(
    word: String
  ) {
    #expect(throws: TermError.self) { try Term.parse(word) }
  }

  @Test(arguments: [(30, "30 s"), (90, "90 s"), (600, "10 m"), (7200, "2 h"), (604_800, "1 w"), (864_000, "10 d")])
  func `A term is shown in the largest unit that fits`(seconds: Int, text: String) {
    #expect(Term(seconds: seconds).description == text)
  }

  @Test func `A ban holds until its time, for its address and for names that look like its name`() throws {
    var list = BanList()
    #expect(list.add(try ban("10.0.0.0/8", until: 60), at: now))
    #expect(list.add(try ban("mallory"), at: now))
    let peer = try #require(try Address.internet(host: "10.1.2.3", port: 1).resolved().first)
    let other = try #require(try Address.internet(host: "192.0.2.7", port: 1).resolved().first)
    let later = WallTime(seconds: now.seconds + 60)
    #expect(list.ban(of: peer, at: now) != nil)
    #expect(list.ban(of: other, at: now) == nil)
    #expect(list.ban(of: peer, at: later) == nil)
    for name in ["mallory", "MALLORY", "m\u{0430}llory"] { #expect(list.ban(of: NameKey(name), at: later) != nil) }
    #expect(list.ban(of: NameKey("alice"), at: now) == nil)
    #expect(list.holding(at: now).map(\.target.description) == ["10.0.0.0/8", "mallory"])
    #expect(list.holding(at: later).map(\.target.description) == ["mallory"])
  }

  @Test func `A target has one ban, the last, and may be taken off the list`() throws {
    var list = BanList()
    for why in ["first", "second"] { #expect(list.add(try ban("Mallory", why: why), at: now)) }
    #expect(list.bans.map(\.why) == ["second"])
    let snapshot = list
    #expect(list.remove(try Ban.Target(parsing: "mallory"), at: now)?.why == "second")
    #expect(list.remove(try Ban.Target(parsing: "mallory"), at: now) == nil)
    #expect(list.bans.isEmpty && snapshot.bans.count == 1)
  }

  @Test func `There are ten thousand bans at most, those that are over not counted`() throws {
    let list = try (0..<BanList.capacity).map { number in
      Ban(
        .address(try AddressRange(parsing: "10.0.\(number / 256).\(number % 256)")),
        until: WallTime(seconds: now.seconds + (number == 0 ? 1 : 9)), by: "carol", at: now)
    }
    var bans = BanList(list)
    #expect(!bans.add(try ban("mallory"), at: now))
    #expect(bans.add(try ban("mallory"), at: WallTime(seconds: now.seconds + 1)))
    #expect(bans.bans.count == BanList.capacity)
  }
}
