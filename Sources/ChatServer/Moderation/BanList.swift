import ChatWire

/// All bans, in the order in which they were decided. A copy is a snapshot, and costs nothing until one of the two changes.
struct BanList: Equatable, Sendable {
  /// As many as an address is compared with in some hundred microseconds.
  static let capacity = 10_000

  private(set) var bans: [Ban]

  /// - Parameter bans: at most `capacity`.
  init(_ bans: [Ban] = []) { self.bans = bans }

  /// Adds a ban, in the place of an earlier one of the same target.
  /// - Returns: false if there is no place, even without those that are over by `now`.
  mutating func add(_ ban: Ban, at now: WallTime) -> Bool {
    bans.removeAll { $0.isOver(at: now) || Self.isSame($0.target, ban.target) }
    guard bans.count < Self.capacity else { return false }
    bans.append(ban)
    return true
  }

  /// Whether there is a place for a ban of this target.
  func hasPlace(for target: Ban.Target, at now: WallTime) -> Bool {
    bans.count < Self.capacity || bans.contains { $0.isOver(at: now) || Self.isSame($0.target, target) }
  }

  /// The bans of a target that still hold.
  func bans(of target: Ban.Target, at now: WallTime) -> [Ban] {
    bans.filter { !$0.isOver(at: now) && Self.isSame($0.target, target) }
  }

  /// Removes the ban of a target, and returns it: of several, which a hand has written, the last; nil if there is none that still holds.
  mutating func remove(_ target: Ban.Target, at now: WallTime) -> Ban? {
    bans.removeAll { $0.isOver(at: now) }
    let ban = bans.last { Self.isSame($0.target, target) }
    if ban != nil { bans.removeAll { Self.isSame($0.target, target) } }
    return ban
  }

  /// The ban that keeps a peer out for its address; nil if there is none.
  func ban(of peer: SocketAddress, at now: WallTime) -> Ban? {
    if bans.isEmpty { return nil }
    let bytes = peer.hostBytes
    return bans.first {
      guard case .address(let range) = $0.target else { return false }
      return range.contains(hostBytes: bytes) && !$0.isOver(at: now)
    }
  }

  /// The ban that keeps anybody from having a name; nil if there is none.
  func ban(of name: NameKey, at now: WallTime) -> Ban? {
    bans.first {
      guard case .name(let banned) = $0.target else { return false }
      return banned.matches(name) && !$0.isOver(at: now)
    }
  }

  /// Those that hold at `now`, in order.
  func holding(at now: WallTime) -> [Ban] { bans.filter { !$0.isOver(at: now) } }

  private static func isSame(_ left: Ban.Target, _ right: Ban.Target) -> Bool {
    switch (left, right) {
    case (.name(let left), .name(let right)): left.matches(right)
    case (.address(let left), .address(let right)): left == right
    default: false
    }
  }
}

extension BanList: StateCoded {
  init(from reader: inout StateReader) throws(StateError) { self.init(try reader.read()) }
  func write(to writer: inout StateWriter) { writer.write(bans) }
}
