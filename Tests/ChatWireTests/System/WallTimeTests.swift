import ChatWire
import Testing

@Suite struct WallTimeTests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (1_795_467_785, "2026-11-23T21:03:05Z"),
    (4_102_444_799, "2099-12-31T23:59:59Z"),
  ]) func `A time is written in UTC to the second, and read back`(seconds: Int, text: String) {
    #expect(WallTime(seconds: seconds).description == text)
    #expect(WallTime(parsing: text.utf8)?.seconds == seconds)
  }

  @Test(arguments: [
    "", "2026-11-23", "2026-11-23 21:03:05Z", "2026-11-23T21:03:05z", "2026-11-23T21:03:05Z ", "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T21:03:60Z", "2026-1a-23T21:03:05Z",
  ]) func `Any other text is no time`(text: String) { #expect(WallTime(parsing: text.utf8) == nil) }

  @Test func `Every beginning of a time may become one`() {
    let text = Array("2026-11-23T21:03:05Z".utf8)
    for count in 0...text.count { #expect(WallTime.couldBegin(with: text.prefix(count))) }
    #expect(!WallTime.couldBegin(with: "2026/".utf8))
  }
}
