import ChatWire

/// What a member asks for by a line that is no message. `People` judges what a command means for names and the like; here its
/// effects are carried out.
extension Server {
  /// Bytes that the room says because of one command at most.
  private static let maximumAnnouncedBytes = 1 << 10
  /// Bytes of answers that may wait before the asker is heard no further.
  private static let maximumWaitingBytes = 4 << 10

  /// Acts on a line that begins with a slash, or asks who is here.
  func perform(_ kind: ClientLine, _ line: Span<UInt8>, by connection: Connection) -> Verdict {
    if kind == .message { return speak(.message, line, by: connection) }
    if kind == .escaped { return speak(.message, line.extracting(droppingFirst: 1), by: connection) }
    if cluster != nil, isUndecided(connection) { return .wait(.journal) }
    // Nothing of an answer is dropped, and a room that has no space for a new name's announcement keeps the old name.
    // Who is only heard out, because nothing can be sent to it, waits for no answer.
    if case .member = connection.lifecycle,
      answers[connection.token] != nil || connection.cursor.privateBytes >= Self.maximumWaitingBytes
    {
      return .wait(.answer)
    }
    guard room.makeSpace(for: Self.maximumAnnouncedBytes) else { return .wait(.backpressure) }
    if kind == .rosterRequest {
      guard mayListRoom else { return .wait(.backpressure) }
      ask(.roster, connection)
      return .taken
    }
    let command: Command
    do throws(Command.Failure) { command = try Command(line) } catch {
      switch error {
      case .unknown(let word, let suggestion): answer(.unknownCommand(word, suggestion: suggestion), to: connection)
      case .usage(let word): answer(.usage(word), to: connection)
      }
      return .taken
    }
    if case .who = command, !mayListRoom { return .wait(.backpressure) }
    if case .action(let text) = command { return speak(.action, text.span, by: connection) }
    if case .nick(let wanted?) = command, identification != nil {
      switch check(wanted, for: connection) {
      case .free: break
      case .refused(let refusal):
        answer(.nameRefused(refusal), to: connection)
        return .taken
      case .pending: return .wait(.login)
      }
    }
    for effect in effects(of: command, by: connection) { carryOut(effect, for: connection) }
    // An operator who puts itself out is heard no further.
    return connection.lifecycle.isHeard ? .taken : .leave
  }

  /// Whether somebody may be told now who is here. All who ask in a turn get the same list, unless somebody comes, goes or
  /// has another name between them: sorting the names for each of a crowd would hold up everybody.
  private var mayListRoom: Bool { rosterOrder != nil || !hasSortedRoster }

  private func effects(of command: Command, by connection: Connection) -> [Effect] {
    let asker = connection.token
    switch command {
    case .help(nil): return [.reply(.help)]
    case .help(let word?): return [.reply(.helpOn(word))]
    case .nick(let wanted):
      // Everybody is told of a new name, and it may be any word.
      if wanted != nil, people.isMuted(asker, at: now), let refusal = people.refusalToSpeak(asker, at: now) {
        return [.reply(refusal)]
      }
      if let wanted, !people.isOperator(asker), case .success(let name) = NameRule.name(from: wanted[...]),
        moderation.bans.ban(of: NameKey(name.description), at: .now) != nil
      {
        return [.reply(.nameIsBanned("\(name)"))]
      }
      if cluster == nil { return people.rename(asker, to: wanted) }
      switch people.judge(asker, wanting: wanted) {
      case .success(let name): return [.claim(name)]
      case .failure(let reply): return [.reply(reply)]
      }
    case .who: return [.answer(.who)]
    case .privateLine(let name, let text): return people.whisper(text, to: name, by: asker)
    case .reply(let text): return people.reply(text, by: asker)
    // It is said, as a message is.
    case .action: return []
    case .last(let lines): return [.answer(.last(lines: lines))]
    case .since(let minute): return [.answer(.since(minute: minute))]
    case .ignore(let name): return people.ignore(name, by: asker)
    case .unignore(let name): return people.stopIgnoring(name, by: asker)
    case .ignored: return [.reply(.ignored(people.ignoredNames(of: asker)))]
    case .away(let text): return people.setAway(text, by: asker)
    case .becomeOperator(let token): return becomeOperator(connection, token)
    case .kick, .ban, .bans, .unban, .mute, .unmute, .slow:
      return people.isOperator(asker) ? keepOrder(command, by: connection) : [.reply(.onlyForOperators)]
    }
  }

