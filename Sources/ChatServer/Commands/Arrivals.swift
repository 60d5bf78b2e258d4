import ChatWire

/// Who came and who went, gathered for a moment, so that a burst is told in one line each. Whoever came and went within it is
/// not told of.
struct Arrivals {
  /// Names that one line has at most; the others are counted.
  private static let maximumNames = 10

  private var joined: [Token] = []
  private var left: [MemberName] = []
  /// Beyond those in `left`.
  private var othersLeft = 0

  var isEmpty: Bool { joined.isEmpty && left.isEmpty }

  mutating func noteJoined(_ token: Token) { joined.append(token) }

  mutating func noteLeft(_ token: Token?, _ name: MemberName) {
    if let index = joined.firstIndex(where: { $0 == token }) {
      joined.remove(at: index)
    } else if left.count < Self.maximumNames {
      left.append(name)
    } else {
      othersLeft += 1
    }
  }

  /// What to tell everybody.
  mutating func take(name: (Token) -> MemberName) -> [Notice] {
    defer { self = Arrivals() }
    var notices: [Notice] = []
    if !left.isEmpty { notices.append(.left(left, others: othersLeft)) }
    if !joined.isEmpty {
      let named = joined.prefix(Self.maximumNames)
      notices.append(.joined(named.map(name), others: joined.count - named.count))
    }
    return notices
  }
}

extension Arrivals: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (joined, left, othersLeft) = (try reader.read(), try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) { writer.write(joined, left, othersLeft) }
}
