import ChatWire
import Glibc

/// How far one member is in the room's log, and what it gets besides.
///
/// The member's stream is the log from its cursor on, less its own lines and those that it ignores, with what is meant for
/// it alone inserted at line boundaries. A cursor does the bookkeeping of partial writes and of being overtaken; it knows no
/// socket.
///
/// Invariant: `position` lies within what the log keeps, and not inside one of the member's own lines; or `missedFrom` is
/// set, and then no byte of the log is due before `resume`; or it is where the stream ends.
package struct Cursor: ~Copyable {
  /// How a delivery ended.
  package enum Outcome: Equatable {
    /// Nothing is left to send.
    case caughtUp
    /// The receiver takes no more for now.
    case blocked
    /// The budget is used up; there is more.
    case budgetSpent
    /// The next piece of the answer that is pending is needed: `tell` it, or say by `endAnswer` that there is none.
    case answerDue
    /// The receiver has gone.
    case failed(SystemCallError)
  }

  /// The next byte of the log to send.
  package private(set) var position: LogOffset
  /// The member's own lines that are not passed yet.
  private(set) var own = OwnLines()
  /// Nil for almost every member, so that a delivery reads only one or two cache lines of each.
  private var slowPath: SlowPath?
  /// Whether the log waits for this member rather than overtake it.
  package var isProtected = true

  /// A cursor for a member that joins now, and hears what is said from here on.
  package init(joining log: borrowing RoomLog) { position = log.head }

  package var isOvertaken: Bool { slowPath?.missedFrom != nil }

  /// Whether nothing is due to this member, and no answer pending.
  @inline(__always)
  package func isCaughtUp(with log: borrowing RoomLog) -> Bool {
    guard let slowPath else { return position >= log.head }
    return slowPath.missedFrom == nil && !slowPath.hasPrivateBytes && !slowPath.isAnswerPending
      && position >= min(log.head, slowPath.end)
  }

  private mutating func makeSlowPath() -> SlowPath {
    if let slowPath { return slowPath }
    let new = SlowPath()
    slowPath = new
    return new
  }

  /// Leaves the line between `start` and the log's head out of the member's stream, because it is its own.
  @inline(__always)
  package mutating func passOver(from start: LogOffset, in log: borrowing RoomLog) {
    prune(log)
    if position == start, !isOvertaken {
      position = log.head
    } else {
      own.append(from: start, to: log.head, line: log.headLine - 1)
    }
  }

  /// Puts one or more whole lines into the member's stream at the next line boundary.
  /// - Returns: false if too many wait for that already. Then these are dropped, and the member is told how many were.
  @discardableResult
  package mutating func tell(_ lines: [UInt8]) -> Bool { makeSlowPath().privateQueue.append(lines, from: nil) }

  /// As `tell`, for lines from another member, which wants to know if they are not sent; nil for the server.
  mutating func tell(_ lines: [UInt8], from sender: Token?) -> Bool {
    makeSlowPath().privateQueue.append(lines, from: sender)
  }

  /// When the member gets nothing more: how many lines from which member were not handed out whole. Each is counted once.
  mutating func takeUnsentLetters() -> [Token: Int] { slowPath?.privateQueue.takeUnsentLetters() ?? [:] }

  /// Bytes that wait for this member alone.
  package var privateBytes: Int { slowPath?.privateQueue.byteCount ?? 0 }

  /// Begins an answer of any length: until `endAnswer`, nothing more of the log is sent, and each delivery ends with
  /// `answerDue` when all that was told is sent. So an answer stands before all that is said after its question.
  package mutating func beginAnswer() { makeSlowPath().isAnswerPending = true }

  /// The last piece of the answer was told.
  package mutating func endAnswer() { slowPath?.isAnswerPending = false }

  /// Ignores, from the log's head on, the lines of a member that begin with one of `prefixes`. To be called again when it has
  /// another name, and without prefixes when it has gone and is to stay ignored in what was said earlier.
  ///
  /// What is ignored is not left out of the count of lines missed, because the log forgets whose they were.
  mutating func ignore(prefixes: [[UInt8]], of sender: Token, from log: borrowing RoomLog) {
    makeSlowPath().ignored.ignore(prefixes: prefixes, of: sender, in: log)
  }

  /// Ignores no line of a member that is said from `head` on.
  mutating func unignore(_ sender: Token, at head: LogOffset) { slowPath?.ignored.unignore(sender, at: head) }

  /// Whether the line that begins at this kept offset is to be left out of what was said earlier.
  func ignores(lineAt start: LogOffset, in log: borrowing RoomLog) -> Bool {
    slowPath?.ignored.contains(lineAt: start, in: log, isHistory: true) ?? false
  }

  /// Ends the member's stream at the log's head: nothing said from now on is for it.
  package mutating func end(with log: borrowing RoomLog) {
    let slowPath = makeSlowPath()
    guard slowPath.end == .never else { return }
    slowPath.end = log.head
    slowPath.endLine = log.headLine
  }

  /// The log is about to evict everything before `boundary`. A member that has not got there keeps the rest of the line
  /// that it is inside, and notes the first line that it misses whole.
  mutating func overtake(before boundary: LogOffset, in log: borrowing RoomLog, sharing copies: inout EvictedLines) {
    guard position < boundary, !isOvertaken, position < slowPath?.end ?? .never else { return }
    let slowPath = makeSlowPath()
    let next = log.boundary(atOrAfter: position)
    if next != position { slowPath.restOfLine = copies.rest(from: position, to: next, in: log) }
    slowPath.missedFrom = log.tailLine + log.lines(from: log.tail, to: next)
    slowPath.ownMissed = 0
    position = next
  }

  /// Forgets own lines that the log has evicted.
  package mutating func prune(_ log: borrowing RoomLog) {
    guard let slowPath, slowPath.missedFrom != nil else { return }
    slowPath.ownMissed += own.removeAll(beforeLine: log.tailLine, at: log.tail)
  }

  /// If the member was overtaken, it goes on at the oldest line kept, and is told how many lines it missed.
  private mutating func resume(_ log: borrowing RoomLog, _ slowPath: SlowPath) {
    guard let first = slowPath.missedFrom else { return }
    prune(log)
    let missed = min(log.tailLine, slowPath.endLine) - first - slowPath.ownMissed
    slowPath.missedFrom = nil
    position = max(position, min(log.tail, slowPath.end))
    if missed > 0 { slowPath.privateQueue.noteMissed(lines: missed) }
  }

  /// Sends what is due, at most about `budget` bytes.
  ///
  /// - Parameters:
  ///   - sent: raised by the number of bytes sent.
  ///   - send: takes pieces to send in order, at least one, none empty, and says how it went; a partial transfer is fine.
  @inline(__always)
  package mutating func deliver(
    from log: borrowing RoomLog, budget: Int, sent: inout Int,
    to send: (UnsafeMutableBufferPointer<iovec>) -> Transfer
  ) -> Outcome {
    var left = budget
    while true {
      let transfer: Transfer
      if let slowPath {
        switch step(slowPath, log, budget: left, send) {
        case .sent(let made): transfer = made
        case .ended(let outcome): return outcome
        case .moved: continue
        }
      } else {
        // With an own line at the front there would be no piece to send.
        while let past = own.end(ofRunAt: position) { position = past }
        if position >= log.head { return .caughtUp }
        if left <= 0 { return .budgetSpent }
        transfer = sendLog(log, to: min(log.head, position + left), send)
      }
      switch transfer {
      case .bytes(let count):
        left -= count
        sent += count
      case .wouldBlock: return .blocked
      case .failed(let error): return .failed(error)
      case .ended: return .failed(SystemCallError("send", code: EPIPE))
      }
    }
  }

  private enum Step {
    case sent(Transfer)
    case ended(Outcome)
    /// Nothing was sent, and there is another step.
    case moved
  }

  /// One step of a delivery to a member with a slow path.
  private mutating func step(
    _ slowPath: SlowPath, _ log: borrowing RoomLog, budget: Int,
    _ send: (UnsafeMutableBufferPointer<iovec>) -> Transfer
  ) -> Step {
    if !slowPath.isAnswerPending { resume(log, slowPath) }
    if slowPath.missedFrom == nil {
      while let past = own.end(ofRunAt: position) { position = past }
    }
    slowPath.ignored.forget(passed: position)
    if slowPath.isOver {
      self.slowPath = nil
      return .moved
    }
    let last = min(log.head, slowPath.end)
    if slowPath.hasPrivateBytes || slowPath.isAnswerPending {
      // `position` may be evicted if the member is overtaken or got to the end of its stream; it is a line boundary then.
      let isWithinLine = slowPath.missedFrom == nil && position < last && !log.isBoundary(position)
      if !isWithinLine, !slowPath.hasPrivateBytes { return .ended(.answerDue) }
      if budget <= 0 { return .ended(.budgetSpent) }
      return .sent(
        isWithinLine
          ? sendLog(log, to: log.boundary(atOrAfter: position), send) : slowPath.sendPrivateBytes(to: send))
    }
    if position >= last { return .ended(.caughtUp) }
    if budget <= 0 { return .ended(.budgetSpent) }
    if slowPath.ignored.isEmpty { return .sent(sendLog(log, to: min(last, position + budget), send)) }
    let end = min(last, position + min(budget, IgnoredLines.maximumRunBytes))
    let ignored = slowPath.ignored.firstLine(from: position, to: end, in: log)
    if ignored == position {
      position = log.boundary(atOrAfter: position + 1)
      return .moved
    }
    return .sent(sendLog(log, to: ignored ?? end, send))
  }

  @inline(__always)
  private mutating func sendLog(
    _ log: borrowing RoomLog, to last: LogOffset, _ send: (UnsafeMutableBufferPointer<iovec>) -> Transfer
  ) -> Transfer {
    if own.isEmpty || own.firstStart >= last {
      let bytes = log.contiguous(from: position, to: last)
      var piece = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
      let transfer = withUnsafeMutablePointer(to: &piece) { send(UnsafeMutableBufferPointer(start: $0, count: 1)) }
      if case .bytes(let count) = transfer { position = position + count }
      return transfer
    }
    return sendAroundOwn(log, to: last, send)
  }

  /// As `sendLog`, where own lines lie before `last`: the pieces between them go out in one call.
  private mutating func sendAroundOwn(
    _ log: borrowing RoomLog, to last: LogOffset, _ send: (UnsafeMutableBufferPointer<iovec>) -> Transfer
  ) -> Transfer {
    let maximumPieces = 64
    let transfer = withUnsafeTemporaryAllocation(of: iovec.self, capacity: maximumPieces) { pieces in
      var count = 0
      var next = position
      var run = own.first
      while next < last && count < maximumPieces {
        let stop = run < own.runs.endIndex ? min(last, own.runs[run].start) : last
        while next < stop && count < maximumPieces {
          let bytes = log.contiguous(from: next, to: stop)
          pieces.initializeElement(
            at: count, to: iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count))
          count += 1
          next = next + bytes.count
        }
        if next == stop, stop < last {
          next = own.runs[run].end
          run += 1
        }
      }
      return send(UnsafeMutableBufferPointer(rebasing: pieces[..<count]))
    }
    if case .bytes(let count) = transfer { advance(by: count) }
    return transfer
  }

  /// Moves `position` on by `count` sent bytes, skipping own lines between them.
  private mutating func advance(by count: Int) {
    var left = count
    while left > 0 {
      let step = own.isEmpty ? left : min(left, own.firstStart - position)
      position = position + step
      left -= step
      while let past = own.end(ofRunAt: position) { position = past }
    }
  }
}

extension Cursor {
  /// Goes on where another program's cursor was.
  /// - Throws: if there is no such place in the log. That of a member that is not in the room may be anywhere.
  package init(
    from reader: inout StateReader, in log: borrowing RoomLog, isInRoom: Bool
  ) throws(StateError) {
    let (position, own): (LogOffset, OwnLines) = (try reader.read(), try reader.read())
    let (slowPath, isProtected): (SlowPath?, Bool) = (try reader.read(), try reader.read())
    if isInRoom {
      let (isOvertaken, end) = (slowPath?.missedFrom != nil, slowPath?.end ?? .never)
      guard position >= log.tail || isOvertaken || position >= end, position <= log.head,
        end == .never || end <= log.head, own.lie(from: isOvertaken ? LogOffset(0) : position, to: log.head)
      else { throw .impossible("a member is outside of what the log keeps") }
      if isProtected, isOvertaken { throw .impossible("a member is overtaken that the log waits for") }
    }
    self.init(joining: log)
    self.position = position
    self.own = own
    self.slowPath = slowPath
    self.isProtected = isProtected
  }

  package borrowing func write(to writer: inout StateWriter) { writer.write(position, own, slowPath, isProtected) }
}
