import ChatRedis
import ChatWire
import Dispatch

/// What servers tell one another and not the room: private lines, and what became of them.
extension Server {
  /// Until an answer is sent again that found no place.
  private static let retryPause = DispatchTimeInterval.milliseconds(500)

  /// Sends a private line to a member of another server. Its sender is heard no further until that server has answered.
  /// - Parameter text: made safe, of a length that may be said.
  func post(_ text: [UInt8], to token: Token, from sender: Connection) {
    guard let cluster, let id = id(of: sender.token), let reader = people.others[token], let person = reader.person
    else { return }
    presence.letters[sender.token] = SentLetter(reader: reader.id, name: person.name, until: now + SentLetter.patience)
    schedule(checkOf: sender, by: now + SentLetter.patience)
    cluster.submit(
      .post(.line(from: id, name: sender.name, to: reader.id, text: text), to: reader.id.server))
    if cluster.isDown { tellOfLink(sender) }
  }

  func receive(_ letter: Letter) {
    switch letter {
    case .line(let sender, let name, let reader, let text):
      post(deliver(text, to: reader, from: sender, called: name), to: sender)
    case .answer(let sender, let outcome):
      // One that hears nothing more waits for it all the same: what it said before is still to be said, or it has to leave.
      if let connection = heardMember(sender) { tell(connection, outcome) }
    }
  }

  private func post(_ outcome: Letter.Outcome, to sender: MemberID) {
    cluster?.submit(.post(.answer(to: sender, outcome), to: sender.server))
  }

  /// Gives a member of this server a private line from another one.
  private func deliver(_ text: [UInt8], to id: MemberID, from other: MemberID, called name: MemberName)
    -> Letter.Outcome
  {
    guard let reader = member(id), people.names.name(of: reader.token) != nil else { return .gone }
    let sender = people.sender(other)
    if people.ignores(sender, viewer: reader.token) { return .ignored(by: reader.name) }
    let line = ServerLine.privatePrefix(of: name) + SafeText.made(from: text) + [UInt8(ascii: "\n")]
    guard reader.cursor.tell(line, from: sender) else { return .tooFarBehind(reader.name) }
    due.append(reader)
    people.noteDelivered(from: sender, to: reader.token)
    return people.away(reader.token).map { .deliveredToAway(reader.name, text: $0) } ?? .delivered(to: reader.name)
  }

  /// Tells a sender what became of its private line.
  private func tell(_ sender: Connection, _ outcome: Letter.Outcome) {
    let reply: Reply
    switch outcome {
    case .leftUnread(let name, let lines): return answer(.leftUnread(name, lines: lines), to: sender)
    case .delivered(let name): reply = .sent(to: name)
    case .deliveredToAway(let name, let text): reply = .sentToAway(name, text: Self.safe(text))
    case .ignored(let name): reply = .ignoresYou(name)
    case .tooFarBehind(let name): reply = .tooFarBehind(name)
    case .gone:
      guard let name = presence.letters[sender.token]?.name else { return }
      reply = .nobodyCalled("\(name)")
    }
    switch outcome {
    case .delivered, .deliveredToAway: people.noteSaid(sender.token, at: now)
    case .ignored, .tooFarBehind, .gone, .leftUnread: break
    }
    tell(sender.token, reply)
  }

  private static func safe(_ text: String) -> String {
    String(decoding: SafeText.made(from: Array(text.utf8)), as: UTF8.self)
  }

  /// Tells a sender what became of its private line, and hears it again.
  func tell(_ sender: Token, _ reply: Reply) {
    presence.letters[sender] = nil
    if let connection = connections[sender] { answer(reply, to: connection) }
    releaseIfDecided(sender)
  }

  /// Letters can vanish with the key that holds them, and answers too. Then nobody will ever answer.
  func checkLetter(of sender: Connection) {
    guard !presence.letters.isEmpty, let letter = presence.letters[sender.token] else { return }
    if cluster?.isDown == true { extendLetters() }
    if let deadline = presence.letters[sender.token]?.until, deadline > now {
      schedule(checkOf: sender, by: deadline)
    } else {
      tell(sender.token, .fateUnknown(letter.name))
    }
  }

  /// Nothing is answered while the link is down.
  func extendLetters() {
    for sender in presence.letters.keys { presence.letters[sender]?.until = now + SentLetter.patience }
  }

  /// A private line has found no place at its reader's server, or no server.
  func letterRefused(from sender: MemberID, to reader: MemberID) {
    let token = Token(bits: sender.number)
    guard let letter = presence.letters[token], letter.reader == reader else { return }
    if presence.isHistoryLost { return tell(token, .fateUnknown(letter.name)) }
    tell(token, people.others.token(of: reader) == nil ? .nobodyCalled("\(letter.name)") : .tooFarBehind(letter.name))
  }

  /// An answer has found no place at its sender's server. That one waits for it, for as long as its server is here.
  func postAgain(_ outcome: Letter.Outcome, to sender: MemberID) {
    presence.unanswered.append(.answer(to: sender, outcome))
    if presence.unanswered.count == 1 { postUnansweredSoon() }
  }

  func postUnansweredSoon() {
    queue.asyncAfter(deadline: .now() + Self.retryPause) {
      self.assumeIsolated { server in
        let answers = server.presence.unanswered
        server.presence.unanswered = []
        guard server.stage == .running else { return }
        for case .answer(let sender, let outcome) in answers where server.people.others.token(of: sender) != nil {
          server.post(outcome, to: sender)
        }
        server.connectionsAreReady()
      }
    }
  }

  /// Tells a member of another server about its private lines.
  func answer(_ outcome: Letter.Outcome, toRemote sender: Token) {
    if let id = people.others[sender]?.id { post(outcome, to: id) }
  }
}
