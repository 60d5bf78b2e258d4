import ChatWire

/// What stands before the line that is typed (`--prompt`), with the person's name and looks in it, as zsh writes them:
///
///     %n                   the name by which the server knows the person; nothing where that is not known
///     %F{green} %F{208}    that colour from here on, and %f the terminal's own
///     %B, %b               bold, and no longer
///     %%                   a percent sign
///
/// Any other `%` stands for itself.
package struct Prompt: Equatable, Sendable {
  private enum Part: Equatable {
    case text([UInt8])
    case name
    case style([UInt8])
  }

  package struct ColourError: Error, CustomStringConvertible {
    let name: String
    package var description: String {
      "--prompt: '%F{\(name)}' is no colour; take \(Prompt.colours.joined(separator: ", ")), or a number from 0 to 255."
    }
  }

  private static let colours = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"]

  private var parts: [Part] = []

  package init() {}

  package init(parsing text: String) throws(ColourError) {
    var rest = text[...]
    while !rest.isEmpty {
      let plain = rest.prefix { $0 != "%" }
      append(plain)
      rest = rest[plain.endIndex...]
      guard let word = rest.prefix(2).dropFirst().first else {
        append(rest)
        return
      }
      rest = rest.dropFirst(2)
      switch word {
      case "n": parts.append(.name)
      case "%": append("%")
      case "f": append(style: "39")
      case "B": append(style: "1")
      case "b": append(style: "22")
      case "F":
        guard rest.first == "{", let end = rest.firstIndex(of: "}") else {
          append("%F")
          continue
        }
        append(style: try Self.code(ofColour: String(rest[..<end].dropFirst())))
        rest = rest[rest.index(after: end)...]
      default: append("%\(word)")
      }
    }
  }

  private mutating func append(_ text: some StringProtocol) {
    if !text.isEmpty { parts.append(.text(SafeText.made(from: Array(text.utf8)))) }
  }

  private mutating func append(style code: String) { parts.append(.style(Array("\u{1B}[\(code)m".utf8))) }

  private static func code(ofColour name: String) throws(ColourError) -> String {
    if let index = colours.firstIndex(of: name) { return String(30 + index) }
    guard let number = UInt8(name), name == String(number) else { throw ColourError(name: name) }
    return "38;5;\(number)"
  }

  /// - Parameters:
  ///   - name: safe to show; empty where it is not known.
  ///   - isStyled: whether it may have looks.
  package func text(name: [UInt8], isStyled: Bool) -> StyledText {
    var text = StyledText()
    var hasStyle = false
    for part in parts {
      switch part {
      case .text(let bytes): text.append(bytes)
      case .name: text.append(name)
      case .style(let sequence) where isStyled:
        text.append(style: sequence)
        hasStyle = true
      case .style: break
      }
    }
    if hasStyle { text.append(style: LineStyle.reset) }
    return text
  }
}
