/// For how long a ban or a mute holds, as people write it: a number and `s`, `m`, `h`, `d` or `w`.
package struct Term: Equatable, Sendable, CustomStringConvertible {
  /// At least 1.
  package let seconds: Int

  /// The units from the longest on, with their seconds.
  private static let units: [(letter: Character, seconds: Int)] = [
    ("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1),
  ]
  package static let maximumSeconds = 3660 * 86_400

  package init(seconds: Int) { self.seconds = seconds }

  /// Reads a term, as in `10m`.
  /// - Returns: nil if `word` has not the form of one.
  package static func parse(_ word: String) throws(TermError) -> Term? {
    let digits = word.dropLast()
    guard let letter = word.last, let unit = units.first(where: { $0.letter == letter }), !digits.isEmpty,
      digits.utf8.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    guard let number = Int(digits), number <= maximumSeconds / unit.seconds else { throw .tooLong }
    guard number > 0 else { throw .zero }
    return Term(seconds: number * unit.seconds)
  }

  /// In the largest unit that it is a whole number of, as in `2 h`.
  package var description: String {
    for unit in Self.units where seconds % unit.seconds == 0 { return "\(seconds / unit.seconds) \(unit.letter)" }
    return "\(seconds) s"
  }
}

/// A term that nothing can hold for.
package enum TermError: Error, CustomStringConvertible {
  case zero, tooLong

  package var description: String {
    switch self {
    case .zero: "That is no time at all. Write a time as 30s, 10m, 2h, 7d or 2w."
    case .tooLong: "That is longer than ten years. Leave the time out for ever."
    }
  }
}
