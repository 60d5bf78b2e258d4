import ChatWire

/// A name that stands in a text as a word of its own. Whoever has several connections of a login is meant by each of their names:
/// `alice/2` by `alice` too, and the other way round.
enum Mention {
  static func isIn(_ text: ArraySlice<UInt8>, of name: [UInt8]) -> Bool {
    first(of: name, in: text, within: text) != nil
  }

  /// The first place of `name` in `rest`, which is the end of `text`.
  static func first(of name: [UInt8], in rest: ArraySlice<UInt8>, within text: ArraySlice<UInt8>) -> Range<Int>? {
    let name = name.prefix { $0 != MemberName.countMark }
    guard let initial = name.first else { return nil }
    var start = rest.startIndex
    while rest.endIndex - start >= name.count {
      guard let found = rest[start..<rest.endIndex - name.count + 1].firstIndex(of: initial) else { return nil }
      let end = found + name.count
      let isWord =
        (found == text.startIndex || !isWordByte(text[found - 1])) && (end == text.endIndex || !isWordByte(text[end]))
      if isWord && rest[found..<end].elementsEqual(name) {
        return found..<end + MemberName.countLength(rest[end...])
      }
      start = found + 1
    }
    return nil
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"), 0x80...:
      true
    default: false
    }
  }
}
