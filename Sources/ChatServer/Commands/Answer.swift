import ChatWire

/// An answer of any length, made piece by piece as its reader takes it.
enum Answer {
  case roster(RosterAnswer)
  case earlier(EarlierLines)
  /// The bans that are not listed yet.
  case bans(ArraySlice<Ban>)
  /// Nothing is left to say; the reader is only waited for.
  case nothing

  /// Bytes of a piece, about.
  static let pieceBytes = 4 << 10
}

extension Answer: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .nothing
    case 1: self = .roster(try reader.read())
    case 2: self = .earlier(try reader.read())
    case 3: self = .bans(try reader.read([Ban].self)[...])
    case let tag: throw reader.unknown(tag, "kind of answer")
    }
  }

  func write(to writer: inout StateWriter) {
    switch self {
    case .nothing: writer.write(UInt8(0))
    case .roster(let roster): writer.write(UInt8(1), roster)
    case .earlier(let lines): writer.write(UInt8(2), lines)
    case .bans(let bans): writer.write(UInt8(3), Array(bans))
    }
  }
}
