// A state that is handed over: whatever the bytes are, reading them ends or says why not, and what was read is written the same.
import ChatRedis
import ChatWire

/// The input follows behind the heading of a state: a link, whose id, turns and events have values of nearly all kinds.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzState(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let state = StateWriter().bytes + Array(UnsafeBufferPointer(start: start, count: count))
  let address = RedisAddress(address: .unix(path: "redis"))
  guard var reader = try? StateReader(state), let session = try? Session(from: &reader, address: address),
    (try? reader.finish()) != nil
  else { return 0 }
  var writer = StateWriter()
  session.write(to: &writer)
  // Tables may stand in another order then, and words another way, but there is as much of them.
  guard var again = try? StateReader(writer.bytes), (try? Session(from: &again, address: address)) != nil,
    (try? again.finish()) != nil
  else { preconditionFailure("what was read is written so that it can be read") }
  return 0
}
