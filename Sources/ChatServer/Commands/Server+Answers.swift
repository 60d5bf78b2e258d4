import ChatRedis
import ChatWire

/// Answers that are made as they are read.
extension Server {
  /// How long a turn makes pieces of answers.
  private static let maximumAnsweringTime = Duration.milliseconds(2)

  /// Begins to answer. The asker is heard no further until it has all of the answer.
  func ask(_ question: Question, _ connection: Connection) {
    switch question {
    case .who:
      changes.beginAnswer()
      answers[connection.token] = .roster(RosterAnswer(.lines, of: sortedSlots(), after: changes))
    case .roster:
      changes.beginAnswer()
      let others = sortedSlots().filter { $0 != connection.token.slot }
      answers[connection.token] = .roster(RosterAnswer(.names(asker: connection.name), of: others, after: changes))
    case .last(let lines):
      let end = endOfHeard(by: connection)
      let unheard = room.log.lines(from: end, to: room.log.head)
      return showLines(from: room.log.start(ofLast: lines + unheard), to: end, connection)
    case .since(let minute):
      let start = MinuteFormat.last(minuteOfDay: minute, now: self.minute)
      return showLines(from: room.log.start(sinceMinute: start), to: endOfHeard(by: connection), connection)
    case .bans:
      let bans = moderation.bans.holding(at: .now)
      if bans.isEmpty { return answer(.noBans, to: connection) }
      answers[connection.token] = .bans(bans[...])
    }
    beginAnswering(connection)
  }

  private func showLines(from start: LogOffset, to end: LogOffset, _ connection: Connection) {
    guard start < end else { return answer(.noEarlierLines, to: connection) }
    answers[connection.token] = .earlier(EarlierLines(from: start, to: end, in: room.log))
    beginAnswering(connection)
  }

  /// Up to where a member has got the log. What is due to it comes behind the answer, and would otherwise be shown twice.
  private func endOfHeard(by connection: Connection) -> LogOffset {
    room.log.boundary(atOrAfter: min(room.log.head, max(room.log.tail, connection.cursor.position)))
  }

  private func beginAnswering(_ connection: Connection) {
    guard case .member = connection.lifecycle else { return endAnswer(to: connection) }
    connection.cursor.beginAnswer()
    due.append(connection)
  }

  /// Has a member wait until it has read what waits for it alone.
  func holdForAnswer(_ connection: Connection) {
    guard answers[connection.token] == nil else { return }
    answers[connection.token] = .nothing
    beginAnswering(connection)
  }

  /// A member takes the next piece of its answer. It has to wait for it behind those that have waited for longer.
  func queueForPiece(_ connection: Connection) {
    if awaitedPieces.insert(connection.token).inserted { askers.append(connection.token) }
  }

  /// Gives those who wait for a piece of their answers one each, as far as the time of a turn for that goes: what everybody
  /// says must not wait until a crowd has been answered.
  func continueAnswers() {
    guard !askers.isEmpty else { return }
    let deadline = Moment.now + Self.maximumAnsweringTime
    var served = 0
    repeat {
      let token = askers[served]
      served += 1
      awaitedPieces.remove(token)
      if let connection = connections[token] {
        continueAnswer(to: connection)
        due.append(connection)
      }
    } while served < askers.count && !deadline.hasPassed
    // The next turn is to begin at once.
    released += askers[..<served]
    askers.removeFirst(served)
  }

  /// Puts the next piece of a member's answer into its stream, or ends the answer.
  private func continueAnswer(to connection: Connection) {
    if let piece = nextPiece(for: connection) {
      connection.cursor.tell(piece)
    } else {
      endAnswer(to: connection)
    }
  }

  /// Ends a member's answer, complete or not.
  func endAnswer(to connection: Connection) {
    guard let answer = answers.removeValue(forKey: connection.token) else { return }
    if case .roster = answer { changes.endAnswer() }
    connection.cursor.endAnswer()
    if connection.inbound.hold == .answer { released.append(connection.token) }
  }

