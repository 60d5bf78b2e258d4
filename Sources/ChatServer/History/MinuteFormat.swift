import Glibc

/// How the minute of an earlier line is shown, in the server's local time: `[21:03]`, or `[2026-11-23 21:03]` if it is not of
/// today.
struct MinuteFormat {
  /// Midnight at which the day began that counts as today, and the one after it, in minutes since 1970, UTC.
  private let today: Range<Int32>
  /// The last minute shown and its text, because lines come minute by minute.
  private var last: (minute: Int32, text: [UInt8])?

  /// - Parameter now: in minutes since 1970, UTC.
  init(now: Int32) {
    var local = Self.local(now)
    (local.tm_sec, local.tm_min, local.tm_hour, local.tm_isdst) = (0, 0, 0, -1)
    let start = mktime(&local)
    // mktime(3) makes the day after the last of a month the first of the next, and knows how long a day with a change of
    // clocks is.
    local.tm_mday += 1
    local.tm_isdst = -1
    let end = mktime(&local)
    today = Int32(clamping: start / 60)..<Int32(clamping: max(start, end) / 60)
  }

  /// The text for a minute; `[--:--]` if it is not known.
  mutating func text(of minute: Int32?) -> [UInt8] {
    guard let minute else { return Array("[--:--]".utf8) }
    if let last, last.minute == minute { return last.text }
    let local = Self.local(minute)
    let time = "\(Self.twoDigits(local.tm_hour)):\(Self.twoDigits(local.tm_min))"
    let day = "\(1900 + local.tm_year)-\(Self.twoDigits(local.tm_mon + 1))-\(Self.twoDigits(local.tm_mday))"
    let text = Array((today.contains(minute) ? "[\(time)]" : "[\(day) \(time)]").utf8)
    last = (minute, text)
    return text
  }

  /// The last minute, `now` included, at which local clocks showed so many minutes after midnight.
  static func last(minuteOfDay: Int, now: Int32) -> Int32 {
    let local = local(now)
    let ago = Int(local.tm_hour) * 60 + Int(local.tm_min) - minuteOfDay
    return now - Int32(ago >= 0 ? ago : ago + 24 * 60)
  }

  private static func local(_ minute: Int32) -> tm {
    var seconds = time_t(minute) * 60
    var local = tm()
    localtime_r(&seconds, &local)
    return local
  }

  private static func twoDigits(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
