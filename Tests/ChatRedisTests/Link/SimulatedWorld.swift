import ChatRedis
import ChatWire
import TestSupport

/// Several sessions, a Redis and the network between them, on a clock that moves only as fast as something happens. Everything
/// that goes wrong is drawn from a seed.
final class SimulatedWorld {
  /// A server and what it was told.
  final class Server {
    var session: Session
    /// Entries in order, each with the history that it belongs to.
    var said: [Entry] = []
    /// Indices in `said` at which a new history begins.
    var losses = 0
    var missedLines = 0
    /// The position at which it came.
    var speakers: [[UInt64?]] = []
    var connections: [Line: Connection] = [:]
    var isStopped = false
    var entries = 0
    var downs = 0
    var refused: [Operation] = []
    var submitted = 0

    let address: RedisAddress

    init(_ session: Session, of address: RedisAddress) { (self.session, self.address) = (session, address) }
  }

  /// Both ends of one connection. What is on its way in one direction arrives in order.
  final class Connection {
    /// Whether its server's end still is of use.
    var isOpen = true
    /// Whether nothing comes through any more, in either direction.
    var isCut = false
    var lastArrival = Moment(nanoseconds: 0)
    var lastReturn = Moment(nanoseconds: 0)
    /// What its server has not received, as it is stopped.
    var inbox: [Reply] = []
  }

  private struct Happening {
    let moment: Moment
    let what: () -> Void
  }

  private(set) var now = Moment(nanoseconds: 1_000_000_000_000)
  private var random: SeededRandom
  var redis = SimulatedRedis()
  private(set) var servers: [Server] = []
  private(set) var takeOvers = 0
  /// The next one last.
  private var happenings: [Happening] = []
  /// Redis answers nothing until then.
  private var redisPausedUntil = Moment(nanoseconds: 0)
  private var isRedisUp = true
  private var waitingReads: [(server: Server, connection: Connection, request: Request, until: Moment)] = []

  init(servers count: Int, random: SeededRandom) throws {
    self.random = random
    var address = RedisAddress(address: .internet(host: "redis", port: 6379))
    address.room = "simulated"
    for _ in 0..<count {
      servers.append(
        Server(
          Session(server: .random(), address: address, random: SeededRandom(seed: self.random.next())), of: address))
    }
    for server in servers {
      act(server) { $0.start(at: self.now) }
    }
  }

  // MARK: Time

  func after(_ duration: Duration, _ what: @escaping () -> Void) {
    let moment = now + duration
    var (low, high) = (0, happenings.count)
    while low < high {
      let middle = (low + high) / 2
      if happenings[middle].moment > moment { low = middle + 1 } else { high = middle }
    }
    happenings.insert(Happening(moment: moment, what: what), at: low)
  }

  func run(for duration: Duration) {
    let end = now + duration
    while let next = happenings.last, next.moment <= end {
      happenings.removeLast()
      now = max(now, next.moment)
      next.what()
    }
    now = end
  }

  func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  private func delay() -> Duration {
    // Mostly a local network; now and then a packet that is sent again.
    draw(0...50) == 0 ? .milliseconds(draw(1...800)) : .microseconds(draw(20...400))
  }

  // MARK: Servers

  /// Changes a session, then does what it wants done, and has it woken in time.
  func act(_ server: Server, _ change: (inout Session) -> Void) {
    change(&server.session)
    while true {
      let commands = server.session.takeCommands()
      if commands.isEmpty { break }
      for command in commands { execute(command, for: server) }
    }
    takeEvents(of: server)
    let wake = server.session.wakesAt
    guard wake != .never else { return }
    after(max(.zero, wake > now ? now.distance(to: wake) : .zero)) {
      guard !server.isStopped, server.session.wakesAt <= self.now else { return }
      self.act(server) { $0.advance(to: self.now) }
    }
  }

  func submit(_ operations: [Operation], to server: Server) {
    server.submitted += operations.count
    act(server) { session in
      for operation in operations { session.submit(operation) }
      session.advance(to: self.now)
    }
  }

  private func takeEvents(of server: Server) {
    var hadEvents = false
    while let event = server.session.nextEvent() {
      hadEvents = true
      switch event {
      case .said(let entry, let speakers):
        server.said.append(entry)
        server.speakers.append(speakers)
      case .historyLost: server.losses += 1
      case .missed(let lines): server.missedLines += lines
      case .entered: server.entries += 1
      case .down: server.downs += 1
      case .refused(let operation): server.refused.append(operation)
      case .up, .received, .reaped: break
      }
    }
    // Reading goes on once they are taken.
    if hadEvents {
      after(.zero) {
        guard !server.isStopped else { return }
        self.act(server) { $0.advance(to: self.now) }
      }
    }
  }

