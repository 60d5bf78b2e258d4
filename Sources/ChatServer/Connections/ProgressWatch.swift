import ChatWire

/// Watches whether bytes sent to a peer arrive there.
///
/// The kernel takes bytes for a peer that takes none, or has vanished: what counts is what the peer's side acknowledges.
/// TCP_USER_TIMEOUT (tcp(7)) cannot judge that, because it adds up all the times that a small-window reader stood still.
struct ProgressWatch: Equatable {
  /// How long a peer may take nothing before it is given up.
  struct Limits {
    /// A machine that answers nothing at all.
    var silent: Duration
    /// A machine that answers, but whose program reads too slowly for its window to open: windows open in large steps.
    var stalled: Duration
  }

  enum Finding: Equatable {
    /// Nothing is on its way any more.
    case allArrived
    case checkAgain(at: Moment)
    case givenUp
  }

  /// When the peer was last seen to have taken a byte, or had nothing to take.
  private var lastProgress: Moment
  /// Bytes that its side had acknowledged by then.
  private var acknowledged = 0

  init(startingAt now: Moment) { lastProgress = now }

  /// - Parameters:
  ///   - sent: bytes handed to the kernel so far, over the connection's life.
  ///   - unacknowledged: those of them that the peer's side has not acknowledged.
  ///   - isBlocked: whether more waits for the kernel to take it.
  ///   - interval: how often to check.
  ///   - isAnswering: whether the peer's machine answers; asked only when it matters.
  mutating func check(
    sent: Int, unacknowledged: Int, isBlocked: Bool, at now: Moment, every interval: Duration, limits: Limits,
    isAnswering: () -> Bool
  ) -> Finding {
    if sent - unacknowledged > acknowledged || unacknowledged == 0 { lastProgress = now }
    acknowledged = sent - unacknowledged
    if unacknowledged == 0, !isBlocked { return .allArrived }
    var deadline = lastProgress + limits.silent
    if deadline <= now, isAnswering() { deadline = lastProgress + limits.stalled }
    return deadline <= now ? .givenUp : .checkAgain(at: min(deadline, now + interval))
  }
}

extension ProgressWatch: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    (lastProgress, acknowledged) = (try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) { writer.write(lastProgress, acknowledged) }
}
