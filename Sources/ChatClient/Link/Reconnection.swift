import ChatWire
import Dispatch
import Glibc
import Synchronization

/// Makes a broken connection again, on the receive queue, and says how that goes. Any thread may stop it.
package final class Reconnection: Sendable {
  private let address: Address
  private let sender: Sender
  /// Shows in one line, updated in place where that is possible, how it goes; an empty line takes it away.
  private let setStatus: @Sendable (String) -> Void
  private let stopping: Wakeup
  private let hasStopped = Atomic(false)
  /// A connection that has held for so many seconds was a good one: the waits begin anew.
  private static let goodSeconds = 5.0
  private let backoff = Mutex(Backoff())
  /// When the last connection was made.
  private let lastConnected: Mutex<DispatchTime>

  package init(
    to address: Address, sender: Sender, setStatus: @escaping @Sendable (String) -> Void
  ) throws(SystemCallError) {
    self.address = address
    self.sender = sender
    self.setStatus = setStatus
    stopping = try Wakeup()
    lastConnected = Mutex(.now())
  }

  /// Gives up: the person leaves.
  package func stop() {
    hasStopped.store(true, ordering: .sequentiallyConsistent)
    stopping.call()
  }

  /// Waits and tries until there is a connection again.
  /// - Returns: nil if it was stopped.
  func next() -> ServerConnection? {
    var random = SystemRandomNumberGenerator()
    if DispatchTime.now() >= lastConnected.withLock({ $0 }) + Self.goodSeconds {
      backoff.withLock { $0 = Backoff() }
    }
    while true {
      guard wait(backoff.withLock { $0.next(using: &random) }) else { return nil }
      setStatus(Wording.tryingAgain)
      if let connection = try? ServerConnection.open(to: address) {
        lastConnected.withLock { $0 = .now() }
        setStatus("")
        return connection
      }
    }
  }

  /// Waits so many seconds, and says every second how many are left.
  /// - Returns: false if it was stopped.
  private func wait(_ seconds: Double) -> Bool {
    let end = DispatchTime.now() + seconds
    while !hasStopped.load(ordering: .sequentiallyConsistent) {
      let now = DispatchTime.now()
      guard now < end else { return true }
      let milliseconds = Int((end.uptimeNanoseconds - now.uptimeNanoseconds) / 1_000_000) + 1
      setStatus(Wording.tryingAgain(inSeconds: (milliseconds + 999) / 1000))
      var entry = pollfd(fd: stopping.descriptor, events: Int16(POLLIN), revents: 0)
      _ = poll(&entry, 1, CInt((milliseconds - 1) % 1000 + 1))
    }
    return false
  }

  /// Whether the connection that has just ended is to be made again.
  var isWanted: Bool { !hasStopped.load(ordering: .sequentiallyConsistent) }
}
