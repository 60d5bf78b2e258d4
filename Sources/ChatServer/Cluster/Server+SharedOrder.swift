import ChatRedis
import ChatWire

/// How operators keep order in a room of several servers: what they do is submitted, and each server does its part when it
/// reads that.
extension Server {
  func keepSharedOrder(_ command: Command, by connection: Connection, through cluster: Cluster) -> [Effect] {
    switch command {
    case .kick(let name, let why): withMember(name) { kick($0, why: why, by: connection) }
    case .ban(let target, let term, let why): ban(target, for: term, why: why, by: connection)
    case .unban(let target): lift(target, by: connection)
    case .bans: [.answer(.bans)]
    case .mute(let name, let term): withMember(name) { mute($0, for: term, by: connection) }
    case .unmute(let name): withMember(name) { unmute($0, by: connection) }
    case .slow(let seconds):
      [
        .share(
          SharedAct(
            record: .slow(seconds: seconds),
            operations: [.slow(seconds: seconds), Self.saying(Self.announcement(ofSlow: seconds))],
            note: "\(connection.name) set slow to \(seconds) s"))
      ]
    default: []
    }
  }

  /// Submits what an operator does, and hears that one no further until it is done.
  func share(_ act: SharedAct, by operator: Connection) {
    guard let cluster else { return }
    presence.acts[`operator`.token] = act
    for operation in act.operations { cluster.submit(operation) }
    if cluster.isDown { tellOfLink(`operator`) }
  }

  /// What an operator of this server did is done.
  func finishAct(_ record: Record) {
    guard let (token, act) = presence.acts.first(where: { $0.value.record == record }) else { return }
    presence.acts[token] = nil
    if let connection = connections[token] {
      console.moderated(act.note)
      if let answer = act.answer {
        connection.cursor.tell(answer)
        due.append(connection)
      }
    }
    releaseIfDecided(token)
  }

  private static func saying(_ text: String) -> Operation { .say(line: ServerLine.notice(text), speaker: nil) }

  private func kick(_ token: Token, why: [UInt8]?, by operator: Connection) -> [Effect] {
    guard let id = id(of: token) else { return [] }
    let (name, reason) = (people.name(of: token), Self.reason(why))
    let record = Record.kicked(id, saying: "You were kicked by \(`operator`.name)\(reason)")
    return [
      .share(
        SharedAct(
          record: record,
          operations: [.record(record), Self.saying("\(name) was kicked by \(`operator`.name)\(reason)")],
          note: "\(`operator`.name) kicked \(name)\(reason)"))
    ]
  }

  // MARK: Bans

  private func ban(_ text: [UInt8], for term: Term?, why: [UInt8]?, by operator: Connection) -> [Effect] {
    switch judgeBan(of: text, for: term, why: why, by: `operator`) {
    case .failure(let refusal): return refusal.effects
    case .success(let (ban, hit)):
      guard moderation.bans.hasPlace(for: ban.target, at: .now) else {
        return [.reply(.tooManyBans(maximum: BanList.capacity))]
      }
      let others = people.others.all.count { ban.applies(to: $0.person.name, host: $0.person.host) }
      return [
        .share(
          SharedAct(
            record: .banned(line: ban.line), operations: [.ban(target: ban.target.key, line: ban.line)],
            note: "\(`operator`.name) banned: \(ban.line)",
            answer: .banned("\(ban.target)", count: hit.count + others)))
      ]
    }
  }

  /// A ban holds from here on. Each server says what that means for its own members.
  func apply(_ ban: Ban, through cluster: Cluster) {
    _ = moderation.add(ban)
    for connection in members(hitBy: ban) {
      let isKnown = people.names.name(of: connection.token) != nil
      putOut(connection, saying: ban.notice.text)
      if isKnown { cluster.submit(Self.saying(ban.announcement(of: connection.name))) }
    }
  }

  private func lift(_ text: [UInt8], by operator: Connection) -> [Effect] {
    let shown = People.shown(text)
    let target: Ban.Target
    do throws(AddressRangeError) { target = try Ban.Target(parsing: shown) } catch {
      return [.reply(.badTarget("\(error)"))]
    }
    // A name that only looks like this one was banned by itself.
    var keys: [String] = []
    for ban in moderation.bans.bans(of: target, at: .now) where !keys.contains(ban.target.key) {
      keys.append(ban.target.key)
    }
    guard let last = keys.last else { return [.reply(.notBanned(shown))] }
    return [
      .share(
        SharedAct(
          record: .unbanned(target: last), operations: keys.map { .unban(target: $0) },
          note: "\(`operator`.name) lifted the ban of \(target)", answer: .unbanned("\(target)")))
    ]
  }

  // MARK: Who may speak

  private func mute(_ token: Token, for term: Term?, by operator: Connection) -> [Effect] {
    let (name, time) = (people.name(of: token), Self.time(ofMute: term))
    return muted(
      token, seconds: term.map { Int($0.seconds) }, saying: "\(name) is muted \(time).",
      recording: "\(`operator`.name) muted \(name) \(time)")
  }

  /// Whether a member of another server is muted is known to that one only.
  private func unmute(_ token: Token, by operator: Connection) -> [Effect] {
    let name = people.name(of: token)
    guard token.isRemote || people.isMuted(token, at: now) else { return [.reply(.notMuted("\(name)"))] }
    return muted(
      token, seconds: 0, saying: "\(name) can speak again.", recording: "\(`operator`.name) unmuted \(name)")
  }

  private func muted(_ token: Token, seconds: Int?, saying text: String, recording line: String) -> [Effect] {
    guard let id = id(of: token) else { return [] }
    let record = Record.muted(id, seconds: seconds)
    return [
      .share(SharedAct(record: record, operations: [.record(record), Self.saying(text)], note: line))
    ]
  }

  /// - Parameter seconds: nil for as long as the member is here, 0 if it may speak again.
  func mute(_ id: MemberID, forSeconds seconds: Int?) {
    guard let connection = member(id) else { return }
    switch seconds {
    case nil: people.mute(connection.token, .forEver)
    case 0: people.mute(connection.token, .none)
    case let seconds?: people.mute(connection.token, .until(now + .seconds(seconds)))
    }
  }
}
