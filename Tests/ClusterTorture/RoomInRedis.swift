import ChatRedis
import TestSupport

/// What Redis has of a room's stream.
struct RoomInRedis {
  /// All lines said in it, in order, as they are on the wire, without the servers' own.
  private(set) var lines: [UInt8] = []
  private(set) var lineCount = 0
  private(set) var entryCount = 0
  /// Whether the beginning was trimmed off.
  private(set) var isTrimmed = false

  /// Reads all of it, and checks that each entry's id is what was said up to its end.
  init(_ redis: RedisServer) throws {
    let client = try RedisClient(redis)
    let key = RoomKeys(room: ClusterUnderTest.room).log
    var last: Position?
    while true {
      let start = last.map { "(\($0)" } ?? "-"
      guard let entries = try client.call("XRANGE", key, start, "+", "COUNT", "500").elements else {
        throw TestFailure("the room's stream cannot be read")
      }
      if entries.isEmpty { return }
      for entry in entries { last = try take(entry, after: last) }
    }
  }

  private mutating func take(_ entry: Reply, after last: Position?) throws -> Position {
    guard let parts = entry.elements, parts.count == 2, let position = parts[0].text.flatMap({ Position(parsing: $0) }),
      let fields = parts[1].elements, fields.count == 4, let body = fields[3].bytes
    else { throw TestFailure("the room's stream has an entry that is none: \(entry)") }
    var said = 0
    for line in body.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() where line.first != 0 {
      said += 1
      if line.starts(with: "* ".utf8) { continue }
      lines += line
      lines.append(0x0A)
      lineCount += 1
    }
    let start = Position(bytes: position.bytes - body.count, lines: position.lines - said)
    if let last {
      guard start == last else { throw TestFailure("the entry \(position) does not begin at \(last)") }
    } else {
      isTrimmed = start != .start
    }
    entryCount += 1
    return position
  }

  /// Compares it with what everybody has heard.
  func check(against ledger: Ledger) throws {
    let heard = ledger.heardStream
    let isSame = isTrimmed ? heard.suffix(lines.count).elementsEqual(lines) : heard == lines
    guard isSame else {
      let length = min(heard.count, lines.count)
      let place = (0..<length).first { heard[$0] != lines[$0] } ?? length
      throw TestFailure(
        "Redis has \(lines.count) bytes, and \(heard.count) were heard; at \(place) Redis has "
          + "\(shown(lines[place...].prefix(100))), and \(shown(heard[place...].prefix(100))) was heard")
    }
  }
}
