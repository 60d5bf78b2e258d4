/// What Tab makes of a word.
package enum Completion: Equatable {
  /// No candidate begins so.
  case none
  /// What to add to the word; `isWhole` says that it is a candidate then, and the only one.
  case adding([UInt8], isWhole: Bool)
  /// There is nothing to add, as these candidates go on in different ways; in order.
  case several([[UInt8]])

  /// Completes `word`, in UTF-8 and whatever its case, as far as all candidates that begin so agree.
  package init(of word: [UInt8], among candidates: some Sequence<[UInt8]>) {
    let beginning = String(decoding: word, as: UTF8.self).unicodeScalars.map(Self.folded)
    var found: [(candidate: [UInt8], rest: ArraySlice<UInt8>)] = []
    for candidate in candidates {
      if let rest = Self.rest(of: candidate, after: beginning) { found.append((candidate, rest)) }
    }
    guard let first = found.first?.rest, !word.isEmpty else {
      self = .none
      return
    }
    var common = first
    for (_, rest) in found.dropFirst() { common = common.prefix(zip(common, rest).prefix { $0 == $1 }.count) }
    // Candidates may differ within one character of several bytes.
    while common.endIndex < first.endIndex, !common.isEmpty, first[common.endIndex] & 0xC0 == 0x80 {
      common.removeLast()
    }
    if found.count > 1 && common.isEmpty {
      self = .several(found.map(\.candidate).sorted { $0.lexicographicallyPrecedes($1) })
    } else {
      self = .adding(Array(common), isWhole: found.count == 1)
    }
  }

  /// What follows in `candidate`; nil where it does not begin so.
  private static func rest(of candidate: [UInt8], after beginning: [String]) -> ArraySlice<UInt8>? {
    var scalars = String(decoding: candidate, as: UTF8.self).unicodeScalars[...]
    for scalar in beginning {
      guard let next = scalars.popFirst(), folded(next) == scalar else { return nil }
    }
    return candidate.suffix(Substring(scalars).utf8.count)
  }

  private static func folded(_ scalar: Unicode.Scalar) -> String { scalar.properties.lowercaseMapping }
}
