import ChatWire

/// A letter's place in a server's box: an id as Redis makes them, `MILLISECONDS-NUMBER`.
package struct StreamID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var milliseconds: UInt64
  package var number: UInt64

  /// Before every letter.
  package static let start = StreamID(milliseconds: 0, number: 0)

  package init(milliseconds: UInt64, number: UInt64) {
    self.milliseconds = milliseconds
    self.number = number
  }

  package init?(parsing text: some StringProtocol) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let milliseconds = UInt64(parts[0]), let number = UInt64(parts[1]) else { return nil }
    self.init(milliseconds: milliseconds, number: number)
  }

  package var description: String { "\(milliseconds)-\(number)" }

  /// The least id after this one.
  var successor: StreamID {
    number < .max
      ? StreamID(milliseconds: milliseconds, number: number + 1)
      : StreamID(milliseconds: milliseconds &+ 1, number: 0)
  }

  package static func < (left: StreamID, right: StreamID) -> Bool {
    (left.milliseconds, left.number) < (right.milliseconds, right.number)
  }
}

extension StreamID: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) {
    self.init(milliseconds: try reader.read(), number: try reader.read())
  }

  package func write(to writer: inout StateWriter) { writer.write(milliseconds, number) }
}
