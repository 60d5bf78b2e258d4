/// What the server itself says to a member about the room or its lines, as a `* ` line. What it answers to commands is in
/// `Reply`; clients need not understand that.
package enum Notice: Equatable, Sendable {
  /// The member did not read fast enough, and the log evicted this many lines that were due to it.
  case linesSkipped(Int)
  /// The member did not read fast enough, and this many lines for it alone were dropped.
  case privateLinesSkipped(Int)
  case lineTooLong(maximumBytes: Int)
  case notText
  case serverFull
  case tooManyFromAddress
  /// The reader may not be here; `until` is a time as text, or nil for ever. `why` may be empty.
  case banned(until: String?, why: String)
  /// The member sends more than `--rate` allows.
  case slowed(linesPerSecond: Int)
  /// This many of the member's lines were not said, because the server stopped or its time under `--rate` was over.
  case linesNotSent(Int)
  /// This many of the member's lines were given to the other servers, and the server stops before it learns whether they are said.
  case linesPerhapsSent(Int)
  /// This many lines of those that an answer was to show were evicted before.
  case earlierLinesGone(Int)
  /// This server has lost its link to those that it shares the room with.
  case linkDown
  /// The link is back. Only for those who were told of its loss.
  case linkBack
  /// What the servers of the room had in common was lost, as by a Redis without its file.
  case historyLost
  /// The reader had chosen a name that is a login, and whose it is has come.
  case nameTaken
  /// A member has another name now.
  case renamed(MemberName, to: MemberName)
  /// Members came; `others` more are not named.
  case joined([MemberName], others: Int)
  /// Members went.
  case left([MemberName], others: Int)
  /// Answers a roster request, alone or together with more such notices. The asker is the first of the first.
  case here([MemberName], isLast: Bool)

  package var text: String {
    switch self {
    case .linesSkipped(let count): "\(count) lines skipped"
    case .privateLinesSkipped(let count): "\(count) private lines skipped"
    case .lineTooLong(let maximumBytes): "That line is longer than \(maximumBytes) bytes; it was\(Self.notSentEnding)"
    case .notText: "That was not text; it was\(Self.notSentEnding)"
    case .serverFull: "Server is full"
    case .tooManyFromAddress: "Too many connections from your address"
    case .banned(let until, let why):
      Self.bannedBeginning + (until.map { " until \($0)" } ?? "") + (why.isEmpty ? "." : ": \(why)")
    case .slowed(let linesPerSecond):
      "You send more than \(linesPerSecond) lines a second; your lines go out at that rate, and none is lost."
    case .linesNotSent(let count): count == 1 ? "1 line was not sent." : "\(count) lines were not sent."
    case .linesPerhapsSent(let count):
      Self.perhapsBeginning + (count == 1 ? "1 of your lines was sent." : "\(count) of your lines were sent.")
    case .earlierLinesGone(let count):
      count == 1 ? "1 of the earlier lines is no longer kept." : "\(count) of the earlier lines are no longer kept."
    case .linkDown: "The link to the other servers is down; what you send waits."
    case .linkBack: "The link to the other servers is back."
    case .historyLost: "The room's history was lost; it begins anew here."
    case .nameTaken: "That name belongs to a login of this machine; it was taken from you."
    case .renamed(let old, let new): "\(old)\(Self.renamedWords)\(new)"
    case .joined(let names, let others): Self.list(names, others) + Self.joinedEnding
    case .left(let names, let others): Self.list(names, others) + Self.leftEnding
    case .here(let names, let isLast): "\(Self.hereWord)\(Self.list(names, 0))\(isLast ? "." : "")"
    }
  }

  /// The notice as it goes out, with its newline.
  package var line: [UInt8] { ServerLine.notice(text) }

  /// Whether a notice refuses what its reader sent or wanted, and so says that it was in vain, or may have been. All that do, but
  /// those at the door, begin or end alike.
  package static func isRefusal(_ text: ArraySlice<UInt8>) -> Bool {
    let text = String(decoding: text, as: UTF8.self)
    return text.hasSuffix(notSentEnding) || text.hasPrefix(bannedBeginning) || text.hasPrefix(perhapsBeginning)
      || [serverFull, tooManyFromAddress].contains { $0.text == text }
  }

  /// How the text of a notice ends that refuses a line.
  package static let notSentEnding = " not sent."
  private static let perhapsBeginning = "It is not known whether "
  private static let bannedBeginning = "You are banned here"
  private static let renamedWords = " is now "
  private static let joinedEnding = " joined"
  private static let leftEnding = " left"
  private static let hereWord = "Here: "
  private static let oneOther = " other"
  private static let manyOthers = " others"

  private static func list(_ names: [MemberName], _ others: Int) -> String {
    names.map(\.description).joined(separator: ", ")
      + (others > 0 ? " and \(others)\(others == 1 ? oneOther : manyOthers)" : "")
  }
}

/// The notices that a client understands: who is here, how that changes, and whether the server can tell now.
extension Notice {
  /// Reads the text of a notice; nil if it is none of `renamed`, `joined`, `left`, `here`, `linkDown` and `linkBack`.
  package init?(parsing text: ArraySlice<UInt8>) {
    let text = String(decoding: text, as: UTF8.self)
    if let link = [Notice.linkDown, .linkBack].first(where: { $0.text == text }) {
      self = link
    } else if let words = text.firstRange(of: Self.renamedWords) {
      guard let old = Self.name(text[..<words.lowerBound]), let new = Self.name(text[words.upperBound...]) else {
        return nil
      }
      self = .renamed(old, to: new)
    } else if text.hasPrefix(Self.hereWord) {
      let isLast = text.hasSuffix(".")
      guard let names = Self.names(text.dropFirst(Self.hereWord.count).dropLast(isLast ? 1 : 0)) else { return nil }
      self = .here(names, isLast: isLast)
    } else if text.hasSuffix(Self.joinedEnding) {
      guard let (names, others) = Self.crowd(text.dropLast(Self.joinedEnding.count)) else { return nil }
      self = .joined(names, others: others)
    } else if text.hasSuffix(Self.leftEnding) {
      guard let (names, others) = Self.crowd(text.dropLast(Self.leftEnding.count)) else { return nil }
      self = .left(names, others: others)
    } else {
      return nil
    }
  }

  private static func name(_ text: Substring) -> MemberName? {
    let bytes = Array(text.utf8)
    return bytes.isEmpty || MemberName.prefix(of: bytes[...]).count < bytes.count || bytes.contains(UInt8(ascii: ","))
      ? nil : MemberName(bytes: bytes)
  }

  private static func names(_ text: Substring) -> [MemberName]? {
    var names: [MemberName] = []
    for part in text.split(separator: ", ", omittingEmptySubsequences: false) {
      guard let name = name(part) else { return nil }
      names.append(name)
    }
    return names
  }

  /// Names, and how many more are only counted.
  private static func crowd(_ text: Substring) -> ([MemberName], Int)? {
    guard let words = text.firstRange(of: " and "),
      let ending = [oneOther, manyOthers].first(where: { text.hasSuffix($0) })
    else { return names(text).map { ($0, 0) } }
    guard let others = Int(text[words.upperBound...].dropLast(ending.count)) else { return nil }
    return names(text[..<words.lowerBound]).map { ($0, others) }
  }
}
