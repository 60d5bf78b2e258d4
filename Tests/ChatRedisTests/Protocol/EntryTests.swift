import ChatRedis
import ChatWire
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct EntryTests {
  static let epoch = Epoch.random()
  static let server = ServerID.random()
  static let source = "\(epoch):\(server):7"

  static func entry(
    _ body: [UInt8], at position: Position = Position(bytes: 100_000, lines: 100), by source: String = source
  ) throws(EntryError) -> Entry {
    try Entry(position: position, source: source, body: body, in: epoch)
  }

  /// What `forEachPart` hands out, as text: a record in angle brackets.
  static func parts(_ entry: Entry) -> [String] {
    var parts: [String] = []
    entry.forEachPart { part in
      switch part {
      case .line(let line): parts.append(String(decoding: line, as: UTF8.self))
      case .record(let record): parts.append("<\(record)>")
      }
    }
    return parts
  }

  @Test func `Lines and records come out in order, and tell where the entry began`() throws {
    let record = Record.slow(seconds: 3)
    let body = Array("ann: hi\n".utf8) + record.line + Array("\n* é\ttab\n".utf8)
    let entry = try Self.entry(body)
    #expect(Self.parts(entry) == ["ann: hi\n", "<\(record)>", "\n", "* é\ttab\n"])
    #expect(entry.lineCount == 3)
    #expect(entry.start == Position(bytes: 100_000 - body.count, lines: 97))
    #expect(entry.server == Self.server && entry.sequence == 7)
  }

  @Test func `An entry of another epoch is told apart from a stranger's`() {
    #expect(throws: EntryError.otherEpoch) {
      try Self.entry(Array("a\n".utf8), by: "\(Epoch.random()):\(Self.server):7")
    }
  }

  @Test(arguments: [
    "", "x", "\(epoch)", "\(epoch):\(server)", "\(epoch):\(server):", "\(epoch):\(server):0", "\(epoch):\(server):-1",
    "\(epoch):\(server):1:2", "\(epoch):\(server):x", "\(epoch):SERVERID:1", ":\(server):1", "\u{1B}[31m",
    "\(epoch):\(server):99999999999999999999",
  ])
  func `An entry that no server wrote is a stranger's`(source: String) throws {
    let error = try #require(throws: EntryError.self) { try Self.entry(Array("a\n".utf8), by: source) }
    guard case .foreign(let text) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(SafeText.made(from: Array(text.utf8)) == Array(text.utf8), "what is said of it is safe to show")
  }

  @Test(arguments: [
    ("", "newline"), ("a", "newline"), ("a\nb", "newline"), ("a\r\n", "not safe"), ("\u{1B}[31mred\n", "not safe"),
    ("a\u{202E}b\n", "not safe"), ("\0\n", "record"), ("\0say hi\n", "record"), ("\0left\n", "record"),
    ("\0ban \u{7}\n", "not safe"), ("a\0b\n", "not safe"),
  ])
  func `A body that no server writes is a stranger's`(body: String, says: String) throws {
    let error = try #require(throws: EntryError.self) { try Self.entry(Array(body.utf8)) }
    guard case .foreign(let text) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(text.contains(says), "\(text)")
  }

  @Test func `A body that is no UTF-8, has a long line, or is too large is a stranger's`() {
    let long = [UInt8](repeating: 0x78, count: Entry.maximumLineBytes) + [0x0A]
    let large = Array(repeatElement(Array("x\n".utf8), count: 2 * Entry.maximumBytes + 1).joined())
    for body in [[0xFF, 0x0A], long, large] {
      #expect(throws: EntryError.self) { try Self.entry(body, at: Position(bytes: 1 << 20, lines: 1 << 20)) }
    }
    #expect(throws: Never.self) { try Self.entry(Array(long.dropFirst())) }
  }

  @Test func `An id below what the entry itself says is a stranger's`() {
    let body = Array("a\nb\n".utf8)
    #expect(throws: EntryError.self) { try Self.entry(body, at: Position(bytes: 3, lines: 2)) }
    #expect(throws: EntryError.self) { try Self.entry(body, at: Position(bytes: 4, lines: 1)) }
    #expect(throws: Never.self) { try Self.entry(body, at: Position(bytes: 4, lines: 2)) }
  }

  @Test func `Each record is read as it was written, and fits into an entry`() throws {
    let id = MemberID(server: Self.server, number: 42)
    let name = MemberName(bytes: Array("Zoë".utf8))
    let records: [Record] = [
      .joined(id, Person(name: name, place: "127.0.0.1:5 a place", joinedAt: 29_000_000)),
      .renamed(id, to: name), .left(id), .serverGone(Self.server), .banned(line: "1.2.3.4 2026 why so"),
      .unbanned(target: "1.2.3.4"), .kicked(id, saying: "out, please"), .kicked(id, saying: ""),
      .muted(id, seconds: nil), .muted(id, seconds: 0), .slow(seconds: 9),
    ]
    for record in records {
      #expect(Record(parsing: record.line.dropLast()[...]) == record)
      #expect(Self.parts(try Self.entry(record.line)) == ["<\(record)>"])
    }
  }

  @Test(arguments: ["9223372036854775807", "316224001", "-1", "x", ""])
  func `A time for which nobody can be muted or slowed is a stranger's`(seconds: String) {
    for line in ["\0mute \(Self.server).1 \(seconds)\n", "\0slow \(seconds)\n"] {
      #expect(throws: EntryError.self) { try Self.entry(Array(line.utf8)) }
    }
  }

  @Test func `A record of whatever text is one line that is safe to show`() throws {
    let record = Record.kicked(MemberID(server: Self.server, number: 1), saying: "a\nb\u{1B}[31m\0c\u{202E}")
    #expect(Self.parts(try Self.entry(record.line)).count == 1)
  }

  @Test func `What was read before a stranger's entry counts, and nothing after it`() throws {
    let redis = try RedisServer(onUnixSocket: true)
    let client = try RedisClient(redis)
    let keys = RoomKeys(room: "lab")
    func add(_ id: String, _ fields: String...) throws {
      try client.call((["XADD", keys.log, id] + fields).map { Array($0.utf8) })
    }
    try add("2-1", "s", Self.source, "b", "a\n")
    try add("4-2", "s", Self.source, "b", "b\n", "c", "d")
    try add("6-3", "s", Self.source, "b", "c\n")
    let words = ReadReply.words(keys: keys, from: .start, server: Self.server, boxID: .start, milliseconds: 1)
    let reply = try #require(ReadReply(try client.call(words), keys: keys, server: Self.server, epoch: Self.epoch))
    #expect(reply.entries.map(\.position) == [Position(bytes: 2, lines: 1)])
    guard case .foreign = reply.fault else {
      Issue.record("the stranger's entry was read")
      return
    }
  }

  @Test func `Ids as large as Redis has them are a stranger's`() throws {
    let redis = try RedisServer(onUnixSocket: true)
    let client = try RedisClient(redis)
    let keys = RoomKeys(room: "lab")
    try client.call("XADD", keys.log, "18446744073709551615-18446744073709551615", "s", Self.source, "b", "a\n")
    let words = ReadReply.words(keys: keys, from: .start, server: Self.server, boxID: .start, milliseconds: 1)
    let reply = try #require(ReadReply(try client.call(words), keys: keys, server: Self.server, epoch: Self.epoch))
    #expect(reply.entries.isEmpty && reply.fault != nil)
  }

  @Test(arguments: ["id", "0-0-0", "-1-0", "1--1", "x-1", "1-x", "", "-", "1", "9223372036854775808-0"])
  func `What is no position is none`(text: String) {
    #expect(Position(parsing: text) == nil)
  }

  @Test func `What no XREAD answers is refused`() {
    let keys = RoomKeys(room: "lab")
    func read(_ reply: Reply) -> ReadReply? {
      ReadReply(reply, keys: keys, server: Self.server, epoch: Self.epoch)
    }
    #expect(read(.null) != nil)
    for reply: Reply in [
      .integer(1), .text("OK"), .error("ERR"), .array([.null]), .array([.array([.text(keys.log)])]),
      .array([.array([.text("other"), .array([.array([.text("1-1"), .array([])])])])]),
      .array([.array([.text(keys.log), .array([.text("1-1")])])]),
    ] {
      #expect(read(reply) == nil, "\(reply)")
    }
  }
}
