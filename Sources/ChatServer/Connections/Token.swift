import ChatWire

/// Names one connection for as long as the server runs: a slot that is used again, and how often it has been.
///
/// What the kernel reports for a connection that has gone meanwhile carries an old generation and is dropped.
struct Token: Hashable, Sendable {
  var slot: UInt32
  var generation: UInt32

  init(slot: UInt32, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }

  /// The first slot of those that stand for members of other servers. They have no connection.
  static let firstRemoteSlot: UInt32 = 1 << 31
  var isRemote: Bool { slot >= Self.firstRemoteSlot }
  /// The slot, counted from 0 among those of its kind.
  var slotIndex: Int { Int(slot & ~Self.firstRemoteSlot) }

  init(bits: UInt64) { self.init(slot: UInt32(truncatingIfNeeded: bits), generation: UInt32(bits >> 32)) }
  var bits: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}

extension Token: StateCoded {
  init(from reader: inout StateReader) throws(StateError) { self.init(bits: try reader.read()) }
  func write(to writer: inout StateWriter) { writer.write(bits) }
}
