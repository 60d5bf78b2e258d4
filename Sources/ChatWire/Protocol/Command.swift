/// What a member asks of the server by a line that begins with a slash.
///
/// Arguments are bytes as they were sent, neither safe nor proven to be text. A name is one word; TEXT and WHY are the rest
/// of the line, never empty.
package enum Command: Equatable, Sendable {
  case help(Word?)
  /// Nil gives the first name back.
  case nick([UInt8]?)
  case who
  case privateLine(to: [UInt8], text: [UInt8])
  case reply([UInt8])
  case action([UInt8])
  case last(Int)
  /// Minutes after midnight.
  case since(minute: Int)
  case ignore([UInt8])
  case unignore([UInt8])
  case ignored
  /// Nil says that the member is back.
  case away([UInt8]?)
  case becomeOperator(token: [UInt8])
  case kick([UInt8], why: [UInt8]?)
  /// Without a term, for ever.
  case ban([UInt8], Term?, why: [UInt8]?)
  case bans
  case unban([UInt8])
  /// Without a term, until the member leaves or is unmuted.
  case mute([UInt8], Term?)
  case unmute([UInt8])
  /// Seconds between two lines of one member; 0 for no such limit.
  case slow(seconds: Int)

  /// Why a line is no command.
  package enum Failure: Error, Equatable {
    /// There is no such word; letters only. The suggestion is the word that was probably meant.
    case unknown(String, suggestion: Word?)
    /// The arguments of the word are missing, too many, or none of the kind it takes.
    case usage(Word)
  }

  package static let defaultLastLines = 20
  /// Lines that `/last` may be asked for, far more than a log has.
  private static let maximumLastLines = 10_000_000
  private static let maximumSlowSeconds = 3600

  /// - Parameter line: one that `ClientLine` takes for a command.
  package init(_ line: Span<UInt8>) throws(Failure) {
    var arguments = Arguments(line)
    let typed = arguments.nextWord()?.dropFirst() ?? []
    let name = String(decoding: typed, as: UTF8.self).lowercased()
    guard let word = Word(rawValue: name) else {
      throw .unknown(String(decoding: typed.prefix(32), as: UTF8.self), suggestion: Word.nearest(to: name))
    }
    guard let command = Self.parse(word, &arguments), arguments.isEmpty else { throw .usage(word) }
    self = command
  }

  private static func parse(_ word: Word, _ arguments: inout Arguments) -> Command? {
    switch word {
    case .help: return helpCommand(arguments.nextWord())
    case .nick: return .nick(arguments.nextWord())
    case .who: return .who
    case .msg:
      guard let name = arguments.nextWord(), let text = arguments.rest() else { return nil }
      return .privateLine(to: name, text: text)
    case .reply: return arguments.rest().map { .reply($0) }
    case .me: return arguments.rest().map { .action($0) }
    case .last:
      guard let word = arguments.nextWord() else { return .last(defaultLastLines) }
      return number(word, upTo: maximumLastLines).flatMap { $0 > 0 ? .last($0) : nil }
    case .since: return arguments.nextWord().flatMap(minute).map { .since(minute: $0) }
    case .ignore: return arguments.nextWord().map { .ignore($0) }
    case .unignore: return arguments.nextWord().map { .unignore($0) }
    case .ignored: return .ignored
    case .away: return .away(arguments.rest())
    // Both programs take it for `exit` before it gets here.
    case .quit: return nil
    case .op: return arguments.rest().map { .becomeOperator(token: $0) }
    case .kick: return arguments.nextWord().map { .kick($0, why: arguments.rest()) }
    case .ban: return arguments.nextWord().map { .ban($0, arguments.nextTerm(), why: arguments.rest()) }
    case .bans: return .bans
    case .unban: return arguments.nextWord().map { .unban($0) }
    case .mute: return arguments.nextWord().map { .mute($0, arguments.nextTerm()) }
    case .unmute: return arguments.nextWord().map { .unmute($0) }
    case .slow:
      return arguments.nextWord().flatMap { number($0, upTo: maximumSlowSeconds) }.map { .slow(seconds: $0) }
    }
  }

  private static func helpCommand(_ topic: [UInt8]?) -> Command? {
    guard let topic else { return .help(nil) }
    let name = topic.first == UInt8(ascii: "/") ? topic.dropFirst() : topic[...]
    // Changing the case of a long word takes long.
    guard name.count <= 16 else { return nil }
    return Word(rawValue: String(decoding: name, as: UTF8.self).lowercased()).map { .help($0) }
  }

  private static func number(_ word: some Collection<UInt8>, upTo limit: Int) -> Int? {
    guard word.count <= 9, word.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return Int(String(decoding: word, as: UTF8.self)).flatMap { $0 <= limit ? $0 : nil }
  }

  /// - Parameter word: as `21:03`.
  private static func minute(_ word: [UInt8]) -> Int? {
    let parts = word.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard parts.count == 2, (1...2).contains(parts[0].count), parts[1].count == 2,
      let hour = number(parts[0], upTo: 23), let minute = number(parts[1], upTo: 59)
    else { return nil }
    return hour * 60 + minute
  }

  /// The words of a line, taken from its beginning.
  private struct Arguments {
    private var left: ArraySlice<UInt8>

    init(_ line: Span<UInt8>) {
      left = line.withUnsafeBufferPointer { Array($0)[...] }
      while let last = left.last, ClientLine.isSpace(last) { left.removeLast() }
    }

    var isEmpty: Bool { left.isEmpty }

    mutating func nextWord() -> [UInt8]? {
      let word = left.prefix { !ClientLine.isSpace($0) }
      left = left[word.endIndex...].drop(while: ClientLine.isSpace)
      return word.isEmpty ? nil : Array(word)
    }

    /// All that is left.
    mutating func rest() -> [UInt8]? {
      defer { left = [] }
      return left.isEmpty ? nil : Array(left)
    }

    /// Takes nothing if the next word is no term.
    mutating func nextTerm() -> Term? {
      let word = left.prefix { !ClientLine.isSpace($0) }
      guard let term = try? Term.parse(String(decoding: word, as: UTF8.self)) else { return nil }
      _ = nextWord()
      return term
    }
  }
}
