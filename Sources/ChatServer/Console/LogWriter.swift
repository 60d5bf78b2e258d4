import ChatWire
import Dispatch
import Glibc
import Synchronization

/// Writes pages of whole lines to a descriptor, from a queue of its own. What cannot be written never ends the server: it is
/// counted, and said in the log once that takes something again.
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
  }

  /// How long lines are gathered before they are written: nobody sees it, and a talk costs few writes.
  private static let gathering = DispatchTimeInterval.milliseconds(50)
  /// Bytes that are worth a write at once.
  private static let worthwhile = 256 << 10
  /// Bytes that wait at most for a descriptor that takes none.
  private static let mostWaiting = 4 << 20

  private let queue = DispatchQueue(label: "mychat.log")
  /// Not owned: standard output outlives everything.
  private let descriptor: CInt
  private let waiting = Mutex(Waiting())

  package init(descriptor: CInt) { self.descriptor = descriptor }

  /// Takes all lines of `page`, and leaves it empty.
  func take(_ page: inout [UInt8]) {
    let (isFirst, isEnough) = waiting.withLock { waiting in
      if waiting.bytes.isEmpty {
        swap(&waiting.bytes, &page)
      } else if waiting.bytes.count + page.count <= Self.mostWaiting {
        waiting.bytes.append(contentsOf: page)
      } else {
        for byte in page where byte == UInt8(ascii: "\n") { waiting.leftOut += 1 }
      }
      let isFirst = !waiting.isDueSoon
      let isEnough = !waiting.isDueNow && waiting.bytes.count >= Self.worthwhile
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

  /// Waits until all that was taken is written, or `seconds` have gone by.
  package func drain(seconds: Double) {
    let done = DispatchSemaphore(value: 0)
    queue.async {
      self.writeWaiting()
      done.signal()
    }
    _ = done.wait(timeout: .now() + seconds)
  }

  private func writeWaiting() {
    var bytes: [UInt8] = []
    let leftOut = waiting.withLock { waiting in
      swap(&bytes, &waiting.bytes)
      defer { waiting.leftOut = 0 }
      return waiting.leftOut
    }
    var lost = bytes.withUnsafeBytes { write($0) }
    if leftOut > 0 {
      let note = Array("[LOG] \(leftOut) lines left out, because standard output took no more.\n".utf8)
      if lost > 0 || note.withUnsafeBytes({ write($0) }) > 0 { lost += leftOut }
    }
    if lost > 0 { waiting.withLock { $0.leftOut += lost } }
    bytes.removeAll(keepingCapacity: true)
    // The page's memory goes back, so that two pages serve for ever.
    waiting.withLock { if $0.bytes.isEmpty, $0.bytes.capacity < bytes.capacity { swap(&bytes, &$0.bytes) } }
  }

  /// - Returns: how many lines could not be written.
  private func write(_ bytes: UnsafeRawBufferPointer) -> Int {
    var rest = bytes
    while let start = rest.baseAddress, rest.count > 0 {
      let count = Glibc.write(descriptor, start, rest.count)
      if count > 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if errno == EAGAIN {
        // Somebody shares the terminal and has made it non-blocking.
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&entry, 1, -1)
      } else if errno != EINTR {
        // Closed, or a full disk: the room goes on, and later lines are tried again.
        tellOnce(SystemCallError("write").reason)
        return rest.count { $0 == UInt8(ascii: "\n") }
      }
    }
    return 0
  }

  private func tellOnce(_ reason: String) {
    let isTold = waiting.withLock { waiting in
      defer { waiting.isFailureTold = true }
      return waiting.isFailureTold
    }
    if isTold { return }
    let line = Array(
      "[ERROR] The log cannot be written to standard output: \(reason). The server goes on; give it another place for its log.\n"
        .utf8)
    _ = line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
