import ChatWire
import Glibc

/// Reads lines from standard input where that is no terminal to edit on, and sends them as they come: while the server
/// does not take them, no more are read.
struct PlainInput {
  /// Bytes that one read brings at most.
  private static let readBytes = 64 * 1024

  let connection: Connection
  /// Can be read once the connection has ended.
  let wakeup: Wakeup

  /// How sending came to its end.
  enum Outcome {
    /// By `exit` or the end of input; the goodbye is sent.
    case left
    /// By a call of `wakeup`, or because the server takes nothing more.
    case interrupted
    /// Nobody reads standard output any more.
    case unread
  }

  func sendAll() -> Outcome {
    // A line that is longer than this goes as several: it has to end in bounded memory, and no server takes it whole.
    var framer = LineFramer(maximumLineBytes: ReceivedText.maximumLineBytes, overlong: .split)
    return withUnsafeTemporaryAllocation(byteCount: Self.readBytes, alignment: 16) { buffer in
      while true {
        guard let isReady = wait() else { return .interrupted }
        guard isReady else { return .unread }
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
        guard connection.send(batch.lines, stop: wakeup.descriptor) else { return .interrupted }
        if batch.isLast {
          return OutgoingLine.leave(connection, stop: wakeup.descriptor) ? .left : .interrupted
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

  /// Waits for input.
  /// - Returns: nil if the connection has ended, false if nobody reads standard output any more.
  private func wait() -> Bool? {
    var entries = [
      pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
      pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: STDOUT_FILENO, events: 0, revents: 0),
    ]
    while poll(&entries, nfds_t(entries.count), -1) < 0 && errno == EINTR {}
    if entries[1].revents != 0 { return nil }
    return Int32(entries[2].revents) & POLLERR == 0
  }
}
