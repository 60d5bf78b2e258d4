/// A key that stands for no character, and what is held down with it.
package struct SpecialKey: Hashable, Sendable {
  package enum Name: Hashable, Sendable {
    case up, down, right, left, home, end, insert, delete, pageUp, pageDown
    /// The middle of the keypad's arrows.
    case middle
    /// Shift and Tab.
    case backTab
    /// F1 to F20.
    case function(Int)
  }

  /// What is held down, as xterm counts it ("PC-Style Function Keys"): 1 and the sum of these.
  package struct Modifiers: OptionSet, Hashable, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let shift = Modifiers(rawValue: 1)
    package static let alt = Modifiers(rawValue: 2)
    package static let control = Modifiers(rawValue: 4)
    package static let meta = Modifiers(rawValue: 8)
    /// Every combination, none included.
    package static let all = (0..<16).map { Modifiers(rawValue: $0) }
  }

  package let name: Name
  package var modifiers: Modifiers

  package init(_ name: Name, _ modifiers: Modifiers = []) { (self.name, self.modifiers) = (name, modifiers) }

  /// What xterm writes for it behind ESC, as text. Every other terminal's form is made into this one, so that it is bound once.
  package var sequence: String {
    let modifier = modifiers.isEmpty ? "" : ";\(modifiers.rawValue + 1)"
    switch name {
    case .up: return Self.letter("A", modifier)
    case .down: return Self.letter("B", modifier)
    case .right: return Self.letter("C", modifier)
    case .left: return Self.letter("D", modifier)
    case .middle: return Self.letter("E", modifier)
    case .end: return Self.letter("F", modifier)
    case .home: return Self.letter("H", modifier)
    case .backTab: return Self.letter("Z", modifier)
    case .insert: return "[2\(modifier)~"
    case .delete: return "[3\(modifier)~"
    case .pageUp: return "[5\(modifier)~"
    case .pageDown: return "[6\(modifier)~"
    case .function(let number) where number <= 4:
      let letter = ["P", "Q", "R", "S"][number - 1]
      return modifier.isEmpty ? "O\(letter)" : Self.letter(letter, modifier)
    case .function(let number): return "[\(Self.functionCodes[number - 1])\(modifier)~"
    }
  }

  private static func letter(_ letter: String, _ modifier: String) -> String {
    modifier.isEmpty ? "[\(letter)" : "[1\(modifier)\(letter)"
  }

  /// The codes of F1 to F20, as a VT220 has them.
  private static let functionCodes = [
    11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 23, 24, 25, 26, 28, 29, 31, 32, 33, 34,
  ]

  /// The name behind a code, as in `ESC [ 3 ~`.
  static func name(ofCode code: Int) -> Name? {
    switch code {
    case 1, 7: .home
    case 2: .insert
    case 3: .delete
    case 4, 8: .end
    case 5: .pageUp
    case 6: .pageDown
    default: functionCodes.firstIndex(of: code).map { .function($0 + 1) }
    }
  }

  /// The name behind a letter, as in `ESC [ A`.
  static func name(ofLetter letter: UInt8) -> Name? {
    switch letter {
    case UInt8(ascii: "A"): .up
    case UInt8(ascii: "B"): .down
    case UInt8(ascii: "C"): .right
    case UInt8(ascii: "D"): .left
    case UInt8(ascii: "E"): .middle
    case UInt8(ascii: "F"): .end
    case UInt8(ascii: "H"): .home
    case UInt8(ascii: "P")...UInt8(ascii: "S"): .function(Int(letter - UInt8(ascii: "P")) + 1)
    case UInt8(ascii: "Z"): .backTab
    default: nil
    }
  }

  /// Every key without what is held down.
  package static let names: [Name] =
    [.up, .down, .right, .left, .middle, .home, .end, .insert, .delete, .pageUp, .pageDown, .backTab]
    + functionCodes.indices.map { .function($0 + 1) }
}
