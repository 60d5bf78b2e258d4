// The address parser: an address that is read is written so that it reads as the same again.
import ChatWire

@_cdecl("LLVMFuzzerTestOneInput")
func fuzzAddress(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  do throws(AddressError) {
    let address = try Address(parsing: text)
    precondition((try? Address(parsing: address.description)) == address, "an address reads as it is written")
  } catch {
    precondition(!error.description.isEmpty, "a text that is no address gets a reason")
  }
  return 0
}
