import Glibc

/// An instant of the monotonic clock, which setting the time does not move: the clock of poll(2) and of `DispatchTime`.
///
/// `ContinuousClock.Instant` would not do: it takes 16 bytes in place of 8, and it goes on while the machine is suspended,
/// when neither poll nor a dispatch timer does.
///
/// Public where all else is `package`, because other modules see through a conformance only if it is public: comparing two
/// moments is one instruction there, and would be a call through a table.
@frozen
public struct Moment: Comparable, Sendable {
  public var nanoseconds: UInt64

  @inlinable
  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  public static var now: Moment {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Moment(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
  }

  @inlinable
  public static var never: Moment { Moment(nanoseconds: .max) }

  public var hasPassed: Bool { self <= .now }

  /// - Parameter later: must not be earlier than this moment.
  @inlinable
  public func distance(to later: Moment) -> Duration { .nanoseconds(later.nanoseconds - nanoseconds) }

  /// Milliseconds until this moment, as poll(2) takes them: rounded up, so that the moment has passed when poll
  /// returns. 0 once it has passed, -1 for `never`.
  public var millisecondsForPoll: CInt {
    guard self != .never else { return -1 }
    let now = Moment.now
    return now < self ? CInt(clamping: (nanoseconds - now.nanoseconds + 999_999) / 1_000_000) : 0
  }

  @inlinable
  public static func < (left: Moment, right: Moment) -> Bool { left.nanoseconds < right.nanoseconds }

  @inlinable
  public static func + (moment: Moment, duration: Duration) -> Moment {
    let (seconds, attoseconds) = duration.components
    return Moment(
      nanoseconds: moment.nanoseconds + UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000))
  }
}
