import ChatRedis
import ChatWire
import TestSupport
import Testing

/// A room in a Redis of its own, to which a test speaks through the script as servers do.
final class ScriptedRoom {
  let redis: RedisServer
  let client: RedisClient
  let keys = RoomKeys(room: "lab")
  let sha: String

  init(_ persistence: RedisServer.Persistence = .none, onUnixSocket: Bool = true) throws {
    redis = try RedisServer(onUnixSocket: onUnixSocket, persistence)
    client = try RedisClient(redis)
    sha = try #require(try client.call(Verb.load).text)
  }

  func run(_ verb: Verb) throws -> Reply { try client.call(verb.words(sha: sha, keys: keys)) }

  /// - Parameter begun: when `old` began.
  func renew(_ old: Epoch, begun: Int = 0, _ new: Epoch) throws -> RenewReply {
    try #require(RenewReply(try run(.renew(old: old, begun: begun, new: new))))
  }

  /// All entries of the room, each checked.
  func entries(after position: Position = .start, in epoch: Epoch) throws -> [Entry] {
    var entries: [Entry] = []
    while true {
      let words = ReadReply.words(
        keys: keys, from: entries.last?.position ?? position, server: .script, boxID: .start, milliseconds: 1)
      let reply = try #require(ReadReply(try client.call(words), keys: keys, server: .script, epoch: epoch))
      #expect(reply.fault == nil)
      guard !reply.entries.isEmpty else { return entries }
      entries += reply.entries
    }
  }

  /// What was said and recorded, as text: a record in angle brackets.
  func transcript(in epoch: Epoch) throws -> [String] {
    var parts: [String] = []
    var end = Position.start
    for entry in try entries(in: epoch) {
      #expect(entry.start == end, "no gap and no overlap")
      end = entry.position
      entry.forEachPart { part in
        switch part {
        case .line(let line): parts.append(String(decoding: line.dropLast(), as: UTF8.self))
        case .record(let record):
          parts.append("<" + String(decoding: record.line.dropFirst().dropLast(), as: UTF8.self) + ">")
        }
      }
    }
    return parts
  }

  func hash(_ key: String) throws -> [String: String] {
    let parts = try #require(try client.call("HGETALL", key).elements).compactMap(\.text)
    return Dictionary(uniqueKeysWithValues: stride(from: 0, to: parts.count, by: 2).map { (parts[$0], parts[$0 + 1]) })
  }

  /// As if Redis had not heard the server for so long.
  func age(_ server: ServerID, seconds: Int) throws {
    let now = try #require(try client.call("TIME").elements?.first?.number) * 1000
    try client.call("ZADD", keys.beats, "\(now - seconds * 1000)", "\(server)")
  }
}

/// A server in that room: what its link would remember.
final class Peer {
  let room: ScriptedRoom
  let id: ServerID
  var epoch: Epoch
  var fence: Int
  var sequence: Int
  let entered: EnterReply

  /// Enters the room.
  init(_ room: ScriptedRoom, id: ServerID = .random(), new: Epoch = .random(), boxID: StreamID = .start) throws {
    self.room = room
    self.id = id
    entered = try #require(EnterReply(try room.run(.enter(id, new: new, boxID: boxID))))
    epoch = entered.epoch
    fence = entered.fence
    sequence = entered.sequence
  }

  func member(_ number: UInt64) -> MemberID { MemberID(server: id, number: number) }

  /// Sends the next turn.
  @discardableResult
  func append(_ operations: Operation..., boxID: StreamID? = nil) throws -> AppendReply {
    let reply = try send(operations, as: sequence + 1, boxID: boxID)
    if case .accepted = reply { sequence += 1 }
    return reply
  }

  func send(_ operations: [Operation], as sequence: Int, fence: Int? = nil, boxID: StreamID? = nil) throws
    -> AppendReply
  {
    try #require(
      AppendReply(
        try room.run(
          .append(id, epoch, fence: fence ?? self.fence, sequence: sequence, boxID: boxID, operations))))
  }

  func hello(acknowledged: Int = 0, last: Position = .start, source: EntrySource? = nil) throws -> HelloReply {
    try #require(
      HelloReply(try room.run(.hello(id, epoch, acknowledged: acknowledged, last: last, source: source))))
  }

  func beat(boxID: StreamID? = nil) throws -> BeatReply {
    try #require(BeatReply(try room.run(.beat(id, epoch, boxID: boxID))))
  }

  func bye(saying lines: String...) throws -> ByeReply {
    try #require(ByeReply(try room.run(.bye(id, epoch, fence: fence, saying: lines.map { Array($0.utf8) }))))
  }

  /// Has a member known under a name, with the keys of its folding and its look.
  func claim(_ number: UInt64, _ name: String, keys: [String]? = nil, givingUp: [String] = []) -> Operation {
    let person = Person(name: MemberName(bytes: Array(name.utf8)), place: "127.0.0.1:\(number)", joinedAt: 29_000_000)
    return .claim(
      Operation.Claim(
        member: member(number), person: person, keys: keys ?? ["f:\(name)", "l:\(name)"], givenUp: givingUp,
        record: .joined(member(number), person), announcement: Array("* \(name) joined\n".utf8)))
  }
}

extension Operation {
  static func say(_ text: String) -> Operation { .say(line: Array("\(text)\n".utf8), speaker: nil) }
}

extension Position {
  init(_ text: String) throws { self = try #require(Position(parsing: text)) }
}
