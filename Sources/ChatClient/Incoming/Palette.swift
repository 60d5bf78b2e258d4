import Glibc

/// The colours of names, and of what is less important than what people say now (ECMA-48 SGR).
package struct Palette: Sendable {
  private let nameColours: [[UInt8]]
  /// What begins notices and the like.
  let dim: [UInt8]

  private init(names: [String], dim: String) {
    nameColours = names.flatMap { ["\u{1B}[\($0)m", "\u{1B}[1;\($0)m"] }.map { Array($0.utf8) }
    self.dim = Array("\u{1B}[\(dim)m".utf8)
  }

  /// Red to cyan, each also in bold, of the terminal's theme, which may make them readable on its background or not.
  package static let theme = Palette(names: (31...36).map(String.init), dim: "2")

  /// Of the 256 colours of xterm those that no theme changes and that can be read on white and on black, each also in bold.
  package static let readable = Palette(names: readableCodes.map { "38;5;\($0)" }, dim: "38;5;\(readableGrey)")
  package static let readableCodes = [29, 63, 98, 131, 163]
  package static let readableGrey = 243

  /// What the terminal can show, as far as it says.
  static var ofTerminal: Palette {
    func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
    let has256 = variable("TERM").hasSuffix("256color") || ["truecolor", "24bit"].contains(variable("COLORTERM"))
    return has256 ? readable : theme
  }

  /// A name has the same colour of a palette in every session and on every machine (FNV-1a, 32 bits).
  package func colour(of name: some Sequence<UInt8>) -> [UInt8] {
    let hash = name.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
    // Mixes in the high bits, because the low ones depend mostly on the last byte, in which ports differ.
    return nameColours[Int((hash ^ hash >> 15) % UInt32(nameColours.count))]
  }
}
