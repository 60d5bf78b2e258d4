import ChatWire
import Dispatch
import Glibc
import Synchronization

/// What was received and not yet shown, between the receive queue, which puts, and the input thread, which takes.
///
/// It is bounded: whoever puts waits while it is full, and so the server is slowed.
package final class Mailbox: Sendable {
  /// Bytes from which on it is full; what one receive brought is never parted.
  package static let capacity = 256 * 1024

  private struct State {
    /// Safe lines, each with a newline.
    var lines: [UInt8] = []
    /// One line about the connection, without newline, while there is something to say.
    var status: [UInt8] = []
    /// Set once nothing more will come.
    var ending: Ending?
    /// Whether somebody waits for `room`.
    var isAwaited = false
  }

  private let state = Mutex(State())
  private let room = DispatchSemaphore(value: 0)
  private let wakeup: Wakeup

  /// - Parameter wakeup: is called when an empty inbox gets something, and at the end.
  package init(wakeup: Wakeup) { self.wakeup = wakeup }

  package func put(_ lines: [UInt8]) {
    while true {
      let isFull = state.withLock { state in
        state.isAwaited = state.lines.count >= Self.capacity
        guard !state.isAwaited else { return true }
        if state.lines.isEmpty { wakeup.call() }
        state.lines += lines
        return false
      }
      guard isFull else { return }
      room.wait()
    }
  }

  /// Says in one line how the connection is, in place of what was said before; an empty one says nothing.
  package func setStatus(_ status: String) {
    state.withLock { $0.status = Array(status.utf8) }
    wakeup.call()
  }

  package var status: [UInt8] { state.withLock { $0.status } }

  package func end(_ ending: Ending) {
    state.withLock { $0.ending = ending }
    wakeup.call()
  }

  package var isEmpty: Bool { state.withLock { $0.lines.isEmpty } }

  package var hasEnded: Bool { state.withLock { $0.ending != nil } }

  /// Takes all that waits.
  /// - Returns: the ending with the last lines, when there is one.
  package func take() -> (lines: [UInt8], ending: Ending?) {
    state.withLock { state in
      if state.isAwaited {
        state.isAwaited = false
        room.signal()
      }
      defer { state.lines = [] }
      return (state.lines, state.ending)
    }
  }
}
