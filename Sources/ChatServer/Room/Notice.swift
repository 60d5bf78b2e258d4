/// What members read from the server itself. A line that begins with `* ` is never somebody's message, as no name has a `*`.
package enum Wording {
  package static func skipped(lines: Int) -> [UInt8] { notice("\(lines) lines skipped") }
  package static func tooLong(maximumLineBytes: Int) -> [UInt8] {
    notice("That line is longer than \(maximumLineBytes) bytes; it was not sent.")
  }
  package static let notText = notice("That was not text; it was not sent.")
  package static let full = notice("Server is full")

  package static let tooManyFromAddress = notice("Too many connections from your address")
  package static func slowed(_ rate: Rate) -> [UInt8] {
    notice(
      "You send more than \(rate.linesPerSecond) lines a second; your lines go out at that rate, and none is lost.")
  }

  private static func notice(_ text: String) -> [UInt8] { Array("* \(text)\n".utf8) }
}
