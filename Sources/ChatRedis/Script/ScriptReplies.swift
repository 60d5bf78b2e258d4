import ChatWire

/// What the script answers. Each is made of a reply that is no error, and fails for all that the script never answers.

/// What has become of turns whose reply was lost: the indices of the operations that failed, by the turn's sequence. A turn that
/// was accepted and is not here has failed in nothing; the last four turns are kept.
package typealias FailedOperations = [Int: [Int]]

package struct EnterReply: Equatable, Sendable {
  package var epoch: Epoch
  /// When the epoch began, in milliseconds of Redis's time.
  package var begun: Int
  package var fence: Int
  /// The last turn of this server that was accepted.
  package var sequence: Int
  /// How much had been said; the place after which reading begins.
  package var head: Position
  /// Of the entry there; nil if nothing has been said.
  package var source: EntrySource?
  package var failed: FailedOperations
  /// Whether letters wait that were not read. If none do, reading begins at `StreamID.start`, as a new box may have lower ids.
  package var hasLetters: Bool
  package var snapshot: Snapshot

  package init?(_ reply: Reply) {
    guard let parts = reply.elements, parts.count == 12, parts[0].text == "ok",
      let epoch = parts[1].text.flatMap({ Epoch(parsing: $0) }), let fence = parts[2].number,
      let sequence = parts[3].number, let head = parts[4].text.flatMap({ Position(parsing: $0) }),
      let source = parts[5].text, let failed = parts[7].failedOperations,
      let letters = parts[8].number, let people = parts[9].elements, let bans = parts[10].elements,
      let begun = parts[11].number
    else { return nil }
    self.epoch = epoch
    self.begun = begun
    self.fence = fence
    self.sequence = sequence
    self.head = head
    self.source = EntrySource(parsing: source)
    self.failed = failed
    hasLetters = letters > 0
    snapshot = Snapshot(
      people: [:], bans: bans.compactMap(\.text), slowSeconds: parts[6].number.flatMap(Record.seconds) ?? 0)
    snapshot.people.reserveCapacity(people.count / 2)
    // What somebody else has put there is passed over.
    for index in stride(from: 0, to: people.count - 1, by: 2) {
      guard let id = people[index].text.flatMap({ MemberID(parsing: $0) }),
        let person = people[index + 1].text.flatMap({ Person(stored: $0) })
      else { continue }
      snapshot.people[id] = person
    }
  }
}

package enum HelloReply: Equatable, Sendable {
  /// - sequence: the last turn of this server that was accepted. None above it ever will be, unless it is sent again.
  case ok(fence: Int, sequence: Int, head: Position, failed: FailedOperations)
  /// The history is not the one that the server knows: it has to `renew` it, then to `enter`.
  case lost
  /// The server was taken off: it has to `enter`.
  case gone

  package init?(_ reply: Reply) {
    guard let parts = reply.elements, let status = parts.first?.text else { return nil }
    switch (status, parts.count) {
    case ("ok", 5):
      guard let fence = parts[1].number, let sequence = parts[2].number,
        let head = parts[3].text.flatMap({ Position(parsing: $0) }), let failed = parts[4].failedOperations
      else { return nil }
      self = .ok(fence: fence, sequence: sequence, head: head, failed: failed)
    case ("lost", 1): self = .lost
    case ("gone", 1): self = .gone
    default: return nil
    }
  }
}

package struct RenewReply: Equatable, Sendable {
  /// The epoch that is in force: the new one, or one that somebody else has begun.
  package var epoch: Epoch

  package init?(_ reply: Reply) {
    guard let parts = reply.elements, parts.count == 2, parts[0].text == "ok",
      let epoch = parts[1].text.flatMap({ Epoch(parsing: $0) })
    else { return nil }
    self.epoch = epoch
  }
}

package enum AppendReply: Equatable, Sendable {
  /// - end: of its entry; nil if it wrote none.
  /// - failed: indices of the operations that were refused.
  case accepted(end: Position?, failed: [Int])
  /// As for `hello`. The turn was not accepted.
  case lost
  /// The turn came with an older fence: this connection has to say `hello` again.
  case fenced
  /// A turn of that sequence was accepted before.
  case repeated(accepted: Int)
  /// The turn before it was not accepted.
  case missing(accepted: Int)

  package init?(_ reply: Reply) {
    guard let parts = reply.elements, let status = parts.first?.text else { return nil }
    switch (status, parts.count) {
    case ("ok", 3):
      guard let id = parts[1].text, let indices = parts[2].elements else { return nil }
      let end = Position(parsing: id)
      let failed = indices.compactMap(\.number)
      guard failed.count == indices.count, end != nil || id.isEmpty else { return nil }
      self = .accepted(end: end, failed: failed)
    case ("lost", 1): self = .lost
    case ("fence", 1): self = .fenced
    case ("repeat", 2):
      guard let accepted = parts[1].number else { return nil }
      self = .repeated(accepted: accepted)
    case ("missing", 2):
      guard let accepted = parts[1].number else { return nil }
      self = .missing(accepted: accepted)
    default: return nil
    }
  }
}

package enum BeatReply: Equatable, Sendable {
  /// - head: how much has been said.
  /// - reaped: the servers that this beat has taken off.
  case ok(head: Position, reaped: [ServerID])
  case lost
  case gone

  package init?(_ reply: Reply) {
    guard let parts = reply.elements, let status = parts.first?.text else { return nil }
    switch (status, parts.count) {
    case ("ok", 3):
      guard let head = parts[1].text.flatMap({ Position(parsing: $0) }), let servers = parts[2].elements else {
        return nil
      }
      // What somebody else has put there is passed over.
      self = .ok(head: head, reaped: servers.compactMap { $0.text.flatMap { ServerID(parsing: $0) } })
    case ("lost", 1): self = .lost
    case ("gone", 1): self = .gone
    default: return nil
    }
  }
}

package enum ByeReply: String, Equatable, Sendable {
  case ok, lost, gone, fence

  package init?(_ reply: Reply) {
    guard let parts = reply.elements, parts.count == 1, let status = parts[0].text else { return nil }
    self.init(rawValue: status)
  }
}

extension Reply {
  /// From `SEQUENCE INDEX INDEX,SEQUENCE INDEX`.
  fileprivate var failedOperations: FailedOperations? {
    guard let text else { return nil }
    var failed: FailedOperations = [:]
    for turn in text.split(separator: ",") {
      let numbers = turn.split(separator: " ").map { Int($0) }
      guard let first = numbers.first, let sequence = first else { return nil }
      failed[sequence] = numbers.dropFirst().compactMap { $0 }
    }
    return failed
  }
}

extension Person {
  /// As the room's hash of people has it: `NAME MINUTE PLACE`. A name has no space.
  package var stored: String { "\(name) \(joinedAt) \(place)" }

  package init?(stored: String) {
    let words = stored.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard words.count == 3, !words[0].isEmpty, !words[0].contains(":"), let minute = Int32(words[1]) else { return nil }
    self.init(name: MemberName(bytes: Array(words[0].utf8)), place: String(words[2]), joinedAt: minute)
  }
}
