// An entry of the room's stream, and a letter: what is accepted has only whole lines that are safe to show, and tells its own
// bytes and lines right.
import ChatRedis
import ChatWire

/// The first line of the input is the entry's source, the second its id; the rest is its body, and a letter too.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzEntry(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let parts = bytes.split(separator: 0x0A, maxSplits: 2, omittingEmptySubsequences: false)
  guard parts.count == 3, let epoch = Epoch(parsing: "00000000") else { return 0 }
  let body = Array(parts[2])
  if let letter = Letter(payload: body) {
    precondition(Letter(payload: letter.payload) == letter, "a letter reads as it is written")
  }
  guard let position = Position(parsing: String(decoding: parts[1], as: UTF8.self)) else { return 0 }
  precondition(Position(parsing: "\(position)") == position, "a position reads as it is written")
  guard
    let entry = try? Entry(position: position, source: String(decoding: parts[0], as: UTF8.self), body: body, in: epoch)
  else { return 0 }
  precondition(entry.start >= .start && entry.start < entry.position, "an entry goes on from somewhere")
  var lines = 0
  var records = 0
  entry.forEachPart { part in
    switch part {
    case .line(let line):
      lines += 1
      precondition(line.last == 0x0A && line.count <= Entry.maximumLineBytes, "a line is whole and within its limit")
      precondition(SafeText.made(from: Array(line.dropLast())) == Array(line.dropLast()), "a line is safe to show")
    case .record(let record):
      records += 1
      precondition(Record(parsing: record.line.dropLast()[...]) == record, "a record reads as it is written")
    }
  }
  precondition(lines == entry.lineCount, "the lines that it counts come out")
  precondition(lines + records == body.count { $0 == 0x0A }, "nothing else comes out")
  return 0
}
