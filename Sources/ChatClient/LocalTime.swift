import Glibc

/// A point in time as a clock and a calendar here show it.
package struct LocalTime {
  private let parts: tm

  package init(_ time: timespec) {
    var (seconds, parts) = (time.tv_sec, tm())
    localtime_r(&seconds, &parts)
    self.parts = parts
  }

  /// The present, of the clock that may be set.
  package static func now() -> timespec {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return now
  }

  /// As in `21:03` or `21:03:05`.
  func clock(withSeconds: Bool = false) -> String {
    Self.padded(parts.tm_hour) + ":" + Self.padded(parts.tm_min) + (withSeconds ? ":" + Self.padded(parts.tm_sec) : "")
  }

  /// As in `2026-11-30`.
  var date: String { "\(parts.tm_year + 1900)-\(Self.padded(parts.tm_mon + 1))-\(Self.padded(parts.tm_mday))" }

  private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

  /// As in `Monday 2026-11-30`.
  var day: String { "\(Self.weekdays[Int(parts.tm_wday)]) \(date)" }

  private static func padded(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
