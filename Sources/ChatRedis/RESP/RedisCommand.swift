/// A command as Redis reads it: an array of strings.
package enum RedisCommand {
  /// - Parameter words: the command's name and its arguments; any bytes.
  package static func encode(_ words: [[UInt8]]) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(words.reduce(16) { $0 + $1.count + 16 })
    append(words, to: &output)
    return output
  }

  package static func encode(_ words: String...) -> [UInt8] { encode(words.map { Array($0.utf8) }) }

  package static func append(_ words: [[UInt8]], to output: inout [UInt8]) {
    appendHeader("*", words.count, to: &output)
    for word in words {
      appendHeader("$", word.count, to: &output)
      output.append(contentsOf: word)
      output.append(contentsOf: [UInt8(ascii: "\r"), UInt8(ascii: "\n")])
    }
  }

  private static func appendHeader(_ kind: Unicode.Scalar, _ count: Int, to output: inout [UInt8]) {
    output.append(UInt8(ascii: kind))
    output.append(contentsOf: String(count).utf8)
    output.append(contentsOf: [UInt8(ascii: "\r"), UInt8(ascii: "\n")])
  }
}
