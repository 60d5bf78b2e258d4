import ChatWire

/// What the server answers to a command, to the asker alone, as a `* ` line. An answer that refuses ends in "not sent." if a
/// line was to go out.
enum Reply: Error, Equatable, Sendable {
  // A name in here is safe to show.
  case unknownCommand(String, suggestion: Command.Word?)
  case usage(Command.Word)
  case help
  case helpOn(Command.Word)

  case nameRefused(NameRefusal)
  case alreadyCalled(MemberName)
  /// The member goes by a default name again, because another one took its name while the servers had lost sight of each other.
  case nameLost(MemberName)
  /// A line to that one is refused; `nobodyHere` where there was no line.
  case nobodyCalled(String)
  case nobodyHere(String)
  case nameIsBanned(String)

  case sent(to: MemberName)
  /// The text is safe to show.
  case sentToAway(MemberName, text: String)
  case ignoresYou(MemberName)
  case tooFarBehind(MemberName)
  case leftUnread(MemberName, lines: Int)
  /// The server of that one can tell no more whether it has the line.
  case fateUnknown(MemberName)
  case nobodyToReplyTo
  case partnerLeft
  case yourself

  case away
  case back
  case ignoring(MemberName)
  case ignoringAbsent(MemberName)
  case notIgnoring(String)
  case listensAgain(String)
  case ignored([String])
  case tooManyIgnored(maximum: Int)

  case noEarlierLines
  case roomTooBusy
  case noOperators
  case operatorsByLogin
  case wrongToken
  case isOperator
  case onlyForOperators
  case muted(seconds: Int?)
  case slow(secondsLeft: Int)
  case tooLong(maximumBytes: Int)
  case notMuted(String)

  case onlyAPort(String, address: String)
  case onlyAConnection(String, of: MemberName)
  case badTarget(String)
  case wouldBanYou
  case banned(String, count: Int)
  case unbanned(String)
  case notBanned(String)
  case noBans
  case tooManyBans(maximum: Int)

  /// Lines without `* `; all but `help` and a long `ignored` are one.
  var lines: [String] {
    switch self {
    case .help:
      return Command.Word.allCases.map { "\($0.usage): \($0.help)" }
        + ["A line that begins with // is said, less its first slash."]
    case .ignored(let names) where !names.isEmpty: return Self.wrapped("You ignore: ", names)
    default: return [line]
    }
  }

  private var line: String {
    switch self {
    case .unknownCommand(let word, let suggestion):
      "Unknown command /\(word)."
        + (suggestion.map { " Did you mean /\($0.rawValue)?" } ?? "")
        + " /help lists them; // at the start says a line that begins with /."
    case .usage(let word): "Write it as \(word.usage)"
    case .help: ""
    case .helpOn(let word): "\(word.usage): \(word.help)"
    case .nameRefused(let refusal): refusal.text
    case .alreadyCalled(let name): "You are \(name) already."
    case .nameLost(let name): "While the link to the other servers was down, somebody else took the name \(name)."
    case .nobodyCalled(let name): "Nobody here is called \(name); that was\(Notice.notSentEnding)"
    case .nobodyHere(let name): "Nobody here is called \(name)."
    case .nameIsBanned(let name): "The name \(name) is banned here. Choose another one."
    case .sent(let name): "Sent to \(name)."
    case .sentToAway(let name, let text): "Sent to \(name), who is away (\(text))."
    case .ignoresYou(let name): "\(name) ignores you; that was\(Notice.notSentEnding)"
    case .tooFarBehind(let name): "\(name) is too far behind; that was\(Notice.notSentEnding)"
    case .leftUnread(let name, let lines):
      lines == 1
        ? "\(name) left before your last private line was sent."
        : "\(name) left before your last \(lines) private lines were sent."
    case .fateUnknown(let name): "It is not known whether \(name) got your last private line."
    case .nobodyToReplyTo: "Nobody has sent you a private line yet; that was\(Notice.notSentEnding)"
    case .partnerLeft: "Whoever sent you the last private line has left; that was\(Notice.notSentEnding)"
    case .yourself: "That is you."
    case .away: "You are away. /away alone says that you are back."
    case .back: "You are back."
    case .ignoring(let name): "You ignore \(name) now."
    case .ignoringAbsent(let name): "Nobody here is called \(name). You ignore whoever takes that name."
    case .notIgnoring(let name): "You do not ignore \(name)."
    case .listensAgain(let name): "You no longer ignore \(name)."
    case .ignored: "You ignore nobody."
    case .tooManyIgnored(let maximum): "You ignore \(maximum) people already. /unignore NAME makes room."
    case .noEarlierLines: "There are no earlier lines."
    case .roomTooBusy: "The room changes faster than you read. Ask again."
    case .noOperators: "This server has no operators."
    case .operatorsByLogin: "The operators of this server are known by their logins."
    case .wrongToken: "That is not the token."
    case .isOperator: "You are an operator now. /help lists what you can do."
    case .onlyForOperators: "Only operators can do that."
    case .muted(nil): "You are muted; that was\(Notice.notSentEnding)"
    case .muted(let seconds?): "You are muted for \(Term(seconds: seconds)) more; that was\(Notice.notSentEnding)"
    case .slow(let seconds):
      "Everybody speaks slowly here. Wait \(Term(seconds: seconds)); that was\(Notice.notSentEnding)"
    case .tooLong(let maximum): "That is longer than \(maximum) bytes; it was\(Notice.notSentEnding)"
    case .notMuted(let name): "\(name) is not muted."
    case .onlyAPort(let name, let address):
      "\(name) is only a port, and another one the next time. Ban the address: /ban \(address)"
    case .onlyAConnection(let name, let login): "\(name) is only a connection of \(login). Ban the login: /ban \(login)"
    case .badTarget(let reason): reason
    case .wouldBanYou: "That would ban you as well."
    case .banned(let target, let count):
      "\(target) is banned."
        + (count == 0 ? "" : count == 1 ? " 1 person was put out." : " \(count) people were put out.")
    case .unbanned(let target): "\(target) is no longer banned."
    case .notBanned(let target): "\(target) is not banned."
    case .noBans: "Nobody is banned."
    case .tooManyBans(let maximum): "There are \(maximum) bans already. /unban makes room."
    }
  }

  /// The lines as they go out.
  var bytes: [UInt8] { lines.flatMap { ServerLine.notice($0) } }

  /// Names in lines of some 100 bytes.
  private static func wrapped(_ start: String, _ names: [String]) -> [String] {
    var lines: [String] = []
    for name in names {
      if let last = lines.last, last.utf8.count + name.utf8.count < 100 {
        lines[lines.count - 1] = "\(last), \(name)"
      } else {
        lines.append(start + name)
      }
    }
    return lines
  }
}
