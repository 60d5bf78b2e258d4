import ChatWire

/// How far a pasted block has come, from the keyboard to the lines that are sent. A value, so that it can be tested without
/// libedit: its mutations say what the editor has to do.
package enum PasteState: Equatable {
  case idle
  /// The block comes in. `asked` is one before it about which the person is still asked.
  case arriving([UInt8], lastByteAt: Moment, asked: Paste?)
  /// The person is asked whether the block is to be sent.
  case asking(Paste)
  /// libedit is to insert the block into its line, or into `line` if that is not nil. It does so when it takes a key that it
  /// is handed for a command; `isKeyHandedOut` says that it has that key.
  case ready(Paste, line: LineParts?, isKeyHandedOut: Bool)
  /// The lines of the block go out one by one. `next` is what the line after them begins with.
  case sending(ArraySlice<[UInt8]>, next: LineParts)

  /// How long a block has to pause for the interrupt key to end it, because its own end may have been lost.
  package static let stall = Duration.seconds(2)

  /// The block about which the person is asked.
  package var question: Paste? {
    switch self {
    case .asking(let paste), .arriving(_, _, let paste?): paste
    default: nil
    }
  }

  /// `Paste.beginning` has come.
  package mutating func begin(at now: Moment) { self = .arriving([], lastByteAt: now, asked: question) }

  /// The bytes to read next that belong to the block for certain; 0 where none is arriving.
  package var wantedBytes: Int {
    guard case .arriving(let block, _, _) = self else { return 0 }
    let end = Paste.end
    return end.count - ((0..<end.count).last { block.suffix($0).elementsEqual(end.prefix($0)) } ?? 0)
  }

  /// Whether more of a block is to be expected.
  package func expectsMore(at now: Moment) -> Bool {
    if case .arriving(_, let lastByteAt, _) = self { lastByteAt + Self.stall >= now } else { false }
  }

  /// Takes in `bytes` of the block, at most `wantedBytes`.
  /// - Parameters:
  ///   - isInterrupt: whether they are the interrupt key, which is part of the block unless that has stalled.
  ///   - asksIfLong: whether a long block is asked about.
  /// - Returns: whether the block has ended, so that the screen is to change.
  package mutating func append(_ bytes: [UInt8], at now: Moment, isInterrupt: Bool, asksIfLong: Bool) -> Bool {
    guard case .arriving(var block, let lastByteAt, let asked) = self, !bytes.isEmpty else { return false }
    // Lets go of the bytes, because they would be copied otherwise.
    self = .idle
    let isStalled = isInterrupt && !block.isEmpty && lastByteAt + Self.stall < now
    if !isStalled { block += bytes }
    let hasEnd = block.suffix(Paste.end.count).elementsEqual(Paste.end)
    guard isStalled || hasEnd else {
      self = .arriving(block, lastByteAt: now, asked: asked)
      return false
    }
    let paste = Paste(hasEnd ? block.dropLast(Paste.end.count) : block)
    if var asked {
      asked.append(paste)
      self = .asking(asked)
    } else {
      offer(paste, asksIfLong: asksIfLong)
    }
    return true
  }

  /// The person has answered the question.
  /// - Returns: how many lines are not sent after all.
  package mutating func answer(isYes: Bool) -> Int {
    guard case .asking(var paste) = self else { return 0 }
    paste.endLastLine()
    self = isYes ? .ready(paste, line: nil, isKeyHandedOut: false) : .idle
    return isYes ? 0 : paste.sendableLines
  }

  /// A block comes from elsewhere than the keyboard.
  mutating func offer(_ block: Paste, asksIfLong: Bool) {
    self = asksIfLong && block.isLong ? .asking(block) : .ready(block, line: nil, isKeyHandedOut: false)
  }

  /// libedit asks for a key while the block is ready.
  /// - Returns: whether to hand it the key for its command; if not, it has taken that key for text before, and has to begin its
  ///   line anew.
  package mutating func handOutKey() -> Bool {
    guard case .ready(let paste, let line, isKeyHandedOut: false) = self else { return false }
    self = .ready(paste, line: line, isKeyHandedOut: true)
    return true
  }

  /// libedit begins anew with an empty line in place of `line`.
  package mutating func restart(_ line: LineParts) {
    guard case .ready(let paste, _, _) = self else { return }
    self = .ready(paste, line: line, isKeyHandedOut: false)
  }

  /// What becomes of libedit's line.
  package enum Insertion: Equatable {
    /// It is edited further.
    case edit(LineParts)
    /// It is entered as this text, which has no newline.
    case enter([UInt8])
  }

  /// libedit carries out its command.
  /// - Parameter current: its line.
  package mutating func insert(into current: LineParts) -> Insertion {
    guard case .ready(let paste, let kept, _) = self else { return .edit(current) }
    let line = kept ?? current
    // A single line stays to be edited, with its newline too, as in bash. A terminal may give CR LF as two.
    let isSingle = paste.rest.isEmpty && paste.lines.dropFirst().allSatisfy(\.isEmpty)
    guard let first = paste.lines.first, !isSingle else {
      self = .idle
      return .edit(LineParts(before: line.before + (paste.lines.first ?? paste.rest), after: line.after))
    }
    self = .sending(paste.lines.dropFirst(), next: LineParts(before: paste.rest, after: line.after))
    return .enter(line.before + first)
  }

  /// The next line of a block that goes out; nil if there is none. Then the line after the block waits for libedit.
  package mutating func nextLine() -> [UInt8]? {
    guard case .sending(var lines, let next) = self else { return nil }
    let line = lines.popFirst()
    let hasNext = !next.before.isEmpty || !next.after.isEmpty
    self =
      line != nil
      ? .sending(lines, next: next)
      : hasNext ? .ready(Paste([]), line: next, isKeyHandedOut: false) : .idle
    return line
  }

  /// Gives up the block.
  /// - Returns: its lines that were not handed out, and at last the text that would begin the line after them.
  package mutating func cancel() -> [[UInt8]] {
    defer { self = .idle }
    switch self {
    case .idle: return []
    case .arriving(let block, _, let asked): return (asked.map(Self.lines(of:)) ?? []) + Self.lines(of: Paste(block))
    case .asking(let paste), .ready(let paste, _, _): return Self.lines(of: paste)
    case .sending(let lines, let next): return lines + [next.before + next.after]
    }
  }

  private static func lines(of paste: Paste) -> [[UInt8]] { paste.lines + [paste.rest] }
}
