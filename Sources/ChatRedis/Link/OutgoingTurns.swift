import ChatWire

/// What this server has submitted and not read back: the turn that takes operations, those that wait to be sent, and those that
/// were sent.
///
/// A turn that was sent keeps its sequence until its fate is known. It is sent again only if Redis has certainly not accepted it.
struct OutgoingTurns {
  struct Turn {
    var operations: [Operation] = []
    /// Of what they write.
    var bytes = 0
  }

  enum Fate: Equatable {
    case unanswered
    /// Its entry is at `end` or before, and was not read yet.
    case accepted(end: Position)
    /// Its entry was read before the answer came.
    case read
  }

  private struct Sent {
    let sequence: Int
    let turn: Turn
    var fate = Fate.unanswered
  }

  private var open = Turn()
  /// In the order in which they are sent.
  private var waiting: [Turn] = []
  private var sent: [Sent] = []
  /// The sequence of the turn that was sent last, and of the last that is known to be accepted.
  private var lastSequence = 0
  private(set) var accepted = 0
  /// Bytes in `open` and `waiting`.
  private(set) var unsentBytes = 0
  /// How many lines of each speaker the server has submitted and not taken back as said.
  private var uncommitted: [UInt64: Int] = [:]

  var hasUnsent: Bool { !waiting.isEmpty || !open.operations.isEmpty }
  /// Whether there is a turn that is not known to be accepted.
  var hasUnaccepted: Bool { hasUnsent || sent.contains { $0.fate == .unanswered } }
  var isDrained: Bool { !hasUnsent && sent.allSatisfy { $0.fate == .read } }
  func uncommittedLines(of speaker: UInt64) -> Int { uncommitted[speaker] ?? 0 }
  /// Those of them that Redis has certainly not got.
  func unsentLines(of speaker: UInt64) -> Int {
    unsent.count { if case .say(_, speaker: speaker) = $0 { true } else { false } }
  }

  mutating func submit(_ operation: Operation) {
    let bytes = operation.writtenBytes
    if open.bytes + bytes > Entry.maximumBytes, !open.operations.isEmpty {
      waiting.append(open)
      open = Turn()
    }
    open.operations.append(operation)
    open.bytes += bytes
    unsentBytes += bytes
    if case .say(_, let speaker?) = operation { uncommitted[speaker, default: 0] += 1 }
  }

  /// What has still to be sent, in order.
  var unsent: [Operation] { waiting.flatMap(\.operations) + open.operations }

  /// Sends this in place of what has still to be sent.
  mutating func replaceUnsent(with operations: [Operation]) {
    for turn in waiting + [open] { commit(turn) }
    (waiting, open, unsentBytes) = ([], Turn(), 0)
    for operation in operations { submit(operation) }
  }

  /// Takes the next turn to be sent.
  mutating func send() -> (sequence: Int, operations: [Operation])? {
    let turn: Turn
    if !waiting.isEmpty {
      turn = waiting.removeFirst()
    } else {
      guard !open.operations.isEmpty else { return nil }
      turn = open
      open = Turn()
    }
    unsentBytes -= turn.bytes
    lastSequence += 1
    sent.append(Sent(sequence: lastSequence, turn: turn))
    return (lastSequence, turn.operations)
  }

  // MARK: What becomes of them

  /// Redis has accepted a turn.
  /// - Parameters:
  ///   - end: of its entry; nil if it wrote none.
  ///   - failed: indices of the operations that were refused.
  /// - Returns: the operations that are to be told as refused.
  mutating func answered(_ sequence: Int, end: Position?, failed: [Int]) -> [Operation] {
    accepted = max(accepted, sequence)
    guard let index = sent.firstIndex(where: { $0.sequence == sequence }) else { return [] }
    return settle(index, end: end, failed: failed)
  }

  /// An entry of this server was read.
  /// - Returns: who said its lines, and the claims that it shows to be refused.
  mutating func read(_ entry: Entry) -> (speakers: [UInt64?], refused: [Operation]) {
    accepted = max(accepted, entry.sequence)
    let nobody = [UInt64?](repeating: nil, count: entry.lineCount)
    guard let index = sent.firstIndex(where: { $0.sequence == entry.sequence }) else { return (nobody, []) }
    let turn = sent[index].turn
    let (speakers, failed) = turn.match(entry)
    guard sent[index].fate == .unanswered else {
      sent.remove(at: index)
      return (speakers, [])
    }
    // The answer may be lost. It is needed for the letters alone.
    sent[index].fate = .read
    return (speakers, failed.map { turn.operations[$0] })
  }

  /// All that was said up to `position` was read, or will never be.
  mutating func passed(_ position: Position) {
    while let first = sent.first, case .accepted(let end) = first.fate, end <= position {
      commit(first.turn)
      sent.removeFirst()
    }
  }

  /// A new connection has learnt which turns were accepted. None above ever will be, so they are sent again.
  /// - Parameters:
  ///   - head: what had been said then.
  ///   - failed: what failed in turns whose answers may be lost.
  /// - Returns: the operations that are to be told as refused.
  mutating func resume(after sequence: Int, head: Position, failed: FailedOperations) -> [Operation] {
    var refused: [Operation] = []
    for turn in sent where turn.sequence <= sequence {
      if case .accepted = turn.fate { continue }
      let failed = failed[turn.sequence] ?? []
      refused += answered(turn.sequence, end: turn.turn.writes(besides: failed) ? head : nil, failed: failed)
    }
    sendAgain { $0.sequence > sequence }
    accepted = sequence
    lastSequence = sequence
    return refused
  }

