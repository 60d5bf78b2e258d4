import ChatRedis
import ChatWire
import Dispatch
import Glibc

/// The link through which this server shares its room with others: what it says goes to Redis, and what everybody says, its own
/// lines included, comes from there in one order.
///
/// A `Session` decides what is done; here are its sockets and its clock. Confined to the server's queue.
final class Cluster {
  /// This run of the server.
  let id: ServerID
  private let address: RedisAddress
  private let console: Console
  private var session: Session

  /// What it has to work with, from `start` on.
  private struct Surroundings {
    let queue: DispatchQueue
    let readiness: any Readiness
    let wake: @Sendable () -> Void
    let timer: any DispatchSourceTimer
  }
  private var surroundings: Surroundings?

  private let resolver: Resolver
  private var isResolving = false
  /// Of the host, as they were resolved last.
  private var candidates: [SocketAddress] = []
  private var connections: [Line: RedisConnection] = [:]
  /// How many connections there have been. It makes their tokens differ.
  private var generation: UInt32 = 0
  private var input = [UInt8](repeating: 0, count: 64 << 10)
  private var timerFiresAt = Moment.never
  private(set) var isDown: Bool
  /// Whether another program had the link before.
  private let isContinued: Bool

  /// Slots from here on are no member's.
  private static let firstSlot: UInt32 = 0xFFFF_FF00
  /// The timer may be late by this much.
  private static let leeway = DispatchTimeInterval.microseconds(20)
  /// How long the end of the server waits for Redis.
  private static let goodbye = Duration.milliseconds(200)

  /// - Parameters:
  ///   - console: gets what becomes of the link.
  ///   - saved: the link of the program that this one goes on for.
  init(_ configuration: RedisAddress, continuing saved: Saved? = nil, console: Console) {
    address = configuration
    self.console = console
    session = saved?.session ?? Session(server: .random(), address: configuration)
    (id, isDown, isContinued) = (session.server, saved?.isDown ?? false, saved != nil)
    resolver = Resolver(configuration.address)
  }

  /// What is handed over of it. Its connections are not.
  struct Saved {
    fileprivate let session: Session
    fileprivate let isDown: Bool

    /// - Parameter address: of the Redis; nil if the new program is told of none.
    init(from reader: inout StateReader, to address: RedisAddress?) throws(StateError) {
      guard let address else { throw .impossible("it shares a room by --redis, which is missing") }
      session = try Session(from: &reader, address: address)
      isDown = try reader.read()
    }
  }

  func write(to writer: inout StateWriter) {
    session.write(to: &writer)
    writer.write(isDown)
  }

  /// Whether another line may be submitted. If not, its sender waits until `hasSpace` is true again.
  var hasSpace: Bool { session.hasSpace }

  /// Whether the room is shared at the moment.
  var isWorking: Bool { session.isWorking }

  /// Whether all that was submitted has been read back.
  var isDrained: Bool { session.isDrained }

  /// Takes an operation into the turn that is sent next.
  func submit(_ operation: Operation) { session.submit(operation) }

  /// Until it has something to send, or has waited for long enough; 0 while it has events.
  var nanosecondsUntilDue: UInt64 {
    if session.hasEvents { return 0 }
    let due = session.wakesAt
    return due.nanoseconds - min(.now, due).nanoseconds
  }

  /// What was submitted and not sent, in order. When `entered` is told that is all that was not accepted.
  var unsent: [Operation] { session.unsent }
  func replaceUnsent(with operations: [Operation]) { session.replaceUnsent(with: operations) }

  /// Lines of a member that were submitted and not read back.
  func uncommittedLines(of member: UInt64) -> Int { session.uncommittedLines(of: member) }

  /// Those of them that Redis has certainly not got.
  func unsentLines(of member: UInt64) -> Int { session.unsentLines(of: member) }

  /// The next event, in order; nil if there is none. While the server takes none, for want of space in its log, the link reads no
  /// further.
  func nextEvent() -> LinkEvent? {
    let event = session.nextEvent()
    switch event {
    case .down: isDown = true
    case .up: isDown = false
    default: break
    }
    return event
  }

  /// Begins to connect. Whatever happens later is followed by `wake`, on the server's queue.
  func start(on queue: DispatchQueue, readiness: any Readiness, wake: @escaping @Sendable () -> Void) {
    let timer = DispatchSource.makeTimerSource(flags: .strict, queue: queue)
    timer.setEventHandler { self.timerFired() }
    // A timer that is first set when descriptors have run out never fires.
    timer.schedule(deadline: .now())
    timer.activate()
    surroundings = Surroundings(queue: queue, readiness: readiness, wake: wake, timer: timer)
    if isContinued { session.resume(at: .now) } else { session.start(at: .now) }
    work()
  }

  /// Whether `token` stands for one of its connections.
  func owns(_ token: Token) -> Bool { token.slot >= Self.firstSlot }

