import ChatWire
import Dispatch
import Glibc
import Synchronization

/// Writes pages of whole lines to a descriptor, from a queue of its own. An output that takes nothing never ends the server:
/// lines that cannot be kept or written are counted, and the log says how many there were once it can be written again.
package final class LogWriter: Sendable {
  private struct Waiting {
    var bytes: [UInt8] = []
    /// Lines that came while `bytes` was full, or that could not be written.
    var leftOut = 0
    /// Set once standard error has been told that the log cannot be written.
    var isFailureTold = false
    /// Set while a write is due soon, and while one is due at once.
    var isDueSoon = false
    var isDueNow = false
    /// Set while the output ends within a line, because an error came after a part of it was written.
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

  private let queue = DispatchQueue(label: "mychat.log")
  /// Not owned: standard output outlives everything.
  private let descriptor: CInt
  private let waiting = Mutex(Waiting())
  /// Bytes written so far.
  private let written = Atomic(0)

  package init(descriptor: CInt) { self.descriptor = descriptor }

  /// Takes all lines of `page`, and leaves it empty.
  func take(_ page: inout [UInt8]) {
    let (isFirst, isEnough) = waiting.withLock { waiting in
      if waiting.bytes.isEmpty {
        swap(&waiting.bytes, &page)
      } else if waiting.bytes.count + page.count <= Self.maximumWaitingBytes {
        waiting.bytes.append(contentsOf: page)
      } else {
        for byte in page where byte == UInt8(ascii: "\n") { waiting.leftOut += 1 }
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
  package func drain(seconds: Double) {
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

  private func writeWaiting() {
    var bytes: [UInt8] = []
    let leftOut = waiting.withLock { waiting in
      swap(&bytes, &waiting.bytes)
      defer { waiting.leftOut = 0 }
      return waiting.leftOut
    }
    var lost = write(bytes)
    if leftOut > 0 {
      let note = Array("[LOG] \(leftOut) lines left out, because standard output took no more.\n".utf8)
      if lost > 0 || write(note) > 0 { lost += leftOut }
    }
    if lost > 0 { waiting.withLock { $0.leftOut += lost } }
    bytes.removeAll(keepingCapacity: true)
    // Two buffers take turns, so that none has to be allocated.
    waiting.withLock { if $0.bytes.isEmpty, $0.bytes.capacity < bytes.capacity { swap(&bytes, &$0.bytes) } }
  }

  /// - Returns: how many lines could not be written; a torn one is among them.
  private func write(_ lines: [UInt8]) -> Int {
    if waiting.withLock({ $0.isTorn }), put([UInt8(ascii: "\n")]) == 0 {
      return lines.count { $0 == UInt8(ascii: "\n") }
    }
    return lines[put(lines)...].count { $0 == UInt8(ascii: "\n") }
  }

  /// - Returns: how many bytes were written before an error.
  private func put(_ bytes: [UInt8]) -> Int {
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
      if count > 0 { waiting.withLock { $0.isTorn = bytes[count - 1] != UInt8(ascii: "\n") } }
      // Closed, or a full disk: the room goes on, and later lines are tried again.
      if let failure { tellOnce(failure.reason) }
      return count
    }
  }

  private func tellOnce(_ reason: String) {
    let isTold = waiting.withLock { waiting in
      defer { waiting.isFailureTold = true }
      return waiting.isFailureTold
    }
    if isTold { return }
    StandardOutput.report(
      error:
        "The log cannot be written to standard output: \(reason). The server goes on; give it another place for its log."
    )
  }
}
