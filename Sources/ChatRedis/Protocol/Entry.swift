import ChatWire

/// An entry of the room's stream: what one server said in a turn, in the order in which everybody hears it.
package struct Entry: Equatable, Sendable {
  /// What has been said up to its end.
  package let position: Position
  package let server: ServerID
  /// Its turn, counted from 1 for each server.
  package let sequence: Int
  /// Whole lines, each with its newline: what is said, and records.
  package let body: [UInt8]

  /// Bytes of an entry's body at most.
  package static let maximumBytes = 16 << 10
  /// Bytes that one line has at most, its newline counted: more than any server says.
  package static let maximumLineBytes = 12 << 10

  package enum Part: Equatable {
    /// With its newline.
    case line(ArraySlice<UInt8>)
    case record(Record)
  }

  /// Lines said in it.
  package let lineCount: Int
  /// Where it begins.
  package var start: Position { Position(bytes: position.bytes - body.count, lines: position.lines - lineCount) }

  /// Checks what somebody else may have written.
  /// - Parameters:
  ///   - source: as it stands in the field `s`: `EPOCH:SERVER:SEQUENCE`.
  ///   - epoch: the history that it has to belong to.
  package init(position: Position, source: String, body: [UInt8], in epoch: Epoch) throws(EntryError) {
    guard let written = EntrySource(parsing: source) else {
      throw .foreign(
        "its source is '\(String(decoding: SafeText.made(from: Array(source.utf8.prefix(64))), as: UTF8.self))'")
    }
    guard written.epoch == epoch else { throw .otherEpoch }
    guard body.last == UInt8(ascii: "\n") else { throw .foreign("it does not end with a newline") }
    guard body.count <= 4 * Self.maximumBytes else { throw .foreign("it has \(body.count) bytes") }
    var lines = 0
    var start = body.startIndex
    while let end = body[start...].firstIndex(of: UInt8(ascii: "\n")) {
      let line = body[start..<end]
      start = end + 1
      guard line.count < Self.maximumLineBytes else { throw .foreign("a line of it has \(line.count) bytes") }
      let isRecord = line.first == Record.marker
      guard Self.isSafe(isRecord ? line.dropFirst() : line) else { throw .foreign("a line of it is not safe to show") }
      if isRecord {
        guard Record(parsing: line) != nil else { throw .foreign("a record of it is unknown") }
      } else {
        lines += 1
      }
    }
    guard lines <= position.lines, body.count <= position.bytes else { throw .foreign("its id is too small") }
    self.position = position
    server = written.server
    sequence = written.sequence
    self.body = body
    lineCount = lines
  }

  private static func isSafe(_ line: ArraySlice<UInt8>) -> Bool {
    line.withUnsafeBufferPointer { SafeText.plainPrefix($0.span) } == line.count
      || SafeText.made(from: Array(line)) == Array(line)
  }

  /// Hands out its lines and records in order.
  package func forEachPart(_ take: (Part) -> Void) {
    var start = body.startIndex
    while let end = body[start...].firstIndex(of: UInt8(ascii: "\n")) {
      if body[start] == Record.marker {
        // Checked when the entry was made.
        if let record = Record(parsing: body[start..<end]) { take(.record(record)) }
      } else {
        take(.line(body[start...end]))
      }
      start = end + 1
    }
  }
}

/// Why an entry of the stream is none of this room's.
package enum EntryError: Error, Equatable {
  /// It belongs to another history: Redis has lost this one.
  case otherEpoch
  /// No server of ours wrote it. The text says what is wrong with it.
  case foreign(String)
}

extension Entry: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    (position, server) = (try reader.read(), try reader.read())
    (sequence, body, lineCount) = (try reader.read(), try reader.read(), try reader.read())
    guard body.last == UInt8(ascii: "\n") else { throw .impossible("an entry of the room does not end with a newline") }
  }

  package func write(to writer: inout StateWriter) { writer.write(position, server, sequence, body, lineCount) }
}
