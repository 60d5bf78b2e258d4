import ChatWire
import Glibc

/// Reads lines from standard input where that is no terminal to edit on, and sends them as they come: while the server
/// does not take them, no more are read.
struct PlainInput {
  /// Bytes that one read brings at most.
  private static let readBytes = 64 * 1024

  let sender: Sender
  let inbox: Inbox
  /// Can be read once the connection has ended, or all is sent.
  let wakeup: Wakeup

  /// How sending came to its end.
  enum Outcome {
    /// By `exit` or the end of input; the goodbye is sent.
    case left
    /// Because the server takes nothing more.
    case interrupted
    /// Nobody reads standard output any more.
    case unread
  }

  func sendAll() -> Outcome {
    // A line that is longer than this goes as several: it has to end in bounded memory, and no server takes it whole.
    var framer = LineFramer(maximumLineBytes: ReceivedText.maximumLineBytes, overlong: .split)
    return withUnsafeTemporaryAllocation(byteCount: Self.readBytes, alignment: 16) { buffer in
      while true {
        if let outcome = waitForInput() { return outcome }
        let count = read(STDIN_FILENO, buffer.baseAddress, buffer.count)
        if count < 0 && (errno == EAGAIN || errno == EINTR) { continue }

        var batch = Batch()
        if count > 0 {
          let bytes = UnsafeBufferPointer(rebasing: buffer.bindMemory(to: UInt8.self)[..<count])
          _ = framer.consume(Span(_unsafeElements: bytes)) { batch.append($1) }
        } else {
          _ = framer.silence { batch.append($1) }
          batch.isLast = true
        }
        sender.send(batch.lines)
        if batch.isLast {
          if let outcome = waitUntilSent() { return outcome }
          return sender.leaveNow() ? .left : .interrupted
        }
      }
    }
  }

  /// The lines that one read completed.
  private struct Batch {
    /// What goes out, each line with a newline.
    var lines: [UInt8] = []
    /// Set by `exit`: nothing after it counts.
    var isLast = false

    mutating func append(_ line: Span<UInt8>) -> Bool {
      switch isLast ? .blank : OutgoingLine(line) {
      case .blank: break
      case .exit: isLast = true
      case .message:
        line.withUnsafeBufferPointer { lines.append(contentsOf: $0) }
        lines.append(UInt8(ascii: "\n"))
      }
      return true
    }
  }

  /// Waits for input, and before that until the server has taken all that was read.
  /// - Returns: why there will be none.
  private func waitForInput() -> Outcome? {
    while true {
      if let outcome = waitUntilSent() { return outcome }
      let ready = Self.wait(for: STDIN_FILENO, or: wakeup)
      if ready.isUnread { return .unread }
      if ready.input { return nil }
    }
  }

  private func waitUntilSent() -> Outcome? {
    while true {
      if inbox.hasEnded { return .interrupted }
      if sender.isIdle { return nil }
      if Self.wait(for: -1, or: wakeup).isUnread { return .unread }
    }
  }

  /// Waits for input or a call.
  /// - Parameter input: is passed over if negative (poll(2)).
  static func wait(for input: CInt, or wakeup: Wakeup) -> (input: Bool, isUnread: Bool) {
    var entries = [
      pollfd(fd: input, events: Int16(POLLIN), revents: 0),
      pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: STDOUT_FILENO, events: 0, revents: 0),
    ]
    while poll(&entries, nfds_t(entries.count), -1) < 0 && errno == EINTR {}
    if entries[1].revents != 0 { wakeup.clear() }
    return (entries[0].revents != 0, Int32(entries[2].revents) & POLLERR != 0)
  }
}