  /// Says something to everybody, if its speaker may.
  func speak(_ speech: Speech, _ text: Span<UInt8>, by connection: Connection) -> Verdict {
    if people.restrictsSpeech, let refusal = people.refusalToSpeak(connection.token, at: now) {
      answer(refusal, to: connection)
      return .taken
    }
    let verdict = submit(text, as: speech, by: connection)
    // A line that has to wait is judged anew.
    if verdict.isTaken, people.restrictsSpeech { people.noteSaid(connection.token, at: now) }
    return verdict
  }

  func answer(_ reply: Reply, to connection: Connection) {
    connection.cursor.tell(reply.bytes)
    due.append(connection)
  }

  func carryOut(_ effect: Effect, for asker: Connection) {
    switch effect {
    case .reply(let reply): answer(reply, to: asker)
    case .rename(let old, let new):
      rename(asker, to: new)
      announce(Notice.renamed(old, to: new).text)
    case .claim(let name): claim(name, for: asker)
    case .deliver(let reader, let text): deliver(text, to: reader, from: asker)
    case .answer(let question): ask(question, asker)
    case .hide(let hidden, let viewer): hide(hidden, from: viewer)
    case .show(let hidden, let viewer): connections[viewer]?.cursor.unignore(hidden, at: room.log.head)
    case .kick(let token, let why): kick(token, why: why, by: asker)
    case .share(let act): share(act, by: asker)
    case .announce(let text): announce(text)
    case .record(let text): console.moderated(text)
    }
  }

  /// Tells everybody. There is space for it, because `perform` has made some.
  func announce(_ text: String) {
    let line = ServerLine.notice(text)
    if let cluster { cluster.submit(.say(line: line, speaker: nil)) } else { _ = room.announce(line) }
  }

  // MARK: Names

  /// Has a member of this server go by the name that is its own now.
  func rename(_ connection: Connection, to name: MemberName) {
    recordRosterChange(of: connection)
    let former = connection.name
    connection.rename(to: name)
    console.renamed(connection.label, from: former, to: name)
    for viewer in people.ignorers(of: connection.token) { hide(connection.token, from: viewer) }
  }

  /// Leaves out of a member's stream what another one says under its present name from now on.
  func hide(_ hidden: Token, from viewer: Token) {
    guard let name = people.names.name(of: hidden) else { return }
    let prefixes = [ServerLine.messagePrefix(of: name), ServerLine.actionPrefix(of: name)]
    connections[viewer]?.cursor.ignore(prefixes: prefixes, of: hidden, from: room.log)
  }

  // MARK: Private lines

  private func deliver(_ text: [UInt8], to token: Token, from sender: Connection) {
    guard connections[token] != nil || token.isRemote else { return }
    if people.restrictsSpeech, let refusal = people.refusalToSpeak(sender.token, at: now) {
      return answer(refusal, to: sender)
    }
    let safe = SafeText.made(from: text)
    guard safe.count <= configuration.maximumLineBytes else {
      return answer(.tooLong(maximumBytes: configuration.maximumLineBytes), to: sender)
    }
    guard let reader = connections[token] else { return post(safe, to: token, from: sender) }
    let line = ServerLine.privatePrefix(of: sender.name) + safe + [UInt8(ascii: "\n")]
    guard reader.cursor.tell(line, from: sender.token) else { return answer(.tooFarBehind(reader.name), to: sender) }
    due.append(reader)
    people.noteDelivered(from: sender.token, to: token)
    people.noteSaid(sender.token, at: now)
    answer(people.away(token).map { .sentToAway(reader.name, text: $0) } ?? .sent(to: reader.name), to: sender)
  }

  /// Tells those whose private lines a member had still to get, once its stream has ended.
  func tellUnread(of connection: Connection) {
    for (sender, lines) in connection.cursor.takeUnsentLetters() {
      if sender.isRemote { answer(.leftUnread(connection.name, lines: lines), toRemote: sender) }
      guard let sender = connections[sender], case .member = sender.lifecycle else { continue }
      answer(.leftUnread(connection.name, lines: lines), to: sender)
    }
  }
}
