/// Text whose looks take no place on the screen.
package struct StyledText: Equatable, Sendable {
  package enum Piece: Equatable, Sendable {
    case text([UInt8])
    /// A sequence that changes the looks of what follows (ECMA-48 SGR).
    case style([UInt8])
  }

  package private(set) var pieces: [Piece] = []

  package init() {}
  package init(_ text: [UInt8]) { append(text) }

  package mutating func append(_ text: [UInt8]) { if !text.isEmpty { pieces.append(.text(text)) } }
  package mutating func append(style: [UInt8]) { if !style.isEmpty { pieces.append(.style(style)) } }

  package var isEmpty: Bool { pieces.isEmpty }

  package static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum.pieces += right.pieces
    return sum
  }

  /// As it is written on a terminal.
  package var bytes: [UInt8] {
    pieces.flatMap { piece in
      switch piece {
      case .text(let bytes), .style(let bytes): bytes
      }
    }
  }
}
