import ChatRedis
import ChatWire

/// What a Redis with the room's script would answer, in a few words: the rules of the script, written a second time.
struct SimulatedRedis {
  private struct Item {
    let position: Position
    let source: EntrySource
    let body: [UInt8]
  }

  private var epoch: Epoch?
  private var begun = 0
  private var total = Position.start
  private var log: [Item] = []
  private var sequences: [ServerID: Int] = [:]
  private var fences: [ServerID: Int] = [:]
  private var failed: [ServerID: [Int: [Int]]] = [:]
  private var beats: [ServerID: Moment] = [:]
  private var names: [String: MemberID] = [:]
  private var people: [MemberID: Person] = [:]
  /// Bytes of the log that are kept.
  var window = Int.max

  /// Every entry that ever was in the log, in order, with its epoch.
  private(set) var history: [(epoch: Epoch, position: Position, body: [UInt8])] = []

  var head: Position { total }

  static let silence = Duration.seconds(6)

  /// As FLUSHALL.
  mutating func lose() {
    let kept = (window, history)
    self = SimulatedRedis()
    (window, history) = kept
  }

  /// Another program adds an entry of its own.
  mutating func addForeignEntry() {
    let position = Position(bytes: total.bytes + 5, lines: total.lines)
    log.append(
      Item(
        position: position, source: EntrySource(epoch: .random(), server: .random(), sequence: 7),
        body: Array("hi".utf8)))
  }

  /// - Returns: nil if a read has to wait.
  mutating func answer(_ request: Request, from server: ServerID, keys: RoomKeys, at now: Moment) -> Reply? {
    switch request {
    case .authenticate, .select: .text("OK")
    case .information: .text("redis_version:7.0.15\r\nrole:master\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n")
    case .fsyncPolicy: .array([.text("appendfsync"), .text("always")])
    case .loadScript: .text("0123456789012345678901234567890123456789")
    case .run(let verb, _): run(verb, at: now)
    case .read(let position, _, _): read(after: position, keys: keys)
    }
  }

  private func read(after position: Position, keys: RoomKeys) -> Reply? {
    let items = log.filter { $0.position > position }.prefix(64)
    guard !items.isEmpty else { return nil }
    return .array([
      .array([
        .text(keys.log),
        .array(
          items.map {
            .array([
              .text("\($0.position)"), .array([.text("s"), .text("\($0.source)"), .text("b"), .string($0.body)]),
            ])
          }),
      ])
    ])
  }

  private var isWhole: Bool { epoch != nil && (log.last?.position ?? total) == total }

  private mutating func begin(_ new: Epoch, after earlier: Int = 0, at now: Moment) {
    epoch = new
    begun = max(Int(now.nanoseconds / 1_000_000), earlier + 1)
    total = .start
    log = []
    sequences = [:]
    fences = [:]
    failed = [:]
    people = [:]
    names = [:]
  }

  private mutating func add(_ body: [UInt8], lines: Int, _ source: EntrySource) {
    total = Position(bytes: total.bytes + body.count, lines: total.lines + lines)
    log.append(Item(position: total, source: source, body: body))
    history.append((source.epoch, total, body))
    log.removeAll { $0.position.bytes < total.bytes - window }
  }

  private mutating func touch(_ server: ServerID, at now: Moment) {
    if let newest = beats.values.max(), newest + Self.silence < now { for other in beats.keys { beats[other] = now } }
    beats[server] = now
  }

