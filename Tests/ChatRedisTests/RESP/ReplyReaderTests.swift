import ChatRedis
import ChatWire
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct ReplyReaderTests {
  /// What Redis sends, and what it means.
  static let replies: [(wire: String, reply: Reply)] = [
    ("+OK\r\n", .string(Array("OK".utf8))),
    ("+\r\n", .string([])),
    ("-ERR unknown command 'x'\r\n", .error("ERR unknown command 'x'")),
    (":0\r\n", .integer(0)),
    (":-9223372036854775808\r\n", .integer(.min)),
    (":9223372036854775807\r\n", .integer(.max)),
    ("$0\r\n\r\n", .string([])),
    ("$5\r\na\r\nb\n\r\n", .string(Array("a\r\nb\n".utf8))),
    ("$-1\r\n", .null),
    ("*-1\r\n", .null),
    ("*0\r\n", .array([])),
    ("*3\r\n:1\r\n*0\r\n$-1\r\n", .array([.integer(1), .array([]), .null])),
    (
      "*1\r\n*2\r\n$3\r\nlog\r\n*1\r\n*2\r\n$3\r\n9-1\r\n*4\r\n$1\r\ns\r\n$1\r\nx\r\n$1\r\nb\r\n$3\r\nhi\n\r\n",
      .array([
        .array([
          .text("log"), .array([.array([.text("9-1"), .array([.text("s"), .text("x"), .text("b"), .text("hi\n")])])]),
        ])
      ])
    ),
  ]

  static let all = Array(replies.map(\.wire).joined().utf8)

  @Test(arguments: replies) func `Each kind of reply is understood`(wire: String, reply: Reply) throws {
    var reader = ReplyReader()
    reader.feed(Array(wire.utf8).span)
    #expect(try reader.next() == reply)
    #expect(try reader.next() == nil)
  }

  @Test func `Replies come out whole wherever their bytes are split`() throws {
    for first in 0...Self.all.count {
      for second in stride(from: first, through: Self.all.count, by: 7) {
        var reader = ReplyReader()
        var read: [Reply] = []
        for piece in [Self.all[..<first], Self.all[first..<second], Self.all[second...]] {
          reader.feed(Array(piece).span)
          while let reply = try reader.next() { read.append(reply) }
        }
        #expect(read == Self.replies.map(\.reply), "split at \(first) and \(second)")
      }
    }
  }

  @Test func `Replies come out whole when each byte comes alone`() throws {
    var reader = ReplyReader()
    var read: [Reply] = []
    for byte in Self.all {
      reader.feed([byte].span)
      while let reply = try reader.next() { read.append(reply) }
    }
    #expect(read == Self.replies.map(\.reply))
  }

  @Test func `Nothing of a reply comes out before its last byte`() throws {
    for (wire, _) in Self.replies {
      var reader = ReplyReader()
      for byte in wire.utf8.dropLast() {
        reader.feed([byte].span)
        #expect(try reader.next() == nil, "\(wire.debugDescription)")
      }
    }
  }

  /// What Redis never sends, and what is said about it.
  static let mistakes: [(wire: String, says: String)] = [
    ("HTTP/1.1 400 Bad Request\r\n", "is not Redis"),
    ("SSH-2.0-OpenSSH_9.2\r\n", "is not Redis"),
    ("\r\n", "empty line"),
    (":1\n", "carriage return"),
    ("\n", "carriage return"),
    (":\r\n", "number"),
    (":x\r\n", "number"),
    (":9223372036854775808\r\n", "number"),
    ("$-2\r\n", "below 0"),
    ("$1x\r\n", "number"),
    ("$1\r\nabc", "does not end"),
    ("*-2\r\n", "below 0"),
    ("$67108865\r\n", "a string of 67108865 bytes"),
    ("$9223372036854775807\r\n", "a string of"),
    ("*1048577\r\n", "elements"),
    ("*2\r\n*1048575\r\n", "elements"),
    ("*2147483647\r\n", "elements"),
    (String(repeating: "*1\r\n", count: 9), "arrays inside each other"),
    ("-" + String(repeating: "x", count: 65_536), "a line of more than"),
  ]

  @Test(arguments: mistakes)
  func `What is no reply is refused, and stays refused`(wire: String, says: String) throws {
    var reader = ReplyReader()
    reader.feed(Array(wire.utf8).span)
    let error = try #require(throws: ReplyError.self) { try reader.next() }
    #expect(error.description.contains(says), "\(error)")
    reader.feed(Array(":1\r\n".utf8).span)
    #expect(throws: error) { try reader.next() }
  }

  @Test func `A reply of several large strings is refused when it is too large as a whole`() throws {
    var reader = ReplyReader()
    let megabyte = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
    reader.feed(Array("*200\r\n".utf8).span)
    #expect(throws: ReplyError.tooLarge("more than \(128 << 20) bytes")) {
      for _ in 0..<200 {
        reader.feed(Array("$1048576\r\n".utf8).span)
        reader.feed(megabyte.span)
        reader.feed(Array("\r\n".utf8).span)
        if try reader.next() != nil { Issue.record("a reply came out before its end") }
      }
    }
  }

  @Test func `A string of the largest size is read in pieces`() throws {
    var reader = ReplyReader()
    let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 16)
    reader.feed(Array("$\(ReplyReader.maximumStringBytes)\r\n".utf8).span)
    for _ in 0..<ReplyReader.maximumStringBytes / piece.count {
      reader.feed(piece.span)
      #expect(try reader.next() == nil)
    }
    reader.feed(Array("\r\n".utf8).span)
    #expect(try reader.next()?.bytes?.count == ReplyReader.maximumStringBytes)
  }

  /// Bytes in one piece take as long as they take; the same in small ones may not take their square.
  @Test(arguments: ["one string", "many elements", "many replies"])
  func `The time to read a reply grows with its size, however small the pieces`(shape: String) throws {
    func nanoseconds(units: Int) throws -> UInt64 {
      let wire: [UInt8] =
        switch shape {
        case "one string": Array("$\(units * 16)\r\n".utf8) + [UInt8](repeating: 0x78, count: units * 16) + [13, 10]
        case "many elements":
          Array("*\(units)\r\n".utf8) + Array(repeatElement(Array("$10\r\nabcdefghij\r\n".utf8), count: units).joined())
        default: Array(repeatElement(Array("$10\r\nabcdefghij\r\n".utf8), count: units).joined())
        }
      var reader = ReplyReader()
      var read = 0
      let start = threadNanoseconds()
      for begin in stride(from: 0, to: wire.count, by: 11) {
        reader.feed(wire.span.extracting(begin..<min(begin + 11, wire.count)))
        while try reader.next() != nil { read += 1 }
      }
      #expect(read == (shape == "many replies" ? units : 1))
      return threadNanoseconds() - start
    }
    let small = try (0..<3).map { _ in try nanoseconds(units: 4000) }.min() ?? 0
    let large = try (0..<3).map { _ in try nanoseconds(units: 64_000) }.min() ?? 0
    #expect(large < 16 * 6 * small, "16 times the bytes took \(large / small) times as long")
  }

  @Test func `A command is written as Redis reads it`() {
    #expect(RedisCommand.encode("SET", "k", "\r\n") == Array("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\n".utf8))
    #expect(RedisCommand.encode([[]]) == Array("*1\r\n$0\r\n\r\n".utf8))
  }

  @Test func `A real server answers in ways that are all understood`() throws {
    let redis = try RedisServer(onUnixSocket: true)
    let client = try RedisClient(redis)
    #expect(try client.call("PING") == .text("PONG"))
    #expect(try client.call("GET", "nothing") == .null)
    #expect(try client.call("INCR", "n") == .integer(1))
    #expect(try client.call("LRANGE", "list", "0", "-1") == .array([]))
    #expect(
      try client.call("HSET", "n", "a", "b")
        == .error("WRONGTYPE Operation against a key holding the wrong kind of value"))
    #expect(try client.call("XREAD", "COUNT", "1", "BLOCK", "1", "STREAMS", "log", "0-0") == .null)
    let large = [UInt8](repeating: 0, count: 5_000_000)
    try client.call([Array("SET".utf8), Array("large".utf8), large])
    #expect(try client.call("GET", "large") == .string(large))
    #expect(try client.call("INFO").text?.contains("redis_version:") == true)
  }
}

extension Reply {
  static func text(_ text: String) -> Reply { .string(Array(text.utf8)) }
}