  private func nextPiece(for connection: Connection) -> [UInt8]? {
    let index = answers.index(forKey: connection.token)
    guard let index else { return nil }
    switch answers.values[index] {
    case .nothing: return nil
    case .roster(var roster):
      defer { answers.values[index] = .roster(roster) }
      var format = MinuteFormat(now: minute)
      return roster.nextPiece(Answer.pieceBytes, after: changes) { slot in
        if slot >= Token.firstRemoteSlot {
          return people.others[slot: slot].map { rosterEntry(of: $0.person, &format) }
        }
        return connections[slot: slot].map { rosterEntry(of: $0, &format) }
      }
    case .earlier(var lines):
      defer { answers.values[index] = .earlier(lines) }
      var format = MinuteFormat(now: minute)
      return lines.nextPiece(
        from: room.log, isIgnored: { connection.cursor.ignores(lineAt: $0, in: room.log) },
        formatMinute: { format.text(of: $0) })
    case .bans(let bans):
      let some = bans.prefix(20)
      answers.values[index] = .bans(bans.dropFirst(some.count))
      return some.isEmpty ? nil : some.flatMap { ServerLine.notice($0.line) }
    }
  }

  // MARK: Who is here

  /// The slots of all who are here: those with a name of their own by that, then the others by number.
  private func sortedSlots() -> [UInt32] {
    if let rosterOrder { return rosterOrder }
    let slots = sortSlots()
    rosterOrder = slots
    hasSortedRoster = true
    return slots
  }

  private func sortSlots() -> [UInt32] {
    let count = room.members.count + people.others.count
    var slots: [UInt32] = []
    slots.reserveCapacity(count)
    var named: [(name: String, slot: UInt32)] = []
    // The number above the slot, because the room stands still while thousands are sorted.
    var numbered: [UInt64] = []
    numbered.reserveCapacity(count)
    func list(_ token: Token, numbered prefix: [UInt8]) {
      let digits = prefix.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      if let name = people.names.chosenName(of: token) {
        named.append((name.description.lowercased(), token.slot))
      } else if digits.isEmpty {
        let name = prefix.prefix { $0 != UInt8(ascii: ":") }
        named.append((String(decoding: name, as: UTF8.self).lowercased(), token.slot))
      } else {
        let number = digits.reduce(0) { $0 &* 10 &+ UInt64($1 &- UInt8(ascii: "0")) }
        numbered.append(number << 32 | UInt64(token.slot))
      }
    }
    for slot in 0..<connections.slotCount {
      guard let connection = connections[slot: slot], case .member = connection.lifecycle,
        cluster == nil || people.names.name(of: connection.token) != nil
      else { continue }
      list(connection.token, numbered: connection.prefix)
    }
    for (token, person) in people.others.all { list(token, numbered: person.name.bytes) }
    numbered.sort()
    for entry in named.sorted(by: { $0.name < $1.name }) { slots.append(entry.slot) }
    for entry in numbered { slots.append(UInt32(truncatingIfNeeded: entry)) }
    return slots
  }

  private func rosterEntry(of connection: Connection, _ format: inout MinuteFormat) -> RosterAnswer.Entry {
    let since = format.text(of: connection.joinedAt).dropFirst().dropLast()
    let origin =
      people.names.logins[connection.token].map {
        people.names.chosenName(of: connection.token) == nil ? "login" : "login \($0.name)"
      } ?? connection.label.place
    var details = "\(origin), since \(String(decoding: since, as: UTF8.self))"
    let idle = Int(connection.inbound.lastReceived.distance(to: now).components.seconds)
    if idle >= 60 { details += ", idle for \(Term(seconds: idle / 60 * 60))" }
    if people.isOperator(connection.token) { details += ", operator" }
    if people.isMuted(connection.token, at: now) { details += ", muted" }
    if let text = people.away(connection.token) { details += ", away (\(text))" }
    return RosterAnswer.Entry(name: connection.name, details: details)
  }

  private func rosterEntry(of person: Person, _ format: inout MinuteFormat) -> RosterAnswer.Entry {
    let since = format.text(of: person.joinedAt).dropFirst().dropLast()
    return RosterAnswer.Entry(
      name: person.name,
      details: "\(person.place), since \(String(decoding: since, as: UTF8.self)), on another server")
  }

  /// As below, for a member of another server.
  func recordRosterChange(of token: Token) {
    rosterOrder = nil
    guard changes.isWatched, let person = people.others[token]?.person else { return }
    var format = MinuteFormat(now: minute)
    changes.record(rosterEntry(of: person, &format), in: Int(token.slot))
  }

  /// To be called when a member's name is about to change, or to go: answers that are under way show it as it was.
  func recordRosterChange(of connection: Connection) {
    rosterOrder = nil
    guard changes.isWatched else { return }
    var format = MinuteFormat(now: minute)
    changes.record(rosterEntry(of: connection, &format), in: Int(connection.token.slot))
  }
}
