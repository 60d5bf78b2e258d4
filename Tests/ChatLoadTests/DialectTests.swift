import Testing

@testable import ChatLoad

@Suite(.timeLimit(.minutes(10)))
struct DialectTests {
  static let textBytes = 40
  static let lineText =
    String(decoding: StampTests.text(Stamp(sender: 0, sequence: 5, time: 9)), as: UTF8.self) + "qrstuvwx"

  /// A stream as a server of each dialect sends it, and what is to be found in it.
  static let streams: [(dialect: Dialect, stream: String, found: [String])] = [
    (
      .line,
      "54321: \(lineText)\n* 3 lines skipped\n<user5> \(lineText)\r\n\(lineText)\n54321: torn\n<announce> somebody is here\n",
      [
        "line \(lineText)", "notice * 3 lines skipped", "line \(lineText)", "line \(lineText)", "torn 54321: torn",
        "other",
      ]
    ),
    (
      .redis,
      "*3\r\n$9\r\nsubscribe\r\n$4\r\nroom\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$40\r\n\(lineText)\r\n-ERR no\r\n:100\r\n"
        + "*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$40\r\n\(lineText)\r\n",
      [
        "other", "other", "entered", "other", "other", "other", "line \(lineText)", "refusal -ERR no", "other",
        "line \(lineText)",
      ]
    ),
    (
      .nats,
      "INFO {\"server_id\":\"N\"}\r\nPONG\r\nMSG room 1 40\r\n\(lineText)\r\nPING\r\n-ERR 'Slow Consumer'\r\nMSG room 1 40\r\n"
        + "\(lineText)\r\nMSG room 1 3\r\n",
      [
        "other", "entered", "line \(lineText)", "ping ", "refusal -ERR 'Slow Consumer'", "line \(lineText)",
        "torn MSG room 1 3",
      ]
    ),
    (
      .irc,
      ":irc.example.net 001 n0 :Welcome to the net\r\n:irc.example.net 422 n0 :No MOTD\r\n:n0!~load@127.0.0.1 JOIN :#room\r\n"
        + ":irc.example.net 366 n0 #room :End of NAMES list\r\nPING :irc.example.net\r\n"
        + ":n1!~load@127.0.0.1 PRIVMSG #room :\(lineText)\r\n:n1!~load@127.0.0.1 PRIVMSG #room :short\r\n"
        + ":irc.example.net 433 * n0 :Nickname already in use\r\nERROR :Closing connection\r\n",
      [
        "other", "other", "other", "entered", "ping  :irc.example.net", "line \(lineText)",
        "torn :n1!~load@127.0.0.1 PRIVMSG #room :short", "refusal :irc.example.net 433 * n0 :Nickname already in use",
        "refusal ERROR :Closing connection",
      ]
    ),
  ]

  /// What the decoder finds in a stream that comes in `pieces`, where it is given again what was not complete.
  static func found(_ dialect: Dialect, _ pieces: [ArraySlice<UInt8>]) -> [String] {
    let decoder = StreamDecoder(dialect: dialect, textBytes: textBytes)
    var (held, found): ([UInt8], [String]) = ([], [])
    for piece in pieces {
      held += piece
      let used = held.withUnsafeBytes { bytes in
        var position = 0
        while let frame = decoder.frame(in: bytes, at: position) {
          let content = String(decoding: bytes[frame.start..<frame.contentEnd], as: UTF8.self)
          found.append("\(frame.kind)" + (["other", "entered"].contains("\(frame.kind)") ? "" : " \(content)"))
          position = frame.end
        }
        return position
      }
      held.removeFirst(used)
    }
    #expect(held.isEmpty)
    return found
  }

  @Test(arguments: Dialect.allCases)
  func `A stream is understood however it is cut in two`(dialect: Dialect) throws {
    let (_, stream, expected) = try #require(Self.streams.first { $0.dialect == dialect })
    let bytes = Array(stream.utf8)
    for cut in 0...bytes.count {
      #expect(Self.found(dialect, [bytes[..<cut], bytes[cut...]]) == expected, "cut at \(cut)")
    }
  }

  @Test(arguments: Dialect.allCases)
  func `A stream is understood byte by byte`(dialect: Dialect) throws {
    let (_, stream, expected) = try #require(Self.streams.first { $0.dialect == dialect })
    let bytes = Array(stream.utf8)
    #expect(Self.found(dialect, bytes.indices.map { bytes[$0...$0] }) == expected)
  }

  @Test(arguments: [
    (Dialect.line, "TEXT\n"), (.redis, "*3\r\n$7\r\nPUBLISH\r\n$4\r\nroom\r\n$63\r\nTEXT\r\n"),
    (.nats, "PUB room 63\r\nTEXT\r\n"), (.irc, "PRIVMSG #room :TEXT\r\n"),
  ])
  func `A line is sent as the server wants it`(dialect: Dialect, wire: String) {
    #expect(dialect.sentPrefix(textBytes: 63) + "TEXT" + dialect.lineEnd == wire)
  }

  @Test func `A connection enters the room in the server's language`() {
    #expect(Dialect.line.entry(ofConnection: 3, listens: true) == "")
    #expect(Dialect.redis.entry(ofConnection: 3, listens: true) == "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nroom\r\n")
    #expect(Dialect.redis.entry(ofConnection: 3, listens: false) == "")
    #expect(Dialect.nats.entry(ofConnection: 3, listens: true).hasSuffix("SUB room 1\r\nPING\r\n"))
    #expect(Dialect.irc.entry(ofConnection: 3, listens: true).hasPrefix("NICK n3\r\n"))
  }
}
