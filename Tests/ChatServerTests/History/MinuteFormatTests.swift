import Glibc
import Testing

@testable import ChatServer

struct MinuteFormatTests {
  /// A minute of local time, in minutes since 1970, UTC.
  private func minute(_ year: CInt, _ month: CInt, _ day: CInt, _ hour: CInt, _ minute: CInt) -> Int32 {
    var local = tm()
    (local.tm_year, local.tm_mon, local.tm_mday) = (year - 1900, month - 1, day)
    (local.tm_hour, local.tm_min, local.tm_isdst) = (hour, minute, -1)
    return Int32(mktime(&local) / 60)
  }

  @Test func `A minute of today is shown by its time, and any other with its date`() {
    var format = MinuteFormat(now: minute(2026, 12, 31, 21, 3))
    let shown = [
      minute(2026, 12, 31, 0, 0), minute(2026, 12, 31, 9, 5), minute(2026, 12, 31, 9, 5), minute(2026, 12, 31, 23, 59),
      minute(2026, 12, 30, 23, 59), minute(2027, 1, 1, 0, 0), minute(2025, 12, 31, 21, 3),
    ].map { String(decoding: format.text(of: $0), as: UTF8.self) }
    #expect(
      shown == [
        "[00:00]", "[09:05]", "[09:05]", "[23:59]", "[2026-12-30 23:59]", "[2027-01-01 00:00]", "[2025-12-31 21:03]",
      ])
    #expect(format.text(of: nil) == Array("[--:--]".utf8))
  }
}
