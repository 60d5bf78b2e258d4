import ChatWire

/// How much has been said in a room since its history began: the id of a stream's entry, `BYTES-LINES`.
///
/// Bytes count the bodies of all entries, lines only what is said. So the ids grow with each entry, and what lies between two
/// of them is known to the line even where the entries are gone.
package struct Position: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var bytes: Int
  package var lines: Int

  package init(bytes: Int, lines: Int) {
    self.bytes = bytes
    self.lines = lines
  }

  package static let start = Position(bytes: 0, lines: 0)

  /// - Parameter text: as Redis writes an id; nil for anything else.
  package init?(parsing text: some StringProtocol) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let bytes = Int(parts[0]), let lines = Int(parts[1]), bytes >= 0, lines >= 0 else {
      return nil
    }
    self.init(bytes: bytes, lines: lines)
  }

  package var description: String { "\(bytes)-\(lines)" }

  package static func < (left: Position, right: Position) -> Bool {
    (left.bytes, left.lines) < (right.bytes, right.lines)
  }
}

extension Position: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    self.init(bytes: try reader.read(), lines: try reader.read())
  }

  package func write(to writer: inout StateWriter) { writer.write(bytes, lines) }
}
