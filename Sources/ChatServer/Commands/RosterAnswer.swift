import ChatWire

/// Who is in the room, as of the moment when somebody asked: made piece by piece as that one reads it.
///
/// What it holds is the slots of those who were here, in the order in which they are listed. Whoever gets another name or
/// leaves before being listed is found in `RosterChanges` as it was.
struct RosterAnswer {
  enum Form {
    /// A line for each, for people.
    case lines
    /// Names alone, for clients; the asker's is the first.
    case names(asker: MemberName)
  }

  /// Half the size where it does, because somebody who does not read keeps the list in memory.
  private enum Slots {
    case narrow([UInt16])
    case wide([UInt32])

    init(_ slots: [UInt32]) {
      self = slots.allSatisfy { $0 <= UInt16.max } ? .narrow(slots.map { UInt16($0) }) : .wide(slots)
    }

    subscript(index: Int) -> Int {
      switch self {
      case .narrow(let slots): Int(slots[index])
      case .wide(let slots): Int(slots[index])
      }
    }

    var count: Int {
      switch self {
      case .narrow(let slots): slots.count
      case .wide(let slots): slots.count
      }
    }
  }

  /// One who was here.
  struct Entry: Equatable {
    let name: MemberName
    /// For people: where from, since when and so on.
    let details: String
  }

  private static let maximumLineBytes = 900

  let form: Form
  private let slots: Slots
  private var next = 0
  private var isBegun = false
  /// The first change that counts.
  private let firstChange: Int

  /// - Parameter slots: in the order in which they are listed; without the asker's own if only names are asked for.
  init(_ form: Form, of slots: [UInt32], after changes: RosterChanges) {
    self.form = form
    self.slots = Slots(slots)
    firstChange = changes.nextNumber
  }

  /// Some more lines, about `bytes`; nil once all are made.
  /// - Parameter now: who is in a slot at present, by `Entry`; asked only where nothing has changed.
  mutating func nextPiece(
    _ bytes: Int, after changes: RosterChanges, now: (_ slot: Int) -> Entry?
  ) -> [UInt8]? {
    if next == slots.count, isBegun { return nil }
    guard changes.reachBack(to: firstChange) else {
      next = slots.count
      isBegun = true
      switch form {
      case .lines: return Reply.roomTooBusy.bytes
      // A client asks for nobody to see, and waits for the full stop.
      case .names(let asker): return Notice.here([asker], isLast: true).line
      }
    }
    var piece: [UInt8] = []
    if case .lines = form, !isBegun {
      piece += ServerLine.notice(slots.count == 1 ? "Nobody else is here." : "\(slots.count) people are here:")
    }
    switch form {
    case .lines:
      isBegun = true
      while next < slots.count, piece.count < bytes {
        if let entry = entry(changes, now) { piece += ServerLine.notice("\(entry.name), \(entry.details)") }
      }
    case .names(let asker):
      var names = isBegun ? [] : [asker]
      isBegun = true
      var length = 0
      while next < slots.count, length < Self.maximumLineBytes {
        if let entry = entry(changes, now) {
          names.append(entry.name)
          length += entry.name.bytes.count + 2
        }
      }
      piece = Notice.here(names, isLast: next == slots.count).line
    }
    return piece
  }

  private mutating func entry(_ changes: RosterChanges, _ now: (Int) -> Entry?) -> Entry? {
    defer { next += 1 }
    let slot = slots[next]
    return changes.entry(of: slot, before: firstChange) ?? now(slot)
  }
}

/// How those were called who got another name or left while somebody was being told who is here. Nothing is recorded while
/// nobody is.
struct RosterChanges {
  /// Changes kept; an answer that goes back further is ended.
  private static let capacity = 256

  private var changes: [(slot: Int, entry: RosterAnswer.Entry)] = []
  /// The number of the first change that is kept.
  private var firstNumber = 0
  /// Answers that are under way.
  private var answers = 0

  var nextNumber: Int { firstNumber + changes.count }
  var isWatched: Bool { answers > 0 }

  mutating func beginAnswer() { answers += 1 }

  mutating func endAnswer() {
    answers -= 1
    if answers == 0 {
      firstNumber = nextNumber
      changes = []
    }
  }

  /// Records who was in a slot until now.
  mutating func record(_ entry: RosterAnswer.Entry, in slot: Int) {
    if changes.count == Self.capacity {
      firstNumber += Self.capacity / 2
      changes.removeFirst(Self.capacity / 2)
    }
    changes.append((slot, entry))
  }

  /// Whether every change from this number on is kept.
  func reachBack(to number: Int) -> Bool { number >= firstNumber }

  /// Who was in a slot when change `number` was about to happen; nil if the same one still is.
  func entry(of slot: Int, before number: Int) -> RosterAnswer.Entry? {
    for index in number - firstNumber..<changes.count where changes[index].slot == slot { return changes[index].entry }
    return nil
  }
}

extension RosterAnswer: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    form = try reader.read(MemberName?.self).map { .names(asker: $0) } ?? .lines
    slots = Slots(try reader.read())
    (next, isBegun, firstChange) = (try reader.read(), try reader.read(), try reader.read())
    guard (0...slots.count).contains(next) else { throw .impossible("a list of members goes on behind its end") }
  }

  func write(to writer: inout StateWriter) {
    var asker: MemberName?
    if case .names(let name) = form { asker = name }
    writer.write(asker, (0..<slots.count).map { UInt32(slots[$0]) }, next, isBegun, firstChange)
  }

  /// Whether it can go on with these changes, and so many slots of members of this server.
  func isPossible(after changes: RosterChanges, slotCount: Int) -> Bool {
    (0...changes.nextNumber).contains(firstChange)
      && (0..<slots.count).allSatisfy { slots[$0] < slotCount || slots[$0] >= Token.firstRemoteSlot }
  }
}

extension RosterChanges: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    changes = try reader.readEach { reader throws(StateError) in
      (try reader.read(), RosterAnswer.Entry(name: try reader.read(), details: try reader.read()))
    }
    (firstNumber, answers) = (try reader.read(), try reader.read())
    guard (0..<Int.max / 2).contains(firstNumber), answers >= 0 else {
      throw .impossible("no list of members began so")
    }
  }

  func write(to writer: inout StateWriter) {
    writer.write(each: changes) { $0.write($1.slot, $1.entry.name, $1.entry.details) }
    writer.write(firstNumber, answers)
  }
}
