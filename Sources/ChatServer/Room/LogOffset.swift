import ChatWire

/// A place in the stream of all bytes ever said in a room, in bytes from its first. It never wraps.
package struct LogOffset: Comparable, Hashable, Sendable {
  package var bytes: Int

  package init(_ bytes: Int) { self.bytes = bytes }

  /// Behind every byte that will ever be said.
  static let never = LogOffset(.max)

  package static func < (left: Self, right: Self) -> Bool { left.bytes < right.bytes }
  static func + (offset: Self, count: Int) -> Self { LogOffset(offset.bytes + count) }
  static func - (left: Self, right: Self) -> Int { left.bytes - right.bytes }
}

extension LogOffset: StateCoded {
  package init(from reader: inout StateReader) throws(StateError) { self.init(try reader.read()) }
  package func write(to writer: inout StateWriter) { writer.write(bytes) }
}
