import ChatWire

/// The default names that a member may get, the best first: its number or its login, and then the same with a count.
struct DefaultNames: Equatable {
  private let base: MemberName
  /// What stands before the count.
  private let mark: UInt8
  var first: MemberName { base }
  /// How many were tried.
  private(set) var count = 0

  init(_ base: MemberName) {
    self.base = base
    mark = UInt8(ascii: "-")
  }

  init(_ login: Login) {
    base = login.name
    mark = MemberName.countMark
  }

  /// Those for a member whose default name has become another's.
  /// - Parameter name: with or without a count, such as `54321-2`.
  init(replacing name: MemberName) {
    let parts = name.bytes.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    let isCounted =
      parts.count == 2
      && parts.allSatisfy { $0.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) }
    self.init(isCounted ? MemberName(bytes: Array(parts[0])) : name)
  }

  mutating func next() -> MemberName {
    count += 1
    return count == 1 ? base : MemberName(bytes: base.bytes + [mark] + "\(count)".utf8)
  }

  /// Passes over those with a smaller count, which are known not to be free; the first one has the count 1.
  mutating func skip(to count: Int) { self.count = max(self.count, count - 1) }

  /// The login and the count of a default name such as `alice` or `alice/2`.
  static func parts(of name: MemberName) -> (login: MemberName, count: Int) {
    guard let mark = name.bytes.lastIndex(of: MemberName.countMark) else { return (name, 1) }
    let count = Int(String(decoding: name.bytes[(mark + 1)...], as: UTF8.self))
    return (MemberName(bytes: Array(name.bytes[..<mark])), count ?? 1)
  }
}

extension DefaultNames: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (base, mark, count) = (try reader.read(), try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) { writer.write(base, mark, count) }
}