  private mutating func run(_ verb: Verb, at now: Moment) -> Reply {
    switch verb {
    case .enter(let server, let new, _):
      if !isWhole { begin(new, after: begun, at: now) }
      fences[server, default: 0] += 1
      touch(server, at: now)
      return .array([
        .text("ok"), .text("\(epoch ?? new)"), .text("\(fences[server] ?? 0)"), .text("\(sequences[server] ?? 0)"),
        .text("\(total)"), .text(log.last.map { "\($0.source)" } ?? ""), .text("0"), failures(of: server), .integer(0),
        .array(people.flatMap { [Reply.text("\($0.key)"), .text($0.value.stored)] }), .array([]),
        .text("\(begun)"),
      ])
    case .hello(let server, let known, let acknowledged, let last, let source):
      guard known == epoch, isWhole, total >= last else { return .words("lost") }
      if let item = log.last(where: { $0.position <= last }) {
        guard item.position == last, source == nil || item.source == source else { return .words("lost") }
      }
      guard beats[server] != nil else { return .words("gone") }
      guard sequences[server] ?? 0 >= acknowledged else { return .words("lost") }
      fences[server, default: 0] += 1
      touch(server, at: now)
      return .array([
        .text("ok"), .text("\(fences[server] ?? 0)"), .text("\(sequences[server] ?? 0)"), .text("\(total)"),
        failures(of: server),
      ])
    case .renew(let old, let known, let new):
      if epoch == nil || epoch == old || begun <= known { begin(new, after: max(begun, known), at: now) }
      return .words("ok", "\(epoch ?? new)")
    case .append(let server, let known, let fence, let sequence, _, let operations):
      return append(operations, server, known, fence, sequence)
    case .beat(let server, let known, _):
      guard known == epoch, isWhole else { return .words("lost") }
      guard beats[server] != nil else { return .words("gone") }
      var reaped: [ServerID] = []
      if let newest = beats.values.max(), newest + Self.silence >= now {
        reaped = beats.filter { $0.key != server && $0.value + Self.silence < now }.map(\.key)
      }
      if !reaped.isEmpty {
        sequences[.script, default: 0] += 1
        add(
          reaped.flatMap { Record.serverGone($0).line }, lines: 0,
          EntrySource(epoch: known, server: .script, sequence: sequences[.script] ?? 0))
        for other in reaped {
          beats[other] = nil
          fences[other, default: 0] += 1
          for member in people.keys where member.server == other { people[member] = nil }
          for (key, member) in names where member.server == other { names[key] = nil }
        }
      }
      touch(server, at: now)
      return .array([.text("ok"), .text("\(total)"), .array(reaped.map { .text("\($0)") })])
    case .bye: return .words("ok")
    }
  }

  private mutating func append(
    _ operations: [Operation], _ server: ServerID, _ known: Epoch, _ fence: Int, _ sequence: Int
  ) -> Reply {
    guard known == epoch, isWhole else { return .words("lost") }
    guard fences[server] == fence else { return .words("fence") }
    let last = sequences[server] ?? 0
    if sequence <= last { return .words("repeat", "\(last)") }
    if sequence != last + 1 { return .words("missing", "\(last)") }
    var (body, lines, refused): ([UInt8], Int, [Int]) = ([], 0, [])
    for (index, operation) in operations.enumerated() {
      switch operation {
      case .say(let line, _):
        body += line
        lines += 1
      case .claim(let claim):
        guard claim.keys.allSatisfy({ (names[$0] ?? claim.member) == claim.member }) else {
          refused.append(index)
          continue
        }
        for key in claim.givenUp where names[key] == claim.member { names[key] = nil }
        for key in claim.keys { names[key] = claim.member }
        people[claim.member] = claim.person
        body += claim.record.line + (claim.announcement ?? [])
        if claim.announcement != nil { lines += 1 }
      case .release(let member, let keys):
        for key in keys where names[key] == member { names[key] = nil }
        people[member] = nil
        body += Record.left(member).line
      default: break
      }
    }
    sequences[server] = sequence
    failed[server, default: [:]] = (failed[server] ?? [:]).filter { $0.key > sequence - 4 }
    if !refused.isEmpty { failed[server]?[sequence] = refused }
    var end = ""
    if !body.isEmpty {
      add(body, lines: lines, EntrySource(epoch: known, server: server, sequence: sequence))
      end = "\(total)"
    }
    return .array([.text("ok"), .text(end), .array(refused.map { .integer($0) })])
  }

  private func failures(of server: ServerID) -> Reply {
    let turns = (failed[server] ?? [:]).sorted { $0.key < $1.key }
    return .text(turns.map { "\($0.key) " + $0.value.map(String.init).joined(separator: " ") }.joined(separator: ","))
  }
}

extension Reply {
  static func words(_ words: String...) -> Reply { .array(words.map { .text($0) }) }
}
