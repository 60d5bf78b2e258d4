import ChatWire
import Dispatch
import Glibc
import Synchronization

/// Writes pages of whole lines to a descriptor, from a queue of its own: the server's log, and the transcript. An output that
/// takes nothing never ends the server and never holds up its caller: lines that cannot be kept or written are counted, and
/// once the output takes lines again, one stands in their place that says how many there were.
final class LineWriter: Sendable {
  /// What is said where lines could not be written.
  struct Words: Sendable {
    /// The line that stands in the place of so many lines, without its newline.
    let missing: @Sendable (_ lines: Int) -> String
    /// What standard error is told, once: the output, why it takes nothing, and what to do.
    let trouble: @Sendable (_ reason: String) -> String
  }

  private struct Waiting {
    /// Lines that could not be written before `bytes`.
    var lostBefore = 0
    var bytes: [UInt8] = []
    /// Lines that came after `bytes`, when it was full.
    var leftOut = 0
    /// Set once standard error has been told that the output takes nothing.
    var isTroubleTold = false
    /// Set while a write is due soon, and while one is due at once.
    var isDueSoon = false
    var isDueNow = false
    /// Set while the output ends within a line, because an error came after a part of it was written, and it is no file from
    /// which that part could be cut off.
    var isTorn = false
  }

  /// How long lines are gathered before they are written: too short to be seen, and long enough to save most writes.
  private static let gathering = DispatchTimeInterval.milliseconds(50)
  /// Bytes that are written without gathering more.
  private static let worthwhileBytes = 256 << 10
  /// Bytes kept for an output that takes none.
  private static let maximumWaitingBytes = 4 << 20
  /// Bytes of one write: what a pipe holds (pipe(7)), so that `drain` sees whether anything moves.
  private static let pieceBytes = 64 << 10
  /// How long an output may take nothing during a drain, in milliseconds.
  private static let drainPause = 250

  private let queue: DispatchQueue
  let descriptor: CInt
  private let owner: (any Sendable)?
  private let words: Words
  private let waiting = Mutex(Waiting())
  /// Bytes written so far.
  private let written = Atomic(0)

  /// - Parameters:
  ///   - name: of the writer's queue, as debuggers show it.
  ///   - descriptor: must stay open for as long as there is something to write.
  ///   - owner: what keeps the descriptor open; nil for one that outlives everything.
  init(name: String, descriptor: CInt, keptOpenBy owner: (any Sendable)? = nil, words: Words) {
    queue = DispatchQueue(label: name)
    self.descriptor = descriptor
    self.owner = owner
    self.words = words
  }

  /// Takes all lines of `page`, and leaves it empty.
  func take(_ page: inout [UInt8]) {
    let (isFirst, isEnough) = waiting.withLock { waiting in
      if waiting.bytes.isEmpty, waiting.leftOut == 0 {
        swap(&waiting.bytes, &page)
      } else if waiting.leftOut == 0, waiting.bytes.count + page.count <= Self.maximumWaitingBytes {
        waiting.bytes.append(contentsOf: page)
      } else {
        waiting.leftOut += Self.lines(in: page[...])
      }
      let isFirst = !waiting.isDueSoon
      let isEnough = !waiting.isDueNow && waiting.bytes.count >= Self.worthwhileBytes
      waiting.isDueSoon = true
      if isEnough { waiting.isDueNow = true }
      return (isFirst, isEnough)
    }
    page.removeAll(keepingCapacity: true)
    if isFirst {
      queue.asyncAfter(deadline: .now() + Self.gathering) {
        self.waiting.withLock { $0.isDueSoon = false }
        self.writeWaiting()
      }
    }
    if isEnough {
      queue.async {
        self.waiting.withLock { $0.isDueNow = false }
        self.writeWaiting()
      }
    }
  }

  /// Waits until all that was taken is written, for `seconds` at most, and less if the output takes nothing.
  func drain(seconds: Double) {
    let done = DispatchSemaphore(value: 0)
    queue.async {
      self.writeWaiting()
      done.signal()
    }
    let deadline = Moment.now + .seconds(seconds)
    var before = written.load(ordering: .relaxed)
    while done.wait(timeout: .now() + .milliseconds(Self.drainPause)) == .timedOut {
      let now = written.load(ordering: .relaxed)
      let isStalled = now == before && !FileDescriptor.wait(for: POLLOUT, on: descriptor, until: .now)
      if isStalled || deadline.hasPassed { return }
      before = now
    }
  }

  /// Calls `exchange` once all that was taken before is written, and before anything else is.
  /// - Parameter exchange: puts another file under the descriptor, and returns whether it has.
  func exchangeOutput(_ exchange: @escaping @Sendable () -> Bool) {
    queue.async {
      self.writeWaiting()
      guard exchange() else { return }
      self.waiting.withLock {
        $0.isTorn = false
        $0.isTroubleTold = false
      }
    }
  }

