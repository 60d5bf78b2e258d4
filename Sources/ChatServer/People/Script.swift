/// What a letter, a digit or a mark is written in; a name keeps to one. The standard library does not know Unicode's property
/// Script, so this is a table of the scripts that have more or less than one block of 128 code points.
///
/// Elsewhere such a block counts as a script, which is right for those of India from Devanagari to Sinhala, for Thai, Lao and
/// Khmer, and keeps rarer ones from being mixed with others.
enum Script: Equatable {
  case latin, greek, cyrillic, armenian, hebrew, arabic, syriac, thaana, nko, tibetan, myanmar, georgian, hangul,
    ethiopic
  case canadian, mongolian, yi
  /// Chinese and Japanese: Han, both Kana and Bopomofo, which are written together.
  case eastAsian
  /// The code points from 128 times this number on.
  case block(UInt32)

  /// Nil for what is used with every script: the digits of ASCII, and the marks of Latin, Greek and Cyrillic. Marks that
  /// reach over the next character (U+035C to U+0362) are not among these, so that none covers the colon behind a name.
  init?(of scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0x0000...0x0040, 0x0300...0x035B: return nil
    case 0x0041...0x02FF, 0x1E00...0x1EFF, 0x2C60...0x2C7F: self = .latin
    case 0x0370...0x03FF, 0x1F00...0x1FFF: self = .greek
    case 0x0400...0x052F, 0x1C80...0x1C8F, 0xA640...0xA69F: self = .cyrillic
    case 0x0530...0x058F: self = .armenian
    case 0x0590...0x05FF: self = .hebrew
    case 0x0600...0x06FF, 0x0750...0x077F, 0x0870...0x08FF: self = .arabic
    case 0x0700...0x074F, 0x0860...0x086F: self = .syriac
    case 0x0780...0x07BF: self = .thaana
    case 0x07C0...0x07FF: self = .nko
    case 0x0F00...0x0FFF: self = .tibetan
    case 0x1000...0x109F, 0xA9E0...0xA9FF, 0xAA60...0xAA7F: self = .myanmar
    case 0x10A0...0x10FF, 0x1C90...0x1CBF, 0x2D00...0x2D2F: self = .georgian
    case 0x1100...0x11FF, 0xA960...0xA97F, 0xAC00...0xD7FF: self = .hangul
    case 0x1200...0x139F, 0x2D80...0x2DDF, 0xAB00...0xAB2F: self = .ethiopic
    case 0x1400...0x167F, 0x18B0...0x18FF: self = .canadian
    case 0x1800...0x18AF: self = .mongolian
    case 0xA000...0xA4CF: self = .yi
    case 0x3005...0x3007, 0x3040...0x312F, 0x31A0...0x31FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF,
      0x20000...0x3FFFF:
      self = .eastAsian
    default: self = .block(scalar.value / 128)
    }
  }
}
