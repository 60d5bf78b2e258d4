import Dispatch

/// A moment on the monotonic clock, in nanoseconds: deadlines do not move when somebody sets the time.
struct Moment: Comparable {
  var nanoseconds: UInt64

  static var now: Moment { Moment(nanoseconds: DispatchTime.now().uptimeNanoseconds) }
  static let never = Moment(nanoseconds: .max)

  func distance(to later: Moment) -> Duration { .nanoseconds(later.nanoseconds - nanoseconds) }

  static func < (left: Moment, right: Moment) -> Bool { left.nanoseconds < right.nanoseconds }
  static func + (moment: Moment, duration: Duration) -> Moment {
    let (seconds, attoseconds) = duration.components
    return Moment(
      nanoseconds: moment.nanoseconds + UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000))
  }
}
