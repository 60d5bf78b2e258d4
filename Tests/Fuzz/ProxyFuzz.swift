// The PROXY header, which comes in pieces that the input itself chooses: what is taken of it is the same however it is split, and
// what comes after it is never taken.
import ChatWire

private enum Outcome: Equatable {
  case header(ProxyHeader)
  case fault(ProxyHeader.Fault)
  case part
}

private func read(_ bytes: [UInt8]) -> Outcome {
  do throws(ProxyHeader.Fault) { return try ProxyHeader.parse(bytes).map { .header($0) } ?? .part } catch {
    return .fault(error)
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzProxy(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let whole = read(bytes)
  if case .header(let header) = whole {
    precondition((1...bytes.count).contains(header.byteCount), "a header has bytes of its own, and no others")
    precondition(read(Array(bytes.prefix(header.byteCount))) == whole, "what follows a header does not matter")
    precondition(read(Array(bytes.prefix(header.byteCount - 1))) == .part, "a header is not whole before its last byte")
    if case .internet(let host, _) = header.peer { precondition(host.count == 4 || host.count == 16) }
  }
  var end = 0
  var outcome = Outcome.part
  while outcome == .part, end < bytes.count {
    end = min(bytes.count, end + 1 + Int(bytes[end] % 16))
    outcome = read(Array(bytes[..<end]))
  }
  precondition(outcome == whole, "the same comes out however it is split")
  return 0
}
