import Glibc

/// A point in time as people and files name it, to the second, in UTC: `2026-11-23T21:03:05Z` (RFC 3339). The clock that it
/// comes from may be set, so no wait is measured with it; `Moment` is for that.
package struct WallTime: Comparable, Hashable, Sendable, CustomStringConvertible {
  /// Seconds since 1970 began, leap seconds not counted (time(2)).
  package let seconds: Int

  package init(seconds: Int) { self.seconds = seconds }

  package static var now: WallTime { WallTime(seconds: time(nil)) }

  /// Whole minutes since 1970 began.
  package var minute: Int32 { Int32(clamping: seconds / 60) }

  /// How many bytes the text of a time has.
  package static let textBytes = 20

  package var description: String { String(decoding: bytes, as: UTF8.self) }

  /// The text as bytes.
  package var bytes: [UInt8] {
    var (time, parts) = (time_t(seconds), tm())
    gmtime_r(&time, &parts)
    let numbers = [
      Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday), Int(parts.tm_hour), Int(parts.tm_min),
      Int(parts.tm_sec),
    ]
    var text = Self.form
    for (number, places) in zip(numbers, Self.places) {
      var rest = number
      for place in places.reversed() {
        text[place] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      }
    }
    return text
  }

  /// The text of a time of the clock that may be set (`CLOCK_REALTIME`), to the millisecond: `2026-11-23T21:03:05.479Z`.
  package static func text(ofMilliseconds time: timespec) -> [UInt8] {
    let milliseconds = time.tv_nsec / 1_000_000
    let digits = [milliseconds / 100, milliseconds / 10 % 10, milliseconds % 10].map { UInt8(ascii: "0") + UInt8($0) }
    return WallTime(seconds: time.tv_sec).bytes.dropLast() + [UInt8(ascii: ".")] + digits + [UInt8(ascii: "Z")]
  }

  /// The time that is written as `text` writes it.
  package init?(parsing text: some Collection<UInt8>) {
    guard text.count == Self.textBytes, Self.couldBegin(with: text) else { return nil }
    let digits = Array(text)
    let numbers = Self.places.map { $0.reduce(0) { $0 * 10 + CInt(digits[$1] - UInt8(ascii: "0")) } }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (numbers[0] - 1900, numbers[1] - 1, numbers[2])
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (numbers[3], numbers[4], numbers[5])
    seconds = timegm(&parts)
    // Of the 30th of February timegm(3) makes a day in March.
    guard bytes == digits else { return nil }
  }

  /// Whether a time's text may begin with `start`, digit for digit.
  package static func couldBegin(with start: some Collection<UInt8>) -> Bool {
    start.count <= textBytes
      && zip(start, form).allSatisfy { byte, expected in
        expected == UInt8(ascii: "0") ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : byte == expected
      }
  }

  package static func < (left: Self, right: Self) -> Bool { left.seconds < right.seconds }

  private static let form = Array("0000-00-00T00:00:00Z".utf8)
  /// Where the digits of year, month, day, hour, minute and second stand.
  private static let places = [0..<4, 5..<7, 8..<10, 11..<13, 14..<16, 17..<19]
}
