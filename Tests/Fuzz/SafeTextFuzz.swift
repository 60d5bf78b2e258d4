// Safe text: what comes out is well-formed, moves no cursor, and is left as it is by a second time.
import ChatWire

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzSafeText(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let safe = SafeText.made(from: bytes)
  precondition(SafeText.isText(safe.span), "safe text is text")
  precondition(SafeText.made(from: safe) == safe, "safe text is safe already")
  for scalar in String(decoding: safe, as: UTF8.self).unicodeScalars {
    switch scalar.value {
    case 0x09: continue
    case 0..<0x20, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069:
      preconditionFailure("a control character came through")
    default: continue
    }
  }
  let plain = SafeText.plainPrefix(bytes.span)
  precondition(safe.prefix(plain).elementsEqual(bytes.prefix(plain)), "plain text passes unchanged")
  if SafeText.isText(bytes.span) {
    precondition(String(validating: bytes, as: UTF8.self) != nil, "text is well-formed")
  }
  return 0
}
