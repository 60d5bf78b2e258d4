import ChatWire

/// One run of a server. It takes a new one at each start, so that nothing of an earlier run is taken for its own.
package struct ServerID: Hashable, Sendable, CustomStringConvertible {
  /// Eight hexadecimal digits.
  package let description: String

  package init?(parsing text: some StringProtocol) {
    guard text.utf8.count == 8, text.utf8.allSatisfy(Hexadecimal.isDigit) else { return nil }
    description = String(text)
  }

  private init(_ text: String) { description = text }

  package static func random() -> ServerID {
    let id = ServerID(Hexadecimal.random())
    return id == .script ? random() : id
  }

  /// The source of what the script itself writes: that a server has gone. No server has this id, so none takes such an entry for
  /// a turn of its own, and the sequence of the server that has gone stays as it is.
  package static let script = ServerID("00000000")
}

/// One history of a room. Redis that loses what it had begins another one.
package struct Epoch: Hashable, Sendable, CustomStringConvertible {
  /// Eight hexadecimal digits.
  package let description: String

  package init?(parsing text: some StringProtocol) {
    guard text.utf8.count == 8, text.utf8.allSatisfy(Hexadecimal.isDigit) else { return nil }
    description = String(text)
  }

  private init(_ text: String) { description = text }

  package static func random() -> Epoch { Epoch(Hexadecimal.random()) }
}

/// A member of the room, on whichever server: `SERVER.NUMBER`.
package struct MemberID: Hashable, Sendable, CustomStringConvertible {
  package let server: ServerID
  /// What its server calls it; never used again there.
  package let number: UInt64

  package init(server: ServerID, number: UInt64) {
    self.server = server
    self.number = number
  }

  package init?(parsing text: some StringProtocol) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let server = ServerID(parsing: parts[0]), let number = UInt64(parts[1], radix: 16) else {
      return nil
    }
    self.init(server: server, number: number)
  }

  package var description: String { "\(server).\(String(number, radix: 16))" }
}

/// What the room knows of a member.
package struct Person: Hashable, Sendable {
  package var name: MemberName
  /// Where it comes from, as `127.0.0.1:54321`.
  package var place: String
  /// When it came, in minutes since 1970, UTC.
  package var joinedAt: Int32

  package init(name: MemberName, place: String, joinedAt: Int32) {
    self.name = name
    self.place = place
    self.joinedAt = joinedAt
  }
}

private enum Hexadecimal {
  static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }

  static func random() -> String {
    let digits = String(UInt32.random(in: 0...UInt32.max), radix: 16)
    return String(repeating: "0", count: 8 - digits.utf8.count) + digits
  }
}

extension ServerID: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    guard let id = ServerID(parsing: try reader.read(String.self)) else {
      throw .impossible("no server has such an id")
    }
    self = id
  }

  package func write(to writer: inout StateWriter) { writer.write(description) }
}

extension Epoch: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    guard let epoch = Epoch(parsing: try reader.read(String.self)) else { throw .impossible("no epoch is called so") }
    self = epoch
  }

  package func write(to writer: inout StateWriter) { writer.write(description) }
}

extension MemberID: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    self.init(server: try reader.read(), number: try reader.read())
  }

  package func write(to writer: inout StateWriter) { writer.write(server, number) }
}

extension Person: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    self.init(name: try reader.read(), place: try reader.read(), joinedAt: try reader.read())
  }

  package func write(to writer: inout StateWriter) { writer.write(name, place, joinedAt) }
}
