import ChatWire

/// Whether the size of the screen is certain. A terminal may break its rows anew some time before it says so: tmux does the first at
/// once, and tells of it every 250 ms at most. What is moved over or cleared meanwhile may be what somebody said.
struct Resizing {
  /// How long after the last change the size is certain.
  private static let settleTime = Duration.milliseconds(350)
  /// How long it is waited for at most.
  private static let patience = Duration.seconds(1)

  /// The first change that was not followed by quiet, or the last time that it was not waited for; and the last change.
  private var changes: (began: Moment, last: Moment)?

  mutating func note(at now: Moment = .now) { changes = (isSettled(at: now) ? now : changes?.began ?? now, now) }

  func isSettled(at now: Moment = .now) -> Bool { changes.map { $0.last + Self.settleTime <= now } ?? true }

  /// When to draw next.
  var drawMoment: Moment {
    changes.map { min($0.last + Self.settleTime, $0.began + Self.patience) } ?? Moment(nanoseconds: 0)
  }

  /// It was drawn although the size is not certain.
  mutating func noteDrawing(at now: Moment = .now) { changes?.began = now }
}
