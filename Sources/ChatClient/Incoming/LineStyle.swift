import ChatWire

/// How received lines look on a terminal: each name in its colour, own name and mentions marked, private lines with an
/// underlined tag, the text of actions in italics, notices and earlier lines dim, and the time before each line if it is wanted. It adds colours (ECMA-48 SGR) and the time, and leaves the characters of a line alone.
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
  private static let bold = Array("\u{1B}[1m".utf8)
  private static let dim = Array("\u{1B}[2m".utf8)
  private static let italic = Array("\u{1B}[3m".utf8)
  /// Bold and underlined, for the tag of private lines: visible in any theme.
  private static let privateTag = Array("\u{1B}[1;4m".utf8)
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
    switch line.kind {
    case .notice:
      output += Self.dim
      appendMarked(line.bytes, ownName, then: Self.dim, to: &output)
      output += Self.reset
    case .earlier:
      // Without colours and marks within it, because nothing of it happens now.
      output += Self.dim + line.bytes + Self.reset
    case .message:
      if let name = line.name { append(name, ownName, ending: ": ", to: &output) }
      appendMarked(line.text, ownName, then: [], to: &output)
    case .privateLine:
      append(tag: Self.privateTag, of: line, to: &output)
      output += Self.bold
      if let name = line.name { append(name, ownName, ending: ": ", to: &output) }
      appendMarked(line.text, ownName, then: [], to: &output)
    case .action:
      append(tag: Self.dim, of: line, to: &output)
      if let name = line.name { append(name, ownName, ending: " ", to: &output) }
      output += Self.italic
      appendMarked(line.text, ownName, then: Self.italic, to: &output)
      output += Self.reset
    }
  }

  /// Appends what stands before the name of `line` but the space.
  private func append(tag style: [UInt8], of line: ServerLine, to output: inout [UInt8]) {
    guard let name = line.name else { return }
    output += style + line.bytes[..<(name.startIndex - 1)] + Self.reset
    output.append(UInt8(ascii: " "))
  }

  private func append(_ name: ArraySlice<UInt8>, _ ownName: [UInt8], ending: String, to output: inout [UInt8]) {
    output += name.elementsEqual(ownName) ? Self.mark : Self.colour(of: name)
    output += name
    output += Self.reset
    output += ending.utf8
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
