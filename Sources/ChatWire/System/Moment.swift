import Glibc

/// An instant of the monotonic clock, which setting the time does not move: the clock of poll(2) and of `DispatchTime`.
///
/// `ContinuousClock.Instant` would not do: it takes 16 bytes in place of 8, and it goes on while the machine is suspended,
/// when neither poll nor a dispatch timer does.
@frozen
package struct Moment: Comparable, Sendable {
  package var nanoseconds: UInt64

  @inlinable
  package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  package static var now: Moment {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Moment(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
  }

  @inlinable
  package static var never: Moment { Moment(nanoseconds: .max) }

  package var hasPassed: Bool { self <= .now }

  /// - Parameter later: must not be earlier than this moment.
  @inlinable
  package func distance(to later: Moment) -> Duration { .nanoseconds(later.nanoseconds - nanoseconds) }

  /// Milliseconds until this moment, as poll(2) takes them: rounded up, so that the moment has passed when poll
  /// returns. 0 once it has passed, -1 for `never`.
  package var millisecondsForPoll: CInt {
    guard self != .never else { return -1 }
    let now = Moment.now
    return now < self ? CInt(clamping: (nanoseconds - now.nanoseconds + 999_999) / 1_000_000) : 0
  }

  @inlinable
  package static func < (left: Moment, right: Moment) -> Bool { left.nanoseconds < right.nanoseconds }

  @inlinable
  package static func + (moment: Moment, duration: Duration) -> Moment {
    let (seconds, attoseconds) = duration.components
    return Moment(
      nanoseconds: moment.nanoseconds + UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000))
  }
}
