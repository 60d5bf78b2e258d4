import ChatWire

/// The link of a server to Redis, as a value: it is told what happens on its two connections and what time it is, and says what is
/// to be done. It has no socket and looks at no clock.
///
/// ```
/// off ─> resolving ─> connecting ─> greeting ─> connectingReader ─> greetingReader ─> working
///            ^                        (whatever fails, on either connection)             │
///            └──────────────────────────── waiting <─────────────────────────────────────┘
/// ```
///
/// Every failure is mended in one way: both connections are closed and made again, and the greeting asks Redis what still holds.
/// Its `hello` raises a fence that shuts out what the old connections may still deliver. So each turn that was on its way either
/// was accepted by then, or can be sent again. What was not read back is kept.
package struct Session {
  package let server: ServerID
  let address: RedisAddress
  package let keys: RoomKeys
  let limits: LinkLimits

  enum Stage {
    /// It has not started, or has left.
    case off
    case waiting(until: Moment)
    case resolving
    /// One of the host's addresses is tried.
    case connecting(candidate: Int, of: Int, until: Moment)
    /// The connection that appends awaits the answer to a step.
    case greeting(Greeting)
    /// The server is in the room. The connection that reads is made.
    case connectingReader(Work, until: Moment)
    case greetingReader(Work, ReaderStep, until: Moment)
    case working(Work)
  }

  /// What this server knows of the room.
  enum Standing {
    /// It was never in it.
    case outside
    case inside(Place)
    /// It has missed entries, and so who came and went. It has to ask who is here.
    case behind(Place)
    /// The log holds what no server of the room has written: this history has to end.
    case deceived(Place)
  }

  /// Which history it reads, and how far it has read.
  struct Place {
    var epoch: Epoch
    /// When the epoch began, in milliseconds of Redis's time.
    var begun: Int
    var position: Position
    /// Of the entry there; nil if that is not known.
    var source: EntrySource?
    /// The last letter that was read.
    var boxID: StreamID
    /// Up to where Redis has removed letters.
    var emptiedUpTo: StreamID
    /// Who is in the room, as of a position that is not reached yet; nil if it was told.
    var arrival: (position: Position, snapshot: Snapshot)?
  }

  /// Whether there is a link, as members who wait are told.
  enum Availability {
    case working
    /// It ended, or was never there. If it is not made by then, that is told.
    case missing(until: Moment)
    case down
  }

  var stage = Stage.off
  var standing = Standing.outside
  var availability = Availability.down
  /// Set from when it enters the room until the server has taken who is there. Until then nothing is sent, because members that
  /// the room has lost have to come back before anything else of theirs is said.
  var isEntering = false
  /// Whether the room is shared at the moment.
  package var isWorking: Bool {
    if case .working = stage, case .working = availability { true } else { false }
  }
  /// Whether it has ever worked.
  package internal(set) var hasWorked = false
  var turns = OutgoingTurns()
  var events: [LinkEvent] = []
  /// The next of `events` that is taken.
  private(set) var nextEventIndex = 0
  private var commands: [LinkCommand] = []
  var backoff: ConnectBackoff
  private var random: any RandomNumberGenerator & Sendable
  /// What was complained of since the link worked.
  var complaints: Set<String> = []
  /// Whether a turn was on its way when the link broke.
  var doubtsAppending = false
  /// What was warned of last.
  var warning: String?

  /// - Parameter random: draws the waits between attempts to connect.
  package init(
    server: ServerID, address: RedisAddress, limits: LinkLimits = LinkLimits(),
    random: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
  ) {
    self.random = random
    self.server = server
    self.address = address
    self.limits = limits
    keys = RoomKeys(room: address.room)
    backoff = ConnectBackoff(limits)
  }

  // MARK: What the server sees

  package var hasSpace: Bool { turns.unsentBytes < limits.backlog }
  /// Whether all that was submitted is read back, and told.
  package var isDrained: Bool { turns.isDrained && !hasEvents }
  /// Lines that the server has not got back as said.
  package func uncommittedLines(of speaker: UInt64) -> Int { turns.uncommittedLines(of: speaker) }
  /// Those of them that were never given to Redis. Of others it is not known whether they are said.
  package func unsentLines(of speaker: UInt64) -> Int { turns.unsentLines(of: speaker) }
  package mutating func submit(_ operation: Operation) { turns.submit(operation) }
  package var unsent: [Operation] { turns.unsent }
  package mutating func replaceUnsent(with operations: [Operation]) { turns.replaceUnsent(with: operations) }

  package var hasEvents: Bool { nextEventIndex < events.count }

  /// Takes the next event. Nothing more is read from Redis before all are taken.
  package mutating func nextEvent() -> LinkEvent? {
    guard hasEvents else { return nil }
    let event = events[nextEventIndex]
    nextEventIndex += 1
    if case .entered = event { isEntering = false }
    if nextEventIndex == events.count {
      events.removeAll(keepingCapacity: events.count <= 128)
      nextEventIndex = 0
    }
    if case .said(_, let speakers) = event { turns.told(speakers) }
    return event
  }

  // MARK: What it wants done

  /// Takes what is to be done now.
  package mutating func takeCommands() -> [LinkCommand] {
    defer { commands = [] }
    return commands
  }

  mutating func command(_ command: LinkCommand) { commands.append(command) }

  /// When `advance` is to be called next, at the latest.
  package var wakesAt: Moment {
    var moment = Moment.never
    if case .missing(let until) = availability { moment = until }
    switch stage {
    case .off, .resolving: return moment
    case .waiting(let until), .connecting(_, _, let until), .connectingReader(_, let until),
      .greetingReader(_, _, let until):
      return min(moment, until)
    case .greeting(let greeting): return min(moment, greeting.until)
    case .working(let work): return min(moment, wakesAt(work))
    }
  }

  // MARK: What happens

  package mutating func start(at now: Moment) {
    availability = .missing(until: now + limits.silence)
    resolve()
  }

  /// Goes on with the link of another program, as after a connection that broke, but at once.
  package mutating func resume(at now: Moment) {
    if case .working = availability { availability = .missing(until: now + limits.silence) }
    resolve()
  }

  /// The host has this many addresses.
  package mutating func resolved(addressCount: Int, at now: Moment) {
    guard case .resolving = stage else { return }
    connect(toCandidate: 0, of: addressCount, at: now)
  }

  /// The host cannot be found, or one of its addresses cannot be connected to.
  /// - Parameter reason: in the system's words.
  package mutating func connectingFailed(because reason: String, at now: Moment) {
    if case .connecting(let candidate, let count, _) = stage, candidate + 1 < count {
      return connect(toCandidate: candidate + 1, of: count, at: now)
    }
    fail(
      "Cannot reach Redis at \(address.address): \(reason). See whether it runs, and whether the address is right. The "
        + "server goes on trying; until then what members send waits.", at: now)
  }

  package mutating func connected(_ line: Line, at now: Moment) {
    switch (stage, line) {
    case (.connecting(let candidate, _, _), .append): greet(candidate: candidate, at: now)
    case (.connectingReader(let work, _), .read): greetOnReader(work, after: nil, at: now)
    default: break
    }
  }

  /// A connection has ended.
  /// - Parameter reason: in the system's words.
  package mutating func lost(_ line: Line, because reason: String, at now: Moment) {
    switch stage {
    case .off, .waiting, .resolving: break
    case .connecting: connectingFailed(because: reason, at: now)
    default: fail("The connection to Redis at \(address.address) is lost: \(reason).", at: now)
    }
  }

  package mutating func received(_ reply: Reply, on line: Line, at now: Moment) {
    switch (stage, line) {
    case (.greeting(let greeting), .append): answered(greeting, reply, at: now)
    case (.greetingReader(let work, let step, _), .read):
      if let text = reply.refusal { return refused(text, at: now) }
      greetOnReader(work, after: step, at: now)
    case (.working(let work), .append): answered(work, reply, at: now)
    case (.working(let work), .read): read(work, reply, at: now)
    case (.off, _), (.waiting, _): break
    default: fail("Redis at \(address.address) sent what was not asked for.", at: now)
    }
  }

  /// Does what is due by time, and sends what the pace allows.
  package mutating func advance(to now: Moment) {
    if case .missing(let until) = availability, until <= now {
      availability = .down
      events.append(.down)
    }
    switch stage {
    case .off, .resolving: break
    case .waiting(let until): if until <= now { resolve() }
    case .connecting(_, _, let until): if until <= now { connectingFailed(because: "it does not answer", at: now) }
    case .greeting(let greeting): if greeting.until <= now { overdue(at: now) }
    case .connectingReader(_, let until), .greetingReader(_, _, let until): if until <= now { overdue(at: now) }
    case .working(let work): advance(work, to: now)
    }
  }

  /// Ends the link.
  /// - Parameter lines: what is said of that, each with its newline.
  /// - Returns: what is to be sent on the connection that appends, before both are closed; nil for nothing.
  package mutating func leave(saying lines: [[UInt8]] = []) -> Request? {
    defer { stage = .off }
    guard case .working(let work) = stage, case .inside(let place) = standing else { return nil }
    return .run(.bye(server, place.epoch, fence: work.fence, saying: lines), sha: work.sha)
  }

  // MARK: Ways from stage to stage

  private mutating func resolve() {
    stage = .resolving
    command(.resolve)
  }

  private mutating func connect(toCandidate candidate: Int, of count: Int, at now: Moment) {
    if candidate > 0 { command(.disconnect) }
    stage = .connecting(candidate: candidate, of: count, until: now + limits.connecting)
    command(.connect(.append, candidate: candidate))
  }

  private mutating func greet(candidate: Int, at now: Moment) {
    var greeting = Greeting(candidate: candidate)
    ask(&greeting, firstStep, at: now)
  }

  private static func safe(_ text: String) -> String {
    String(decoding: SafeText.made(from: Array(text.utf8.prefix(500))), as: UTF8.self)
  }

  mutating func overdue(at now: Moment) {
    fail(
      "Redis at \(address.address) does not answer: see whether it is stopped or overloaded, or whether something else "
        + "listens there.", at: now)
  }

  /// Redis answered with an error.
  mutating func refused(_ text: String, at now: Moment) {
    fail(Self.advice(on: text, at: address), saying: Self.words(of: text, at: address), at: now)
  }

  /// Closes both connections, and tries again after a while.
  /// - Parameters:
  ///   - reason: what the administrator is told; nil for nothing, as what is mended so is told otherwise.
  ///   - words: of Redis, told with it.
  mutating func fail(_ reason: String?, saying words: String? = nil, at now: Moment) {
    if let reason, complaints.insert(reason).inserted {
      let quoted = words.flatMap { $0.isEmpty ? nil : " It says: \($0)" }
      // Part of it is what somebody else has written.
      command(.complain(Self.safe(reason + (quoted ?? ""))))
    }
    var since = now
    if case .working(let work) = stage {
      doubtsAppending = work.turnsAsked > 0
      // What was asked last was never answered, so the link has not worked since.
      if let asked = work.asked.first?.at { since = min(since, asked) }
    }
    switch availability {
    case .down: break
    case .working: availability = .missing(until: since + limits.silence)
    case .missing where hasWorked: break
    case .missing: availability = .missing(until: now)
    }
    command(.disconnect)
    stage = .waiting(until: now + backoff.next(using: &random))
    if case .missing(let until) = availability, until <= now {
      availability = .down
      events.append(.down)
    }
  }
}

extension Reply {
  /// The text of an error.
  var refusal: String? { if case .error(let text) = self { text } else { nil } }
}