  /// One of its connections is ready.
  func handle(_ ready: ReadyConnection) {
    guard let (line, connection) = connections.first(where: { $0.value.token == ready.token }) else { return }
    connection.proceed(ready.ready, receivingInto: &input) { take($0, of: connection, on: line) }
    work()
  }

  /// Sends what was submitted in this turn, as far as the pace allows.
  func flush() {
    if isResolving, let result = resolver.takeAnswer() { resolved(result) }
    session.advance(to: .now)
    work()
  }

  /// Tells Redis that this server leaves, and closes the connections. What was submitted and is not drained by then is given up.
  /// - Parameter lines: what members of other servers are told of it.
  func leave(saying lines: [[UInt8]]) {
    guard let surroundings else { return }
    if let request = session.leave(saying: lines), let connection = connections[.append] {
      connection.add(request.words(keys: session.keys, server: id))
      connection.finish(by: .now + Self.goodbye)
    }
    disconnect()
    surroundings.timer.cancel()
    self.surroundings = nil
  }

  // MARK: What happens

  private func take(_ news: RedisConnection.News, of connection: RedisConnection, on line: Line) {
    // It may have been given up for what it told before.
    guard connections[line] === connection else { return }
    let now = Moment.now
    switch news {
    case .connected: session.connected(line, at: now)
    case .reply(let reply): session.received(reply, on: line, at: now)
    case .ended(let reason): session.lost(line, because: reason, at: now)
    }
    execute()
  }

  private func resolved(_ result: Result<[SocketAddress], ResolutionError>) {
    isResolving = false
    switch result {
    case .success(let found):
      candidates = found
      session.resolved(addressCount: found.count, at: .now)
    case .failure(let error): session.connectingFailed(because: error.reason, at: .now)
    }
  }

  private func timerFired() {
    guard surroundings != nil else { return }
    timerFiresAt = .never
    let hadSpace = session.hasSpace
    // An answer that has come is not overdue, however long this process was stopped.
    for line in Line.allCases {
      guard let connection = connections[line] else { continue }
      connection.receive(into: &input) { take($0, of: connection, on: line) }
    }
    session.advance(to: .now)
    work()
    console.flushPage()
    wakeIfNeeded(hadSpace: hadSpace)
  }

  /// Has the server take what has happened outside of a turn.
  private func wakeIfNeeded(hadSpace: Bool) {
    if session.hasEvents || (!hadSpace && session.hasSpace) { surroundings?.wake() }
  }

  // MARK: What is done

  /// Does all that the session wants done, sends it, and sets the timer.
  private func work() {
    var hasNews = true
    while hasNews {
      execute()
      hasNews = false
      for (line, connection) in connections {
        guard let news = connection.send() else { continue }
        take(news, of: connection, on: line)
        hasNews = true
      }
    }
    setTimer()
  }

  private func execute() {
    while true {
      let commands = session.takeCommands()
      if commands.isEmpty { return }
      for command in commands { execute(command) }
    }
  }

  private func execute(_ command: LinkCommand) {
    switch command {
    case .resolve: resolve()
    case .connect(let line, let candidate): connect(line, to: candidates[candidate])
    case .send(let line, let request): connections[line]?.add(request.words(keys: session.keys, server: id))
    case .disconnect: disconnect()
    case .report(let text): console.redis(text)
    case .complain(let text):
      console.redis(text)
      // Whoever starts a server looks there. Where both streams lead to one place it would stand twice.
      if !session.hasWorked, FileIdentity(of: STDERR_FILENO) != FileIdentity(of: STDOUT_FILENO) {
        StandardOutput.write("[REDIS] \(text)\n", to: STDERR_FILENO)
      }
    }
  }

  private func resolve() {
    guard let surroundings else { return }
    isResolving = true
    resolver.resolve { [queue = surroundings.queue, wake = surroundings.wake] in queue.async(execute: wake) }
  }

  private func connect(_ line: Line, to address: SocketAddress) {
    guard let surroundings else { return }
    generation &+= 1
    let token = Token(slot: Self.firstSlot + (line == .append ? 0 : 1), generation: generation)
    do throws(SystemCallError) {
      let connection = try RedisConnection(to: address, as: token, watchedBy: surroundings.readiness)
      connections[line] = connection
      if connection.isOpen { session.connected(line, at: .now) }
    } catch { session.lost(line, because: error.reason, at: .now) }
  }

  private func disconnect() {
    for connection in connections.values { connection.forget() }
    connections = [:]
  }

  private func setTimer() {
    let next = session.wakesAt
    guard next < timerFiresAt else { return }
    timerFiresAt = next
    surroundings?.timer.schedule(deadline: DispatchTime(uptimeNanoseconds: next.nanoseconds), leeway: Self.leeway)
  }
}
