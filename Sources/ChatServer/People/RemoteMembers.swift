import ChatRedis
import ChatWire

/// The members of other servers, each by a token of its own, so that it is found and named as those of this server are.
struct RemoteMembers {
  struct Entry {
    let id: MemberID
    /// What is known of it; nil for one that is only known to have sent something, because this server has still to read
    /// that it came, or read already that it left.
    var person: Person?
  }

  /// Of those that only sent something, so many are kept.
  static let maximumStrangers = 256

  private var entries: [Entry?] = []
  private var generations: [UInt32] = []
  private var free: [UInt32] = []
  private var tokens: [MemberID: Token] = [:]
  /// Those of which no more than that is known, in order; some may have become known since.
  private var strangers: [Token] = []

  /// How many are in the room.
  private(set) var count = 0

  subscript(token: Token) -> Entry? {
    let index = token.slotIndex
    guard token.isRemote, index < entries.count, generations[index] == token.generation else { return nil }
    return entries[index]
  }

  /// Who is in a slot.
  subscript(slot slot: Int) -> (token: Token, person: Person)? {
    let index = slot - Int(Token.firstRemoteSlot)
    guard entries.indices.contains(index), let person = entries[index]?.person else { return nil }
    return (Token(slot: UInt32(slot), generation: generations[index]), person)
  }

  /// The token of one that is in the room.
  func token(of id: MemberID) -> Token? { tokens[id].flatMap { self[$0]?.person == nil ? nil : $0 } }

  /// Takes one in that has come.
  mutating func join(_ id: MemberID, _ person: Person) -> Token {
    let token = tokens[id] ?? insert(id)
    if entries[token.slotIndex]?.person == nil { count += 1 }
    entries[token.slotIndex]?.person = person
    return token
  }

  mutating func rename(_ token: Token, to name: MemberName) {
    guard self[token] != nil else { return }
    entries[token.slotIndex]?.person?.name = name
  }

  mutating func leave(_ token: Token) {
    guard let entry = self[token] else { return }
    if entry.person != nil { count -= 1 }
    tokens[entry.id] = nil
    entries[token.slotIndex] = nil
    generations[token.slotIndex] &+= 1
    free.append(token.slot)
  }

  /// A token for one that has sent something, in the room or not.
  mutating func sender(_ id: MemberID) -> Token {
    if let token = tokens[id] { return token }
    let token = insert(id)
    strangers.append(token)
    if strangers.count > Self.maximumStrangers {
      let oldest = strangers.removeFirst()
      if let entry = self[oldest], entry.person == nil { leave(oldest) }
    }
    return token
  }

  /// All that are in the room, in the order of their slots.
  var all: some Sequence<(token: Token, person: Person)> {
    entries.indices.lazy.compactMap { index in
      entries[index]?.person.map {
        (Token(slot: Token.firstRemoteSlot + UInt32(index), generation: generations[index]), $0)
      }
    }
  }

  /// The tokens of those that are in the room and fulfil a condition.
  func tokens(where isWanted: (MemberID) -> Bool) -> [Token] {
    entries.indices.compactMap { index in
      guard let entry = entries[index], entry.person != nil, isWanted(entry.id) else { return nil }
      return Token(slot: Token.firstRemoteSlot + UInt32(index), generation: generations[index])
    }
  }

  private mutating func insert(_ id: MemberID) -> Token {
    let token: Token
    if let slot = free.popLast() {
      token = Token(slot: slot, generation: generations[Int(slot & ~Token.firstRemoteSlot)])
    } else {
      token = Token(slot: Token.firstRemoteSlot + UInt32(entries.count), generation: 0)
      entries.append(nil)
      generations.append(0)
    }
    entries[token.slotIndex] = Entry(id: id, person: nil)
    tokens[id] = token
    return token
  }
}

extension Person {
  /// The numeric address that it comes from; nil for a Unix socket.
  var host: String? {
    guard !place.hasPrefix("unix:"), let end = place.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
    let host = place[..<end]
    return host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : String(host)
  }
}

extension RemoteMembers: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (entries, generations) = (try reader.read(), try reader.read())
    (free, tokens, strangers) = (try reader.read(), try reader.read(), try reader.read())
    guard entries.count == generations.count, tokens.values.allSatisfy({ self[$0] != nil }),
      free.allSatisfy({ entries.indices.contains(Token(slot: $0, generation: 0).slotIndex) })
    else { throw .impossible("a member of another server has no place") }
    count = entries.count { $0?.person != nil }
  }

  func write(to writer: inout StateWriter) { writer.write(entries, generations, free, tokens, strangers) }
}

extension RemoteMembers.Entry: StateCoded {
  init(from reader: inout StateReader) throws(StateError) { (id, person) = (try reader.read(), try reader.read()) }
  func write(to writer: inout StateWriter) { writer.write(id, person) }
}
