import ChatWire
import Dispatch
import Synchronization

/// The events that were not yet shown, between the link's queue, which puts, and the input thread, which takes.
///
/// It is bounded: `put` waits while it is full, so nothing more is received, and the server is slowed.
package final class Mailbox: Sendable {
  /// It is full from so many bytes on. The lines of one receive are not divided, so it may hold some more.
  package static let capacityBytes = 256 * 1024

  private struct State {
    var events: [LinkEvent] = []
    /// What `events` take, in bytes.
    var bytes = 0
    /// Whether `put` waits for `space`.
    var isPutterWaiting = false
  }

  private let state = Mutex(State())
  private let space = DispatchSemaphore(value: 0)
  private let wakeup: Wakeup

  /// - Parameter wakeup: is called when an empty mailbox gets something, and at the end.
  package init(wakeup: Wakeup) { self.wakeup = wakeup }

  package func put(_ events: [LinkEvent]) {
    let bytes = events.reduce(0) { $0 + Self.size(of: $1) }
    while true {
      let isFull = state.withLock { state in
        state.isPutterWaiting = state.bytes >= Self.capacityBytes
        guard !state.isPutterWaiting else { return true }
        if state.events.isEmpty { wakeup.call() }
        // Replaces an older number of seconds, which nobody needs any more.
        if case .waiting = state.events.last, case .waiting = events.first { state.events.removeLast() }
        state.events += events
        state.bytes += bytes
        return false
      }
      guard isFull else { break }
      space.wait()
    }
    if ending != nil { wakeup.call() }
  }

  private static func size(of event: LinkEvent) -> Int {
    guard case .lines(let lines) = event else { return 0 }
    return MemoryLayout<LinkEvent>.stride + lines.text.count
  }

  package var isEmpty: Bool { state.withLock { $0.events.isEmpty } }

  /// Why nothing more will come, if that was put and not taken.
  package var ending: Ending? {
    if case .ended(let ending) = state.withLock({ $0.events.last }) { ending } else { nil }
  }

  /// Takes all that waits.
  package func take() -> [LinkEvent] {
    state.withLock { state in
      if state.isPutterWaiting {
        state.isPutterWaiting = false
        space.signal()
      }
      defer { (state.events, state.bytes) = ([], 0) }
      return state.events
    }
  }
}
