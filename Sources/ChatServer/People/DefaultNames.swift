import ChatWire

/// The default names that a member may get, the best first: its number, and then the same with a count.
struct DefaultNames: Equatable {
  private let base: MemberName
  var first: MemberName { base }
  /// How many were tried.
  private var count = 0

  init(_ base: MemberName) { self.base = base }

  /// Those for a member whose default name has become another's.
  /// - Parameter name: with or without a count, such as `54321-2`.
  init(replacing name: MemberName) {
    let parts = name.bytes.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    let isCounted =
      parts.count == 2
      && parts.allSatisfy { $0.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) }
    base = isCounted ? MemberName(bytes: Array(parts[0])) : name
  }

  mutating func next() -> MemberName {
    count += 1
    return count == 1 ? base : MemberName(bytes: base.bytes + "-\(count)".utf8)
  }
}

extension DefaultNames: StateCoded {
  init(from reader: inout StateReader) throws(StateError) { (base, count) = (try reader.read(), try reader.read()) }
  func write(to writer: inout StateWriter) { writer.write(base, count) }
}
