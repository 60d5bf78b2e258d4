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
