import ChatWire

/// How received lines look on a terminal: each name in its colour, own name and mentions marked, notices dim, and the time
/// before each line if it is wanted. It adds colours (ECMA-48 SGR) and the time, and leaves the characters of a line alone.
package struct LineStyle: Sendable {
  package let colours: Bool
  package let timestamps: Bool

  package init(colours: Bool, timestamps: Bool) {
    self.colours = colours
    self.timestamps = timestamps
  }

  /// Whether lines are shown as they are.
  package var isUnstyled: Bool { !colours && !timestamps }

  private static let reset = Array("\u{1B}[0m".utf8)
  private static let dim = Array("\u{1B}[2m".utf8)
  /// Bold and reversed: visible in any theme, and to people who cannot tell colours apart.
  private static let mark = Array("\u{1B}[0;1;7m".utf8)

  /// Red to cyan, each also in bold. They come from the terminal's theme, which makes them readable on its background.
  private static let nameColours = (1...6).flatMap { ["\u{1B}[3\($0)m", "\u{1B}[1;3\($0)m"] }.map { Array($0.utf8) }

  /// A name has the same colour in every session and on every machine (FNV-1a, 32 bits).
  package static func colour(of name: some Sequence<UInt8>) -> [UInt8] {
    let hash = name.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
    // Mixes in the high bits, because the low ones depend mostly on the last byte, in which ports differ.
    return nameColours[Int((hash ^ hash >> 15) % UInt32(nameColours.count))]
  }

  /// Appends `line` and a newline.
  /// - Parameters:
  ///   - time: as `HH:MM`.
  ///   - ownName: is marked wherever it stands as a word.
  package func append(_ line: ServerLine, time: [UInt8], ownName: [UInt8], to output: inout [UInt8]) {
    if timestamps {
      if colours { output += Self.dim }
      output += time
      if colours { output += Self.reset }
      output.append(UInt8(ascii: " "))
    }
    if colours {
      appendColoured(line, ownName, to: &output)
    } else {
      output += line.bytes
    }
    output.append(UInt8(ascii: "\n"))
  }

  private func appendColoured(_ line: ServerLine, _ ownName: [UInt8], to output: inout [UInt8]) {
    switch (line.kind, line.name) {
    case (.notice, _):
      output += Self.dim
      appendMarked(line.bytes, ownName, then: Self.dim, to: &output)
      output += Self.reset
    case (.message, let name?):
      output += name.elementsEqual(ownName) ? Self.mark : Self.colour(of: name)
      output += name
      output += Self.reset
      output += ": ".utf8
      appendMarked(line.text, ownName, then: [], to: &output)
    default:
      appendMarked(line.bytes, ownName, then: [], to: &output)
    }
  }

  private func appendMarked(
    _ text: ArraySlice<UInt8>, _ ownName: [UInt8], then style: [UInt8], to output: inout [UInt8]
  ) {
    var rest = text
    while let mention = Mention.first(of: ownName, in: rest, within: text) {
      output += rest[..<mention.lowerBound]
      output += Self.mark
      output += rest[mention]
      output += Self.reset
      output += style
      rest = rest[mention.upperBound...]
    }
    output += rest
  }
}
