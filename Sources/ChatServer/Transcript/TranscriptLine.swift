import ChatWire

/// A line of a transcript, `2026-11-23T21:03:05Z LINE`: when a line was said, in UTC, and the line.
struct TranscriptLine {
  let time: WallTime
  /// The line that was said, at least one byte: as the file has it, which somebody may have edited.
  let text: ArraySlice<UInt8>

  /// Nil if `bytes`, a line without its newline, is not of this form.
  init?(_ bytes: ArraySlice<UInt8>) {
    guard bytes.count > WallTime.textBytes + 1, let time = WallTime(parsing: bytes.prefix(WallTime.textBytes)),
      bytes[bytes.startIndex + WallTime.textBytes] == UInt8(ascii: " ")
    else { return nil }
    self.time = time
    text = bytes.dropFirst(WallTime.textBytes + 1)
  }

  /// Whether `bytes` may be the beginning of such a line that was never completed.
  static func isBeginning(_ bytes: ArraySlice<UInt8>) -> Bool {
    WallTime.couldBegin(with: bytes.prefix(WallTime.textBytes))
      && (bytes.count <= WallTime.textBytes || bytes[bytes.startIndex + WallTime.textBytes] == UInt8(ascii: " "))
  }

  /// What stands before a line that was said at `time`.
  static func prefix(at time: WallTime) -> [UInt8] { time.bytes + [UInt8(ascii: " ")] }
}
