import ChatWire
import TestSupport
import TortureSupport

/// What somebody hears of one answer to `/who`.
struct WhoAnswer {
  /// How many its first line says there are.
  private var announced: Int?
  /// Who was listed so far, in that order.
  private(set) var names: [String] = []
  /// Whether it ended before everybody was listed, because the room changed faster than it was read.
  private(set) var isBrokenOff = false

  var isBegun: Bool { announced != nil }
  var isOver: Bool { isBrokenOff || names.count == announced }

  /// Whether it lists exactly these, each once.
  func lists(_ expected: [String]) -> Bool { names.sorted() == expected.sorted() }

  /// Takes the next line of the stream, which has to belong to the answer from its first to its last line.
  mutating func take(_ bytes: UnsafeRawBufferPointer) throws {
    let line = ServerLine(Array(bytes)[...])
    let text = String(decoding: line.text, as: UTF8.self)
    guard line.kind == .notice, !isOver else { throw TestFailure("\(shown(bytes)) is no line of an answer to /who") }
    if announced == nil {
      guard text.hasSuffix(" people are here:"), let count = Int(text.prefix { $0 != " " }) else {
        throw TestFailure("an answer to /who begins with \(shown(bytes))")
      }
      announced = count
    } else if text == "The room changes faster than you read. Ask again." {
      isBrokenOff = true
    } else {
      guard let comma = text.firstRange(of: ", ") else { throw TestFailure("/who lists \(shown(bytes))") }
      let name = String(text[..<comma.lowerBound])
      if let last = names.last, Self.key(name) < Self.key(last) {
        throw TestFailure("/who lists \(name) after \(last)")
      }
      names.append(name)
    }
  }

  /// By which `/who` sorts names: those that somebody chose first, then the others by their numbers.
  private static func key(_ name: String) -> (isNumber: Int, number: Int, name: String) {
    let isNumber = name.utf8.prefix { $0 != UInt8(ascii: "@") }.allSatisfy { (48...57).contains($0) }
    return isNumber ? (1, Int(name.prefix { $0 != "@" }) ?? 0, "") : (0, 0, name.lowercased())
  }
}
