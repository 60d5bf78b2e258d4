import ChatWire

/// The connections by token. A slot is used again under a new generation, so an old token finds nothing.
struct ConnectionTable {
  private var entries: [Connection?] = []
  private var generations: [UInt32] = []
  private var free: [UInt32] = []
  private(set) var count = 0

  subscript(token: Token) -> Connection? {
    let slot = Int(token.slot)
    return slot < entries.count && generations[slot] == token.generation ? entries[slot] : nil
  }

  /// A token for a connection that is about to be inserted.
  mutating func nextToken() -> Token {
    if let slot = free.popLast() { return Token(slot: slot, generation: generations[Int(slot)]) }
    entries.append(nil)
    generations.append(0)
    return Token(slot: UInt32(entries.count - 1), generation: 0)
  }

  mutating func insert(_ connection: Connection) {
    entries[Int(connection.token.slot)] = connection
    count += 1
  }

  mutating func remove(_ token: Token) {
    let slot = Int(token.slot)
    guard self[token] != nil else { return }
    entries[slot] = nil
    generations[slot] &+= 1
    free.append(token.slot)
    count -= 1
  }

  /// All connections, as they are now.
  var all: [Connection] { entries.compactMap(\.self) }

  /// For walks during which connections come and go: the number of slots, and the connection in one.
  var slotCount: Int { entries.count }
  subscript(slot slot: Int) -> Connection? { entries[slot] }
}

/// The slots; who is in them is handed over by itself.
extension ConnectionTable: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (generations, free) = (try reader.read(), try reader.read())
    entries = Array(repeating: nil, count: generations.count)
    guard Set(free).count == free.count, free.allSatisfy({ $0 < UInt32(generations.count) }) else {
      throw .impossible("a free place is taken")
    }
  }

  func write(to writer: inout StateWriter) { writer.write(generations, free) }

  /// Whether this token may be inserted: its slot is nobody's.
  func hasPlace(for token: Token) -> Bool {
    let slot = Int(token.slot)
    return slot < entries.count && entries[slot] == nil && generations[slot] == token.generation
  }
}
