import ChatWire

/// How received lines look on a terminal: each name in its colour, own name and mentions marked, private lines with an
/// underlined tag, the text of actions in italics, notices and earlier lines dim, and the time before each line if it is wanted. It adds colours (ECMA-48 SGR) and the time, and leaves the characters of a line alone.
package struct LineStyle: Sendable {
  /// Nil for no colours.
  package let palette: Palette?
  package let hasTimes: Bool

  package init(palette: Palette?, hasTimes: Bool) {
    self.palette = palette
    self.hasTimes = hasTimes
  }

  /// Whether lines are shown as they are.
  package var isUnstyled: Bool { palette == nil && !hasTimes }

  static let reset = Array("\u{1B}[0m".utf8)
  private static let bold = Array("\u{1B}[1m".utf8)
  private static let italic = Array("\u{1B}[3m".utf8)
  /// Bold and underlined, for the tag of private lines: visible in any theme.
  private static let privateTag = Array("\u{1B}[1;4m".utf8)
  /// Bold and reversed: visible in any theme, and to people who cannot tell colours apart.
  private static let mark = Array("\u{1B}[0;1;7m".utf8)

  /// Appends `line` and a newline.
  /// - Parameters:
  ///   - time: as `HH:MM`.
  ///   - ownName: is marked wherever it stands as a word.
  package func append(_ line: ServerLine, time: [UInt8], ownName: [UInt8], to output: inout [UInt8]) {
    if hasTimes { output += stamp(time).bytes }
    if let palette {
      append(line, ownName, in: palette, to: &output)
    } else {
      output += line.bytes
    }
    output.append(UInt8(ascii: "\n"))
  }

  /// What stands before a line: its time, less prominent than the line.
  package func stamp(_ time: [UInt8]) -> StyledText {
    var text = dim(time)
    text.append([UInt8(ascii: " ")])
    return text
  }

  /// Text that is less important than what people say now.
  package func dim(_ text: [UInt8]) -> StyledText {
    guard let palette else { return StyledText(text) }
    var styled = StyledText()
    styled.append(style: palette.dim)
    styled.append(text)
    styled.append(style: Self.reset)
    return styled
  }

  private func append(
    _ line: ServerLine, _ ownName: [UInt8], in palette: Palette, to output: inout [UInt8]
  ) {
    switch line.kind {
    case .notice:
      output += palette.dim
      appendMarked(line.bytes, ownName, then: palette.dim, to: &output)
      output += Self.reset
    case .earlier:
      // Without colours and marks within it, because nothing of it happens now.
      output += palette.dim + line.bytes + Self.reset
    case .message:
      if let name = line.name { append(name, ownName, in: palette, ending: ": ", to: &output) }
      appendMarked(line.text, ownName, then: [], to: &output)
    case .privateLine:
      append(tag: Self.privateTag, of: line, to: &output)
      output += Self.bold
      if let name = line.name { append(name, ownName, in: palette, ending: ": ", to: &output) }
      appendMarked(line.text, ownName, then: [], to: &output)
    case .action:
      append(tag: palette.dim, of: line, to: &output)
      if let name = line.name { append(name, ownName, in: palette, ending: " ", to: &output) }
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

  private func append(
    _ name: ArraySlice<UInt8>, _ ownName: [UInt8], in palette: Palette, ending: String, to output: inout [UInt8]
  ) {
    output += name.elementsEqual(ownName) ? Self.mark : palette.colour(of: name)
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
