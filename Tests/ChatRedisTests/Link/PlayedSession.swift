import ChatRedis
import ChatWire

/// A session whose Redis and whose clock a test plays.
struct PlayedSession {
  var session: Session
  var now = Moment(nanoseconds: 1_000_000_000_000)
  let epoch = "00000e0c"
  /// What it wanted done since that was taken last, in words.
  private(set) var wanted: [String] = []
  private(set) var events: [LinkEvent] = []
  /// Whether the server takes events as they come.
  var takesEvents = true

  init(_ configure: (inout RedisAddress) -> Void = { _ in }) {
    var address = RedisAddress(address: .internet(host: "redis", port: 6379))
    address.room = "lab"
    configure(&address)
    var limits = LinkLimits()
    limits.appendPace = .milliseconds(1)
    limits.readPace = .milliseconds(1)
    session = Session(server: .random(), address: address, limits: limits, random: Steady())
  }

  /// The same wait each time.
  private struct Steady: RandomNumberGenerator {
    mutating func next() -> UInt64 { .max }
  }

  mutating func act(_ change: (inout Session, Moment) -> Void) {
    change(&session, now)
    let count = events.count
    collect()
    guard events.count > count else { return }
    // As the server does at the end of a turn.
    session.advance(to: now)
    collect()
  }

  private mutating func collect() {
    for command in session.takeCommands() { wanted.append(describe(command)) }
    while takesEvents, let event = session.nextEvent() { events.append(event) }
  }

  mutating func takeEvents() -> [LinkEvent] {
    defer { events = [] }
    return events
  }

  mutating func takeWanted() -> [String] {
    defer { wanted = [] }
    return wanted
  }

  // MARK: What happens

  mutating func start() { act { $0.start(at: $1) } }
  mutating func resolve(addresses: Int = 1) { act { $0.resolved(addressCount: addresses, at: $1) } }
  mutating func connect(_ line: Line) { act { $0.connected(line, at: $1) } }
  mutating func lose(_ line: Line, _ reason: String = "Connection reset by peer") {
    act { $0.lost(line, because: reason, at: $1) }
  }
  mutating func answer(_ line: Line, _ reply: Reply) { act { $0.received(reply, on: line, at: $1) } }

  mutating func say(_ lines: String..., by speaker: UInt64? = nil) {
    for line in lines { session.submit(.say(line: Array("\(line)\n".utf8), speaker: speaker)) }
    act { $0.advance(to: $1) }
  }

  /// Lets time go by, and wakes it whenever it wants to be woken.
  mutating func wait(_ duration: Duration) {
    let end = now + duration
    while session.wakesAt <= end {
      now = max(now, session.wakesAt)
      act { $0.advance(to: $1) }
      if session.wakesAt <= now { break }
    }
    now = end
  }

  // MARK: Redis

  static let information = Reply.text(
    "# Server\r\nredis_version:7.0.15\r\nrole:master\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n")
  static let sha = Reply.text("feed")
  static let ok = Reply.text("OK")

  /// - Parameter begun: when the epoch began.
  func entered(
    epoch: String? = nil, begun: Int = 1, fence: Int = 1, sequence: Int = 0, head: String = "0-0", source: String = ""
  ) -> Reply {
    .array([
      .text("ok"), .text(epoch ?? self.epoch), .text("\(fence)"), .text("\(sequence)"), .text(head), .text(source),
      .text("0"), .text(""), .integer(0), .array([]), .array([]), .text("\(begun)"),
    ])
  }

  func welcomed(fence: Int = 2, sequence: Int, head: String, failed: String = "") -> Reply {
    .array([.text("ok"), .text("\(fence)"), .text("\(sequence)"), .text(head), .text(failed)])
  }

  func accepted(_ end: String, failed: [Int] = []) -> Reply {
    .array([.text("ok"), .text(end), .array(failed.map { .integer($0) })])
  }

  func beaten(head: String, reaped: [String] = []) -> Reply {
    .array([.text("ok"), .text(head), .array(reaped.map { .text($0) })])
  }

  /// The answer to a read: entries by id, source's server and sequence, and body.
  func read(in epoch: String? = nil, _ entries: (id: String, server: String, sequence: Int, body: String)...) -> Reply {
    .array([
      .array([
        .text(session.keys.log),
        .array(
          entries.map {
            .array([
              .text($0.id),
              .array([
                .text("s"), .text("\(epoch ?? self.epoch):\($0.server):\($0.sequence)"), .text("b"), .text($0.body),
              ]),
            ])
          }),
      ])
    ])
  }

  var id: String { "\(session.server)" }

  /// Brings it to where it awaits the answer to its first step.
  mutating func reachGreeting() {
    start()
    resolve()
    connect(.append)
  }

  mutating func reachScript() {
    reachGreeting()
    for reply in [Self.information, .array([.text("appendfsync"), .text("always")]), Self.sha] {
      answer(.append, reply)
    }
  }

  mutating func reachReader() {
    reachScript()
    answer(.append, entered())
  }

  /// Brings it to where it is known to work.
  mutating func reachWork() {
    reachReader()
    beginWork()
  }

  /// Has the connection that reads made, and the first read answered.
  mutating func beginWork() {
    connect(.read)
    answer(.read, .null)
    wait(.milliseconds(1))
  }

  /// After a loss: waits until it tries again, and answers up to `hello`, `renew` or `enter`.
  mutating func reachScriptAgain() {
    while wanted.last != "resolve", session.wakesAt != .never { wait(now.distance(to: max(now, session.wakesAt))) }
    resolve()
    connect(.append)
    for reply in [Self.information, .array([.text("appendfsync"), .text("always")]), Self.sha] {
      answer(.append, reply)
    }
  }

  // MARK: Words

  private func describe(_ command: LinkCommand) -> String {
    switch command {
    case .resolve: "resolve"
    case .connect(let line, let candidate): "connect \(line) \(candidate)"
    case .send(let line, let request): "\(line): \(describe(request))"
    case .disconnect: "disconnect"
    case .report(let text): "report: \(text)"
    case .complain(let text): "complain: \(text)"
    }
  }

  private func describe(_ request: Request) -> String {
    var words = request.words(keys: session.keys, server: session.server).map { String(decoding: $0, as: UTF8.self) }
    if case .run = request { words.removeFirst(3 + (Int(words[2]) ?? 0)) }
    if case .loadScript = request { words.removeLast() }
    return words.map { $0 == id ? "ME" : $0.replacing("\n", with: "/") }.joined(separator: " ")
  }
}

/// A session that works, of which nothing is left to be told.
func working() -> PlayedSession {
  var link = PlayedSession()
  link.reachWork()
  _ = (link.takeWanted(), link.takeEvents())
  return link
}

/// What the server is told, in a few words.
func heard(_ events: [LinkEvent]) -> [String] {
  events.map {
    switch $0 {
    case .said(let entry, let speakers):
      "\(String(decoding: entry.body.dropLast(), as: UTF8.self)) \(speakers.map { $0.map(String.init) ?? "-" })"
    case .entered: "entered"
    case .missed(let lines): "missed \(lines)"
    case .historyLost: "lost"
    case .refused: "refused"
    case .down: "down"
    case .up: "up"
    case .received: "received"
    case .reaped(let servers): "reaped \(servers.count)"
    }
  }
}
