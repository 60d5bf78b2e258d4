// The framer, fed in pieces that the input itself chooses: every byte of every line comes out, and nothing else.
import ChatWire

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzFramer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  var lines: [[UInt8]] = []
  var framer = LineFramer(maximumLineBytes: 64, overlong: .skip)
  var index = 0
  var refusals = 0
  while index < bytes.count {
    let end = min(bytes.count, index + 1 + Int(bytes[index] % 32))
    let piece = Array(bytes[index..<end])
    let taken = framer.consume(piece.span) { frame, line in
      // Every fifth frame is refused; it has to come again.
      refusals += 1
      if refusals % 5 == 0 { return false }
      if frame == .tooLong { return true }
      precondition(line.count <= 64, "a line is within its limit")
      lines.append(line.withUnsafeBufferPointer { Array($0) })
      return true
    }
    precondition(taken <= piece.count, "no more is taken than was given")
    precondition(framer.heldBytes <= 65, "no more is held than a line and its CR")
    index += taken
  }
  let expected = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast().map { line in
    line.last == 0x0D ? Array(line.dropLast()) : Array(line)
  }
  precondition(lines == expected.filter { $0.count <= 64 }, "each line that is not too long comes out once, in order")
  return 0
}
