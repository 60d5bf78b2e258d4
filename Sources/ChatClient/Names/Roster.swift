import ChatWire
import Synchronization

/// Who is here, and by which name the server knows this client, as far as the server's lines tell. The client asks for it with
/// a line that other servers take for a blank one; the answer is taken in, and not shown.
///
/// On each connection it also introduces the client: by the name that the person wants, and those whom the person ignores. Only
/// a server that has answered is told that, because another would relay it. Any thread may call, but one alone takes
/// lines and the ends of connections.
package final class Roster: Sendable {
  /// How long an answer may take before the server counts as one that does not know names.
  static let patience = Duration.seconds(4)
  /// How long somebody who wants a name waits for an answer.
  static let completionPatience = Duration.seconds(1)
  /// How long an answer is good enough to complete names by.
  static let freshness = Duration.seconds(5)

  /// Where the question who is here stands on the present connection.
  private enum Question {
    case unasked
    /// It went out then, and these names have come so far. It is not repeated, as only another kind of server never answers.
    case asked(at: Moment, names: [[UInt8]])
    case answered(at: Moment)
    /// There is no connection, or the server has sent messages without newlines, so it is none that could answer.
    case useless
  }

  private struct State {
    /// The name by which the server knows this client; empty where that is not known.
    var ownName: [UInt8] = []
    var names = KnownNames()
    var question = Question.unasked
    /// Whether the server has lost its link to other servers: then it answers when that is back.
    var isLinkDown = false
    /// Whether this connection was told name and ignored ones, if there are any.
    var isIntroduced = false
    /// Whether any connection has brought an answer.
    var hasAnswered = false
    /// Whether the person was told that the server does not know names.
    var isSilenceTold = false
    /// Whom the person ignores, in the order in which that was asked for.
    var ignored: [[UInt8]] = []
    /// Commands that wait until the server has answered, each with its newline.
    var waitingCommands: [UInt8] = []
  }

  private let state: Mutex<State>
  /// The name that the person wants; nil for none.
  private let wantedName: [UInt8]?
  /// Whether somebody completes names, so that they are kept.
  private let keepsNames: Bool
  /// Whether each connection asks by which name the server knows it, because it does not tell by itself.
  private let asksOwnName: Bool
  /// Sends lines on the present connection.
  private let send: @Sendable ([UInt8]) -> Void

  /// - Parameters:
  ///   - ownName: the name by which the server knows the first connection; empty where that is not known.
  ///   - showsMentions: whether somebody sees or hears that their name is mentioned, so that it is asked for where it is not known.
  package init(
    ownName: [UInt8], wanting wantedName: [UInt8]? = nil, keepsNames: Bool, showsMentions: Bool = false,
    send: @escaping @Sendable ([UInt8]) -> Void
  ) {
    state = Mutex(State(ownName: ownName))
    self.wantedName = wantedName
    self.keepsNames = keepsNames
    asksOwnName = showsMentions && ownName.isEmpty
    self.send = send
  }

  package var ownName: [UInt8] { state.withLock { $0.ownName } }

  /// What Tab makes of `word`, where a name is wanted: anybody's but one's own, because nobody speaks to themselves.
  package func completion(of word: [UInt8]) -> Completion {
    let (names, ownName) = state.withLock { ($0.names, $0.ownName) }
    return Completion(of: word, among: names.all.lazy.filter { $0 != ownName })
  }

  /// Who is here, as far as that is known, in order.
  package var names: [[UInt8]] { state.withLock { $0.names }.all.sorted { $0.lexicographicallyPrecedes($1) } }
}

/// Asking.
extension Roster {
  /// Begins the first connection.
  package func introduce() {
    if wantedName != nil || asksOwnName { _ = ask() }
  }

  /// Asks who is here, unless that is known or cannot be.
  /// - Returns: until when the answer is worth waiting for; nil if none is to come.
  package func ask(at now: Moment = .now) -> Moment? {
    let (isNew, deadline): (Bool, Moment?) = state.withLock { state in
      switch state.question {
      case .answered(let answeredAt) where now < answeredAt + Self.freshness: return (false, nil)
      case .useless: return (false, nil)
      case .asked(let askedAt, _):
        let deadline = askedAt + Self.completionPatience
        return (false, now < deadline ? deadline : nil)
      case .unasked, .answered:
        state.question = .asked(at: now, names: [])
        return (true, now + Self.completionPatience)
      }
    }
    if isNew { send(Self.requestLine) }
    return deadline
  }

  /// Sends a command of the client's own, with its newline, once the server has answered: another kind would relay it.
  package func sendToServerOfCommands(_ command: String) {
    let isKnown = state.withLock { state in
      if case .useless = state.question { return false }
      if !state.hasAnswered { state.waitingCommands += command.utf8 }
      return state.hasAnswered
    }
    if isKnown { send(Array(command.utf8)) } else { _ = ask() }
  }

  private static let requestLine = ClientLine.rosterRequestLine + [UInt8(ascii: "\n")]

  /// Whether an answer may still come in time.
  package func isAwaited(at now: Moment = .now) -> Bool {
    state.withLock { state in
      if case .asked(let askedAt, _) = state.question {
        state.isLinkDown || now < askedAt + Self.patience
      } else {
        false
      }
    }
  }

