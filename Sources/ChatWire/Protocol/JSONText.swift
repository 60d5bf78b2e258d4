/// Strings as JSON has them (RFC 8259).
package enum JSONText {
  /// Appends a string in its quotation marks.
  /// - Parameter text: well-formed UTF-8.
  package static func append(_ text: ArraySlice<UInt8>, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for byte in text {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): output += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\t"): output += "\\t".utf8
      case 0..<0x20: output += "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }

  /// Appends a string, or `null` where there is none.
  package static func append(_ text: ArraySlice<UInt8>?, to output: inout [UInt8]) {
    if let text { append(text, to: &output) } else { output += "null".utf8 }
  }
}
