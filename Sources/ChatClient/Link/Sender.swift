import ChatWire
import Dispatch
import Glibc
import Synchronization

/// Sends on a serial queue of its own, so that a server that does not read never blocks the input thread.
///
/// The lines that wait have no bound, because a person types them; the reader of a pipe waits for `isIdle`. A failed write
/// ends the connection, of which the link learns when it receives.
final class Sender: Sendable {
  private struct State {
    /// What lines are written to; nil while there is none that works.
    var connection: ServerConnection?
    /// What was not written yet; of the first, only the end may be left.
    var waiting: ArraySlice<Waiting> = []
    /// What was written and may not have arrived.
    var sent: UnconfirmedLines
    /// When something was last written or could first be written.
    var lastProgress = Moment.now
    /// Whether to say goodbye once nothing waits.
    var isLeaving = false

    /// Takes `count` bytes off the first that wait.
    mutating func removeFirst(_ count: Int) {
      guard let first = waiting.first else { return }
      // An empty array in its place, because a slice keeps the memory of all that it began with.
      waiting[waiting.startIndex].lines = count < first.lines.count ? first.lines.dropFirst(count) : []
      if count == first.lines.count { waiting = waiting.dropFirst() }
    }
  }

  private struct Waiting {
    /// Whole lines, each with its newline.
    var lines: ArraySlice<UInt8>
    let author: Author
  }

  /// Who says a line.
  private enum Author {
    case person
    /// The client itself: the line is for one connection, and nobody is told if it is lost.
    case client
  }

  /// How long a server may take nothing of a pipe's input: as long as ours waits for a silent machine.
  static let patience = Duration.seconds(30)
  /// Bytes that one write takes at most.
  private static let writeBytes = 64 * 1024

  private let state: Mutex<State>
  private let queue = DispatchQueue(label: "mychat.send")
  /// Called whenever nothing waits any more.
  private let wakeup: Wakeup
  /// Whether to remember what may be on its way.
  private let remembers: Bool

  /// - Parameter remembers: whether `disconnect` is to say what may or may not have arrived.
  init(_ connection: ServerConnection, remembers: Bool, wakeup: Wakeup) {
    let proof: UnconfirmedLines.Proof = connection.isOverSSH ? .time : .acknowledgement
    state = Mutex(State(connection: connection, sent: UnconfirmedLines(settledBy: proof)))
    self.remembers = remembers
    self.wakeup = wakeup
  }

  /// Whether nothing waits to be written.
  var isIdle: Bool { state.withLock { $0.waiting.isEmpty } }

  /// When the server has taken nothing for too long; each time later while there is no connection.
  var stallDeadline: Moment {
    state.withLock { ($0.connection == nil ? .now : $0.lastProgress) + Self.patience }
  }

  /// Sends `lines`, each with its newline, once a connection takes them.
  func send(_ lines: [UInt8]) {
    guard !lines.isEmpty else { return }
    state.withLock { append(lines, by: .person, to: &$0) }
    queue.async { self.drain() }
  }

  /// Sends `lines` of the client itself, each with its newline, on the present connection or not at all.
  func sendOwn(_ lines: [UInt8]) {
    state.withLock { if $0.connection != nil { append(lines, by: .client, to: &$0) } }
    queue.async { self.drain() }
  }

  private func append(_ lines: [UInt8], by author: Author, to state: inout State) {
    if state.waiting.isEmpty { state.lastProgress = .now }
    state.waiting.append(Waiting(lines: lines[...], author: author))
  }

  private func drain() {
    while let (connection, piece, author) = nextPiece() {
      // The kernel would take one more piece for a server that has gone, and lose it.
      let hasGone = connection.isEnded(within: 0)
      let count = hasGone ? 0 : connection.sendSome(piece)
      let isIdle = state.withLock { state in
        if remembers && author == .person {
          state.sent.append(
            piece.prefix(count), unacknowledged: connection.unacknowledgedBytes, now: .now)
        }
        state.lastProgress = .now
        state.removeFirst(count)
        if count == 0 { state.connection = nil }
        return state.waiting.isEmpty
      }
      // A server that reads no more may never end its own stream, so the receiver would wait for ever.
      if count == 0 && !hasGone { connection.shutdown() }
      if isIdle { wakeup.call() }
    }
    sayGoodbye()
  }

  private func nextPiece() -> (ServerConnection, ArraySlice<UInt8>, Author)? {
    state.withLock { state in
      guard let connection = state.connection, let first = state.waiting.first else { return nil }
      return (connection, first.lines.prefix(Self.writeBytes), first.author)
    }
  }

  /// Says goodbye once all before it is sent.
  func leave() {
    state.withLock { $0.isLeaving = true }
    queue.async { self.drain() }
  }

  private func sayGoodbye() {
    let state = state.withLock { $0 }
    guard state.isLeaving, state.waiting.isEmpty, let connection = state.connection else { return }
    self.state.withLock { $0.isLeaving = false }
    let earliest = state.lastProgress + ServerConnection.goodbyePause
    while !earliest.hasPassed { _ = poll(nil, 0, earliest.millisecondsForPoll) }
    connection.leave()
  }

  /// Whether some of what was written may not have arrived.
  var hasUnconfirmedLines: Bool { state.withLock { !$0.sent.isEmpty } }

  /// Gives up the connection, which has ended. Lines that were not written stay, to be sent on the next one.
  /// - Parameter inOrder: whether the server ended it in order.
  /// - Returns: the lines that may or may not have arrived, each without its newline.
  func disconnect(_ connection: ServerConnection, inOrder: Bool) -> [[UInt8]] {
    // Asked before the shutdown, because the end of the stream would count as a byte.
    let unacknowledged = connection.unacknowledgedBytes
    // Ends a write that waits for a server that takes nothing.
    connection.shutdown()
    return queue.sync {
      state.withLock { state in
        state.connection = nil
        var uncertain = state.sent.takeUncertain(unacknowledged: unacknowledged, inOrder: inOrder, now: .now)
        // A line that went out in part is uncertain as a whole.
        if let last = uncertain.last, last != UInt8(ascii: "\n"), let first = state.waiting.first?.lines {
          let end = first.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? first.endIndex
          uncertain += first[..<end]
          state.removeFirst(end - first.startIndex)
        }
        state.waiting.removeAll { $0.author == .client }
        return uncertain.split(separator: UInt8(ascii: "\n")).map { Array($0) }
      }
    }
  }

  /// Continues on another connection.
  /// - Parameter greeting: lines of the client itself that come first, each with its newline.
  func resume(on connection: ServerConnection, greeting: [UInt8]) {
    state.withLock { state in
      (state.connection, state.lastProgress) = (connection, .now)
      if !greeting.isEmpty { state.waiting = [Waiting(lines: greeting[...], author: .client)] + state.waiting }
    }
    queue.async { self.drain() }
  }

  /// The lines that were not written, each without its newline.
  var unsentLines: [[UInt8]] {
    let lines = state.withLock { $0.waiting.filter { $0.author == .person }.flatMap(\.lines) }
    return lines.split(separator: UInt8(ascii: "\n")).map { Array($0) }
  }
}