  private func execute(_ command: LinkCommand, for server: Server) {
    switch command {
    case .resolve:
      after(.milliseconds(1)) { self.wake(server) { $0.resolved(addressCount: 1, at: self.now) } }
    case .connect(let line, _):
      let connection = Connection()
      server.connections[line] = connection
      after(delay()) {
        guard connection.isOpen, !connection.isCut else { return }
        guard self.isRedisUp else {
          connection.isOpen = false
          return self.wake(server) { $0.connectingFailed(because: "Connection refused", at: self.now) }
        }
        self.wake(server) { $0.connected(line, at: self.now) }
      }
    case .send(let line, let request):
      guard let connection = server.connections[line] else { return }
      connection.lastArrival = max(connection.lastArrival, now + delay())
      after(now.distance(to: connection.lastArrival)) { self.arrived(request, on: connection, line, of: server) }
    case .disconnect:
      for connection in server.connections.values { connection.isOpen = false }
      server.connections = [:]
    case .report, .complain: break
    }
  }

  /// Has something happen to a server, or once it runs again.
  private func wake(_ server: Server, _ change: @escaping (inout Session) -> Void) {
    if server.isStopped {
      after(.milliseconds(50)) { self.wake(server, change) }
    } else {
      act(server, change)
    }
  }

  // MARK: Redis

  private func arrived(_ request: Request, on connection: Connection, _ line: Line, of server: Server) {
    guard isRedisUp else { return }
    if redisPausedUntil > now {
      return after(now.distance(to: redisPausedUntil)) { self.arrived(request, on: connection, line, of: server) }
    }
    // What was sent before a cut may arrive long after it.
    if connection.isCut, draw(0...1) == 0 { return }
    if let reply = redis.answer(request, from: server.session.server, keys: server.session.keys, at: now) {
      give(reply, on: connection, line, to: server)
    } else if connection.isOpen, !connection.isCut {
      let until = now + .seconds(2)
      waitingReads.append((server, connection, request, until))
      after(.seconds(2)) { self.answerWaitingReads() }
    }
    answerWaitingReads()
  }

  private func answerWaitingReads() {
    let reads = waitingReads
    waitingReads = []
    for read in reads {
      if let reply = redis.answer(
        read.request, from: read.server.session.server, keys: read.server.session.keys, at: now)
      {
        give(reply, on: read.connection, .read, to: read.server)
      } else if read.until <= now {
        give(.null, on: read.connection, .read, to: read.server)
      } else {
        waitingReads.append(read)
      }
    }
  }

  private func give(_ reply: Reply, on connection: Connection, _ line: Line, to server: Server) {
    connection.lastReturn = max(connection.lastReturn, now + delay())
    after(now.distance(to: connection.lastReturn)) {
      guard !connection.isCut else { return }
      connection.inbox.append(reply)
      self.deliver(on: connection, line, to: server)
    }
  }

  private func deliver(on connection: Connection, _ line: Line, to server: Server) {
    while !server.isStopped, connection.isOpen, !connection.inbox.isEmpty {
      let reply = connection.inbox.removeFirst()
      act(server) { $0.received(reply, on: line, at: self.now) }
    }
  }

  // MARK: Faults

  func cutSomething() {
    let server = servers[draw(0...servers.count - 1)]
    let line: Line = draw(0...1) == 0 ? .append : .read
    guard let connection = server.connections[line] else { return }
    connection.isCut = true
    // Half of the time nobody says so, and only deadlines tell.
    guard draw(0...1) == 0 else { return }
    after(delay()) {
      guard connection.isOpen else { return }
      self.wake(server) { session in
        if connection.isOpen { session.lost(line, because: "Connection reset by peer", at: self.now) }
      }
    }
  }

  func pauseRedis(for duration: Duration) { redisPausedUntil = max(redisPausedUntil, now + duration) }

  /// As kill -9 of a Redis that writes all to its disk.
  func restartRedis(after duration: Duration, losingAll: Bool = false) {
    isRedisUp = false
    if losingAll { redis.lose() }
    waitingReads = []
    for server in servers {
      for (line, connection) in server.connections {
        connection.isCut = true
        after(delay()) {
          self.wake(server) { session in
            if connection.isOpen { session.lost(line, because: "Connection reset by peer", at: self.now) }
          }
        }
      }
    }
    after(duration) { self.isRedisUp = true }
  }

  /// Another program goes on with the session of a server, by exec: connections are gone, what they still carry is not.
  func takeOver() {
    let server = servers[draw(0...servers.count - 1)]
    guard !server.isStopped else { return }
    var writer = StateWriter()
    server.session.write(to: &writer)
    for connection in server.connections.values { connection.isOpen = false }
    server.connections = [:]
    do throws(StateError) {
      var reader = try StateReader(writer.bytes)
      server.session = try Session(from: &reader, address: server.address)
      try reader.finish()
    } catch { preconditionFailure("a session cannot be handed over: \(error)") }
    takeOvers += 1
    act(server) { $0.resume(at: self.now) }
  }

  /// As SIGSTOP.
  func stopServer(for duration: Duration) {
    let server = servers[draw(0...servers.count - 1)]
    guard !server.isStopped else { return }
    server.isStopped = true
    after(duration) {
      server.isStopped = false
      // What has come is taken before deadlines are looked at.
      for (line, connection) in server.connections { self.deliver(on: connection, line, to: server) }
      self.act(server) { $0.advance(to: self.now) }
    }
  }
}
