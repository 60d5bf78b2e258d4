/// What the server itself says to a member, as a `* ` line. `--send` takes any notice for a refusal of its line, except those
/// that `countsSkippedLines` knows.
package enum Notice: Equatable, Sendable {
  /// The member did not read fast enough, and the log evicted this many lines that were due to it.
  case linesSkipped(Int)
  /// The member did not read fast enough, and this many lines for it alone were dropped.
  case privateLinesSkipped(Int)
  case lineTooLong(maximumBytes: Int)
  case notText
  case serverFull
  case tooManyFromAddress
  /// The member sends more than `--rate` allows.
  case slowed(linesPerSecond: Int)
  /// This many of the member's lines were not said, because the server stopped or its time under `--rate` was over.
  case linesNotSent(Int)

  package var text: String {
    switch self {
    case .linesSkipped(let count): "\(count)\(Self.skippedEnding)"
    case .privateLinesSkipped(let count): "\(count) private\(Self.skippedEnding)"
    case .lineTooLong(let maximumBytes): "That line is longer than \(maximumBytes) bytes; it was not sent."
    case .notText: "That was not text; it was not sent."
    case .serverFull: "Server is full"
    case .tooManyFromAddress: "Too many connections from your address"
    case .slowed(let linesPerSecond):
      "You send more than \(linesPerSecond) lines a second; your lines go out at that rate, and none is lost."
    case .linesNotSent(let count): count == 1 ? "1 line was not sent." : "\(count) lines were not sent."
    }
  }

  /// The notice as it goes out, with its newline.
  package var line: [UInt8] { ServerLine.notice(text) }

  /// Whether a notice's text counts lines that its reader missed, and so says nothing about the reader's own.
  package static func countsSkippedLines(_ text: ArraySlice<UInt8>) -> Bool {
    text.suffix(skippedEnding.utf8.count).elementsEqual(skippedEnding.utf8)
  }

  private static let skippedEnding = " lines skipped"
}
