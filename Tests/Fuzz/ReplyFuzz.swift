// The reader of replies, fed in pieces that the input itself chooses: however it is split, the same replies come out, and what
// comes out reads as the same again when it is written as Redis would.
import ChatRedis
import ChatWire

private func replies(_ bytes: [UInt8], pieces: (Int) -> Int) -> ([Reply], ReplyError?) {
  var reader = ReplyReader()
  var replies: [Reply] = []
  var index = 0
  do throws(ReplyError) {
    while index < bytes.count {
      let end = min(bytes.count, index + pieces(index))
      reader.feed(bytes.span.extracting(index..<end))
      while let reply = try reader.next() { replies.append(reply) }
      index = end
    }
    return (replies, nil)
  } catch { return (replies, error) }
}

private func write(_ reply: Reply, to output: inout [UInt8]) {
  switch reply {
  case .string(let bytes): output += Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
  case .error(let text): output += Array("-\(text)\r\n".utf8)
  case .integer(let number): output += Array(":\(number)\r\n".utf8)
  case .null: output += Array("$-1\r\n".utf8)
  case .array(let elements):
    output += Array("*\(elements.count)\r\n".utf8)
    for element in elements { write(element, to: &output) }
  }
}

/// What the room reads from Redis must be refused in order whatever it is.
private func decode(_ reply: Reply) {
  _ = (HelloReply(reply), RenewReply(reply), AppendReply(reply), BeatReply(reply), ByeReply(reply))
  if let entered = EnterReply(reply) { precondition(entered.head >= .start, "nothing is before the start") }
  guard let epoch = Epoch(parsing: "00000000") else { return }
  _ = ReadReply(reply, keys: RoomKeys(room: "r"), server: .script, epoch: epoch)
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzReply(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let (whole, error) = replies(bytes) { _ in bytes.count }
  let (split, splitError) = replies(bytes) { 1 + Int(bytes[$0] % 16) }
  precondition(whole == split && error == splitError, "the same comes out however it is split")
  var again: [UInt8] = []
  for reply in whole {
    decode(reply)
    write(reply, to: &again)
  }
  precondition(replies(again) { _ in again.count } == (whole, nil), "what was read reads as the same again")
  return 0
}
