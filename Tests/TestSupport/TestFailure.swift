/// A failed expectation: names what was expected and what came.
package struct TestFailure: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

/// This machine does not allow something that a test needs.
package struct Skipped: Error {
  package let reason: String
  package init(reason: String) { self.reason = reason }
}

/// `bytes` as a failure shows them: text in quotes, with escapes for what cannot be seen, cut after 300 characters.
package func shown(_ bytes: some Sequence<UInt8>) -> String {
  let text = String(decoding: Array(bytes.prefix(1200)), as: UTF8.self).debugDescription
  return text.count <= 300 ? text : text.prefix(300) + "…"
}