  /// When the person is to be told that the server does not know names; `.never` if that was done, or nobody wants any.
  package var silenceMoment: Moment {
    guard wantedName != nil else { return .never }
    return state.withLock { state in
      if state.isSilenceTold || state.hasAnswered || state.isLinkDown { return .never }
      if case .asked(let askedAt, _) = state.question { return askedAt + Self.patience }
      return .never
    }
  }

  /// Whether to tell the person now that the server does not know names; once.
  package func takeSilence(at now: Moment = .now) -> Bool {
    guard now >= silenceMoment else { return false }
    state.withLock { $0.isSilenceTold = true }
    return true
  }

  /// What to send first on a connection after the first; empty for nothing. A server that has answered before is told at once
  /// what others are told when they answer, so that no line goes out under another name.
  package func greeting() -> [UInt8] {
    state.withLock { state in
      // The next connection has no name yet that could be the wanted one.
      let introduction = introduction(of: [], ignoring: state.ignored)
      if introduction.isEmpty && !asksOwnName { return [] }
      return Self.requestLine + (state.hasAnswered ? introduction : [])
    }
  }

  private func introduction(of ownName: [UInt8], ignoring ignored: [[UInt8]]) -> [UInt8] {
    var lines: [String] = []
    if let wantedName, !Self.areEqual(wantedName, ownName) {
      lines.append("/\(Command.Word.nick) \(String(decoding: wantedName, as: UTF8.self))\n")
    }
    for name in ignored { lines.append("/\(Command.Word.ignore) \(String(decoding: name, as: UTF8.self))\n") }
    return lines.flatMap { Array($0.utf8) }
  }

  private static func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    String(decoding: one, as: UTF8.self) == String(decoding: other, as: UTF8.self)
  }
}

/// What happens on the link, in its order.
extension Roster {
  /// The connection is lost.
  package func disconnected() {
    state.withLock { state in
      state.question = .useless
      state.isLinkDown = false
      state.waitingCommands = []
    }
  }

  /// There is a connection again, on which `greeting` was sent.
  package func reconnected(as ownName: [UInt8], greeting: [UInt8]) {
    state.withLock { state in
      state.ownName = ownName
      state.question = greeting.isEmpty ? .unasked : .asked(at: .now, names: [])
      state.isIntroduced = greeting.count > Self.requestLine.count
    }
  }

  /// The server has sent a message without newline. One that was asked before may still answer, as a line may have been torn.
  package func servedWithoutNewlines() {
    state.withLock { if case .unasked = $0.question { $0.question = .useless } }
  }

  /// Takes in what `line` tells.
  /// - Returns: whether to show it: an answer to the question is not.
  package func take(_ line: ServerLine) -> Bool {
    let (isShown, introduction): (Bool, [UInt8]?) = state.withLock { state in
      guard line.kind == .notice else {
        if keepsNames, line.kind != .earlier, let name = line.name { state.names.add(Array(name)) }
        return (true, nil)
      }
      switch Notice(parsing: line.text) {
      case .here(let names, let isLast): return take(names, isLast: isLast, &state)
      case .renamed(let old, let new):
        if old.bytes == state.ownName { state.ownName = new.bytes }
        if keepsNames {
          state.names.remove(old.bytes)
          state.names.add(new.bytes)
        }
      case .joined(let names, _): if keepsNames { for name in names { state.names.add(name.bytes) } }
      case .left(let names, _): for name in names { state.names.remove(name.bytes) }
      case .linkDown: state.isLinkDown = true
      case .linkBack:
        state.isLinkDown = false
        // From now on it has as long as ever.
        if case .asked(_, let names) = state.question { state.question = .asked(at: .now, names: names) }
      default: break
      }
      return (true, nil)
    }
    if let introduction {
      // Whoever waits for the answer sends lines when it has come, and they go out under the name.
      if !introduction.isEmpty { send(introduction) }
      state.withLock { $0.question = .answered(at: .now) }
    }
    return isShown
  }

  /// - Returns: whether to show the line, and once the answer is whole what to send before it counts as come.
  private func take(_ names: [MemberName], isLast: Bool, _ state: inout State) -> (Bool, [UInt8]?) {
    guard case .asked(let askedAt, var all) = state.question else { return (true, nil) }
    // Lets go of the names, so that they grow in place.
    state.question = .asked(at: askedAt, names: [])
    all += names.prefix(KnownNames.capacity - all.count).map(\.bytes)
    guard isLast else {
      state.question = .asked(at: askedAt, names: all)
      return (false, nil)
    }
    state.hasAnswered = true
    if let own = all.first { state.ownName = own }
    if keepsNames {
      state.names = KnownNames()
      for name in all { state.names.add(name) }
    }
    defer { (state.isIntroduced, state.waitingCommands) = (true, []) }
    let introduction = state.isIntroduced ? [] : introduction(of: state.ownName, ignoring: state.ignored)
    return (false, introduction + state.waitingCommands)
  }

  /// Notes whom the person ignores from now on, or no more.
  package func note(_ command: Command) {
    switch command {
    case .ignore(let name):
      state.withLock { state in
        state.ignored.removeAll { Self.areEqual($0, name) }
        state.ignored.append(name)
      }
    case .unignore(let name): state.withLock { $0.ignored.removeAll { Self.areEqual($0, name) } }
    default: break
    }
  }
}