  /// What was said until now is lost. A line counts only when it is read back, so what was not is said in the new history.
  /// - Parameter sequence: the last turn of this server in that one.
  /// - Returns: the operations that are to be told as refused.
  mutating func restart(after sequence: Int) -> [Operation] {
    let letters = sent.filter { $0.fate == .read }.flatMap { $0.turn.operations.filter(\.isLetter) }
    sent.removeAll { $0.fate == .read }
    sendAgain { _ in true }
    accepted = sequence
    lastSequence = sequence
    return letters
  }

  private mutating func settle(_ index: Int, end: Position?, failed: [Int]) -> [Operation] {
    let turn = sent[index].turn
    let refused = failed.filter { turn.operations.indices.contains($0) }.map { turn.operations[$0] }
    if sent[index].fate == .read {
      sent.remove(at: index)
      // Its claims were told when it was read.
      return refused.filter(\.isLetter)
    }
    if let end {
      sent[index].fate = .accepted(end: end)
    } else {
      commit(turn)
      sent.remove(at: index)
    }
    return refused
  }

  private mutating func sendAgain(_ isLost: (Sent) -> Bool) {
    let turns = sent.filter(isLost).map(\.turn)
    sent.removeAll(where: isLost)
    waiting.insert(contentsOf: turns, at: 0)
    unsentBytes += turns.reduce(0) { $0 + $1.bytes }
  }

  /// The server has taken an entry into its log, with lines of these members of its own.
  mutating func told(_ speakers: [UInt64?]) { for case let speaker? in speakers { commit(lineOf: speaker) } }

  private mutating func commit(_ turn: Turn) {
    for case .say(_, let speaker?) in turn.operations { commit(lineOf: speaker) }
  }

  private mutating func commit(lineOf speaker: UInt64) {
    let count = (uncommitted[speaker] ?? 0) - 1
    uncommitted[speaker] = count > 0 ? count : nil
  }
}

extension OutgoingTurns.Turn {
  /// Finds the operations that wrote an entry.
  /// - Returns: for each of its lines the speaker; and the indices of claims that wrote nothing, as they were refused.
  fileprivate func match(_ entry: Entry) -> (speakers: [UInt64?], failed: [Int]) {
    var parts: [Entry.Part] = []
    entry.forEachPart { parts.append($0) }
    var rest = parts[...]
    var speakers: [UInt64?] = []
    var failed: [Int] = []
    func takeLine(of speaker: UInt64?) {
      guard case .line? = rest.first else { return }
      rest.removeFirst()
      speakers.append(speaker)
    }
    for (index, operation) in operations.enumerated() {
      switch operation {
      case .say(_, let speaker): takeLine(of: speaker)
      case .claim(let claim):
        guard case .record(claim.record)? = rest.first else {
          failed.append(index)
          continue
        }
        rest.removeFirst()
        if claim.announcement != nil { takeLine(of: nil) }
      case .record, .release, .ban, .unban, .slow: if case .record? = rest.first { rest.removeFirst() }
      case .post: break
      }
    }
    while speakers.count < entry.lineCount { speakers.append(nil) }
    return (speakers, failed)
  }

  /// Whether it writes an entry if the operations at these indices fail.
  fileprivate func writes(besides failed: [Int]) -> Bool {
    operations.indices.contains { !failed.contains($0) && !operations[$0].isLetter }
  }
}

extension Operation {
  var isLetter: Bool { if case .post = self { true } else { false } }

  /// Bytes that it adds to a turn: of what it says and records, or of the command.
  var writtenBytes: Int {
    switch self {
    case .say(let line, _): line.count
    case .record(let record): record.line.count
    case .claim(let claim): claim.record.line.count + (claim.announcement?.count ?? 0)
    case .release(let member, _): Record.left(member).line.count
    case .ban(_, let line): Record.banned(line: line).line.count
    case .unban(let target): Record.unbanned(target: target).line.count
    case .slow(let seconds): Record.slow(seconds: seconds).line.count
    case .post(let letter, _): letter.payload.count
    }
  }
}

extension OutgoingTurns: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (open, waiting) = (try reader.read(), try reader.read())
    sent = try reader.readEach { reader throws(StateError) in
      Sent(sequence: try reader.read(), turn: try reader.read(), fate: try reader.read())
    }
    (lastSequence, accepted) = (try reader.read(), try reader.read())
    (unsentBytes, uncommitted) = (try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) {
    writer.write(open, waiting)
    writer.write(each: sent) { $0.write($1.sequence, $1.turn, $1.fate) }
    writer.write(lastSequence, accepted, unsentBytes, uncommitted)
  }
}

extension OutgoingTurns.Turn: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (operations, bytes) = (try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) { writer.write(operations, bytes) }
}

extension OutgoingTurns.Fate: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    switch try reader.readTag() {
    case 0: self = .unanswered
    case 1: self = .accepted(end: try reader.read())
    case 2: self = .read
    case let tag: throw reader.unknown(tag, "fate of a turn")
    }
  }

  func write(to writer: inout StateWriter) {
    switch self {
    case .unanswered: writer.write(UInt8(0))
    case .accepted(let end): writer.write(UInt8(1), end)
    case .read: writer.write(UInt8(2))
    }
  }
}
