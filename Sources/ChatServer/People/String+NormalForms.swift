// The standard library has the normal forms of Unicode (Unicode Standard Annex #15), but not yet as public functions.
@_spi(_Unicode) import Swift

extension String {
  /// Normalization Form C: composed where Unicode allows it. Canonically equal strings have the same bytes in it.
  var composed: String { String(String.UnicodeScalarView(_nfc)) }

  /// Normalization Form D: each letter without its marks, and then these.
  var decomposed: String { String(String.UnicodeScalarView(_nfd)) }
}
