/// What an ESC of the keyboard begins, in whatever form the terminal writes it: xterm, VT100 to VT420 and their keypads, rxvt, the
/// Linux console, screen, tmux. What a terminal itself answers or reports is told from keys, and is nothing.
package enum KeySequence: Equatable, Sendable {
  /// ESC was pressed.
  case escape
  /// With Alt.
  case alt(UInt8)
  case special(SpecialKey)
  /// A character of the keypad.
  case character(UInt8)
  case pasteBeginning
  /// No key of those that can be bound: what a terminal answers or reports, or a key of an encoding that nobody has asked it for.
  case nothing

  /// The bytes behind the ESC, in one form for all terminals. ESC itself has none, and what is no key either.
  var bytes: [UInt8] {
    switch self {
    case .alt(let byte): [byte]
    case .special(let key): Array(key.sequence.utf8)
    case .escape, .character, .pasteBeginning, .nothing: []
    }
  }
}

/// Takes the bytes behind an ESC one after the other until they are whole.
package struct KeySequenceReader {
  package enum Outcome: Equatable {
    /// More belongs to it.
    case more
    /// It is whole. What is to be read next as if it had not been read comes with it.
    case whole(KeySequence, givingBack: [UInt8] = [])
  }

  private enum State {
    case begun
    /// Behind a second ESC, which is how rxvt writes Alt.
    case escapeAgain
    /// Behind `[`, the parameters so far.
    case control([UInt8])
    /// Behind `[[`, as the Linux console writes F1 to F5.
    case console
    /// Behind `[M`: the position of a mouse, of three bytes.
    case mouse(left: Int)
    /// Behind `O`, the digits so far.
    case single([UInt8])
    /// What a terminal answers as text, begun by this byte, up to BEL or ESC and `\`. It is text that was typed if that does not come.
    case answer(UInt8, [UInt8])
  }

  /// Bytes of parameters, and of an answer, at most.
  private static let maximumParameterBytes = 32
  private static let maximumAnswerBytes = 4096

  private static let escape: UInt8 = 0x1B

  private var state = State.begun
  private var isAlt = false

  package init() {}

  package mutating func take(_ byte: UInt8) -> Outcome {
    switch state {
    case .begun: return begin(byte)
    case .escapeAgain:
      switch byte {
      case UInt8(ascii: "["), UInt8(ascii: "O"):
        isAlt = true
        return begin(byte)
      default: return .whole(.escape, givingBack: [Self.escape, byte])
      }
    case .control(let parameters): return control(parameters, byte)
    // A key that came in the middle of one.
    case .console where byte < 0x20, .mouse where byte < 0x20: return .whole(.nothing, givingBack: [byte])
    case .console:
      let number = Int(byte) - Int(UInt8(ascii: "A")) + 1
      return .whole(special((1...5).contains(number) ? .function(number) : nil))
    case .mouse(let left):
      state = .mouse(left: left - 1)
      return left > 1 ? .more : .whole(.nothing)
    case .single(let digits): return single(digits, byte)
    case .answer(let kind, let text): return answer(kind, text, byte)
    }
  }

  /// What it is if nothing more comes soon. Nobody types what begins a longer key, so that its rest is waited for, however slow the
  /// way to the terminal is.
  package func end() -> Outcome {
    switch state {
    case .begun: .whole(.escape)
    case .escapeAgain: .whole(.escape, givingBack: [Self.escape])
    case .control, .console, .mouse, .single: .more
    case .answer(let kind, let text): .whole(.alt(kind), givingBack: text)
    }
  }

  private mutating func begin(_ byte: UInt8) -> Outcome {
    switch byte {
    case UInt8(ascii: "["): state = .control([])
    case UInt8(ascii: "O"): state = .single([])
    case Self.escape: state = .escapeAgain
    // OSC, DCS and APC.
    case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "_"): state = .answer(byte, [])
    case 0x20..<0x7F: return .whole(.alt(byte))
    default: return .whole(.escape, givingBack: [byte])
    }
    return .more
  }

  private func special(_ name: SpecialKey.Name?, _ modifiers: SpecialKey.Modifiers = []) -> KeySequence {
    name.map { .special(SpecialKey($0, isAlt ? modifiers.union(.alt) : modifiers)) } ?? .nothing
  }

  /// - Parameter modifier: as terminals count it, from 1 to 16.
  private func special(_ name: SpecialKey.Name?, modifier: Int) -> KeySequence {
    (1...16).contains(modifier) ? special(name, SpecialKey.Modifiers(rawValue: modifier - 1)) : .nothing
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  // MARK: ESC [

  private mutating func control(_ parameters: [UInt8], _ byte: UInt8) -> Outcome {
    switch byte {
    case UInt8(ascii: "[") where parameters.isEmpty:
      state = .console
      return .more
    case UInt8(ascii: "M") where parameters.isEmpty:
      state = .mouse(left: 3)
      return .more
    // rxvt ends a key with Shift by this; in a report it comes before the end.
    case UInt8(ascii: "$") where !parameters.isEmpty && parameters.allSatisfy(Self.isDigit):
      return .whole(special(Self.numbers(parameters).first.flatMap(SpecialKey.name(ofCode:)), .shift))
    case 0x20..<0x40:
      guard parameters.count < Self.maximumParameterBytes else { return .whole(.nothing) }
      state = .control(parameters + [byte])
      return .more
    case 0x40..<0x7F: return .whole(key(parameters, byte))
    // A key that came in the middle of it.
    default: return .whole(.nothing, givingBack: [byte])
    }
  }

  private func key(_ parameters: [UInt8], _ final: UInt8) -> KeySequence {
    // What begins otherwise is a report or an answer.
    guard parameters.allSatisfy({ Self.isDigit($0) || $0 == UInt8(ascii: ";") }) else { return .nothing }
    let numbers = Self.numbers(parameters)
    switch final {
    case UInt8(ascii: "~"):
      if numbers == [200] { return .pasteBeginning }
      return special(numbers.first.flatMap(SpecialKey.name(ofCode:)), modifier: numbers.count > 1 ? numbers[1] : 1)
    case UInt8(ascii: "^"): return special(numbers.first.flatMap(SpecialKey.name(ofCode:)), .control)
    case UInt8(ascii: "@"): return special(numbers.first.flatMap(SpecialKey.name(ofCode:)), [.control, .shift])
    case UInt8(ascii: "a")...UInt8(ascii: "d"): return special(SpecialKey.name(ofLetter: final - 0x20), .shift)
    default:
      // As in `ESC [ 1 ; 5 A`, and `ESC [ 5 A` of older ones.
      if numbers.count > 1 && numbers[0] != 1 { return .nothing }
      return special(SpecialKey.name(ofLetter: final), modifier: numbers.last ?? 1)
    }
  }

  private static func numbers(_ text: [UInt8]) -> [Int] {
    text.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).compactMap {
      Int(String(decoding: $0, as: UTF8.self))
    }
  }

  // MARK: ESC O

  private mutating func single(_ digits: [UInt8], _ byte: UInt8) -> Outcome {
    switch byte {
    case _ where Self.isDigit(byte) && digits.count < 2:
      state = .single(digits + [byte])
      return .more
    case UInt8(ascii: "M"): return .whole(.character(UInt8(ascii: "\r")))
    case UInt8(ascii: "I"): return .whole(.character(UInt8(ascii: "\t")))
    case UInt8(ascii: "X"): return .whole(.character(UInt8(ascii: "=")))
    // `*` to `9` of the keypad.
    case UInt8(ascii: "j")...UInt8(ascii: "y"): return .whole(.character(byte - 0x40))
    case UInt8(ascii: "a")...UInt8(ascii: "d"):
      return .whole(special(SpecialKey.name(ofLetter: byte - 0x20), .control))
    case 0x20..<0x7F:
      return .whole(special(SpecialKey.name(ofLetter: byte), modifier: Self.numbers(digits).first ?? 1))
    default: return .whole(.nothing, givingBack: [byte])
    }
  }

  // MARK: Answers

  private mutating func answer(_ kind: UInt8, _ text: [UInt8], _ byte: UInt8) -> Outcome {
    let isEnd = byte == 0x07 || byte == UInt8(ascii: "\\") && text.last == Self.escape
    if isEnd && !text.isEmpty { return .whole(.nothing) }
    let isText = text.isEmpty ? Self.begins(byte, kind) : byte >= 0x20 && byte != 0x7F || byte == Self.escape
    guard isText, text.count < Self.maximumAnswerBytes, text.last != Self.escape else {
      return .whole(.alt(kind), givingBack: text + [byte])
    }
    state = .answer(kind, text + [byte])
    return .more
  }

  /// Whether an answer of this kind can begin so: OSC with a number, DCS with parameters, APC with kitty's letter.
  private static func begins(_ byte: UInt8, _ kind: UInt8) -> Bool {
    switch kind {
    case UInt8(ascii: "]"): isDigit(byte)
    case UInt8(ascii: "P"): (0x30..<0x40).contains(byte) || "!$+".utf8.contains(byte)
    default: byte == UInt8(ascii: "G")
    }
  }
}