  private func writeWaiting() {
    var bytes: [UInt8] = []
    let (lostBefore, leftOut) = waiting.withLock { waiting in
      swap(&bytes, &waiting.bytes)
      defer { (waiting.lostBefore, waiting.leftOut) = (0, 0) }
      return (waiting.lostBefore, waiting.leftOut)
    }
    let lost = write(bytes, after: lostBefore, before: leftOut)
    bytes.removeAll(keepingCapacity: true)
    waiting.withLock {
      $0.lostBefore = lost
      // Two buffers take turns, so that none has to be allocated.
      if $0.bytes.isEmpty, $0.bytes.capacity < bytes.capacity { swap(&bytes, &$0.bytes) }
    }
  }

  /// Writes whole lines, and says in their places how many are missing before and behind them.
  /// - Returns: how many lines are missing at the end of the output now; a torn one is among them.
  private func write(_ lines: [UInt8], after lostBefore: Int, before leftOut: Int) -> Int {
    let note = lostBefore > 0 ? noteLine(of: lostBefore) : []
    let isWhole = !waiting.withLock { $0.isTorn } || put([UInt8(ascii: "\n")]) == 1
    let written = isWhole ? put(note.isEmpty ? lines : note + lines, beginningWithNoteOf: note.count) : 0
    guard written >= note.count, isWhole else { return lostBefore + Self.lines(in: lines[...]) + leftOut }
    let lost = Self.lines(in: lines[(written - note.count)...])
    guard lost == 0, leftOut > 0 else { return lost + leftOut }
    let last = noteLine(of: leftOut)
    return put(last) == last.count ? 0 : leftOut
  }

  /// The line that stands for missing ones.
  private func noteLine(of missing: Int) -> [UInt8] { Array("\(words.missing(missing))\n".utf8) }

  /// - Parameter noteBytes: of the line at the start that is worth nothing without the next one.
  /// - Returns: how many bytes were written before an error, and stand.
  private func put(_ bytes: [UInt8], beginningWithNoteOf noteBytes: Int = 0) -> Int {
    bytes.withUnsafeBytes { bytes in
      var count = 0
      var failure: SystemCallError?
      while count < bytes.count && failure == nil {
        let piece = UnsafeRawBufferPointer(rebasing: bytes[count...].prefix(Self.pieceBytes))
        let outcome = FileDescriptor.writeAll(piece, to: descriptor)
        written.add(outcome.count, ordering: .relaxed)
        count += outcome.count
        failure = outcome.error
      }
      // Closed, or a full disk: the room goes on, and later lines are tried again.
      if let failure {
        tellOnce(failure.reason)
        let ofWholeLines = bytes[..<count].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let worthwhile = ofWholeLines > noteBytes ? ofWholeLines : 0
        if count > worthwhile, cutOff(count - worthwhile) { count = worthwhile }
      }
      if count > 0 { waiting.withLock { $0.isTorn = bytes[count - 1] != UInt8(ascii: "\n") } }
      return count
    }
  }

  /// Removes the last bytes of the output, so that every line of a file is whole, and whoever reads it can take it apart.
  /// - Returns: false if it is no file, or somebody else has written to it since.
  private func cutOff(_ count: Int) -> Bool {
    var information = stat()
    guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG,
      lseek(descriptor, 0, SEEK_CUR) == information.st_size
    else { return false }
    let end = information.st_size - off_t(count)
    // Where it is not open for appending, the next line would leave a gap.
    return ftruncate(descriptor, end) == 0 && lseek(descriptor, end, SEEK_SET) == end
  }

  private func tellOnce(_ reason: String) {
    let isTold = waiting.withLock { waiting in
      defer { waiting.isTroubleTold = true }
      return waiting.isTroubleTold
    }
    if !isTold { StandardOutput.report(error: words.trouble(reason)) }
  }

  private static func lines(in bytes: ArraySlice<UInt8>) -> Int { bytes.count { $0 == UInt8(ascii: "\n") } }
}

extension LineWriter {
  /// How an output was left, for the program that writes there next.
  package struct Remainder: StateCoded, Sendable {
    /// Lines that are missing at its end.
    fileprivate var lost = 0
    fileprivate var isTroubleTold = false
    fileprivate var isTorn = false

    init() {}

    package init(from reader: inout StateReader) throws(StateError) {
      (lost, isTroubleTold, isTorn) = (try reader.read(), try reader.read(), try reader.read())
    }

    package func write(to writer: inout StateWriter) { writer.write(lost, isTroubleTold, isTorn) }
  }

  /// Waits until all that was taken is written or given up, for `seconds` at most. Nothing may be taken meanwhile.
  /// - Returns: nil if the output takes nothing for so long; some of a write may be there then, and some not.
  func settle(seconds: Double) -> Remainder? {
    let done = DispatchSemaphore(value: 0)
    queue.async {
      self.writeWaiting()
      done.signal()
    }
    guard done.wait(timeout: .now() + seconds) == .success else { return nil }
    return waiting.withLock { waiting in
      var remainder = Remainder()
      (remainder.lost, remainder.isTroubleTold) = (waiting.lostBefore, waiting.isTroubleTold)
      remainder.isTorn = waiting.isTorn
      return remainder
    }
  }

  /// Goes on where another program has stopped to write.
  func goOn(after remainder: Remainder) {
    waiting.withLock {
      ($0.lostBefore, $0.isTroubleTold) = (remainder.lost, remainder.isTroubleTold)
      $0.isTorn = remainder.isTorn
    }
  }
}
