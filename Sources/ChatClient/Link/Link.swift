import ChatWire
import Dispatch
import Glibc
import Synchronization

/// The way to the server: it owns the current connection, makes a broken one again if that is wanted, and turns what
/// happens on it into events. It receives on a queue of its own; any thread may send or leave.
///
/// The connection is read by a loop that blocks, not by a dispatch source: on Linux the hang-up of a socket that its own
/// source watches can end the process (swift-corelibs-libdispatch #949).
final class Link: Sendable {
  /// How long the first attempt to connect may take, and each later one.
  static let connectTimeout = Duration.seconds(10)
  /// How long the server may take to answer a goodbye.
  private static let goodbyeTimeout = Duration.seconds(2)
  /// Milliseconds that a new connection has to hold before lines are sent on it.
  private static let proofMilliseconds: CInt = 200
  /// After a connection that has held for so long the waits start again with the shortest.
  private static let stableDuration = Duration.seconds(5)
  /// Bytes that one receive brings at most.
  private static let receiveBytes = 64 * 1024
  /// Bytes that are still received when the time for the goodbye is over: as many as the kernel may hold already, because
  /// whoever reads our output was slow.
  private static let maximumLateBytes = 8 * 1024 * 1024
  /// How long they are received at most.
  private static let lateTime = Duration.seconds(1)

  private let destination: Destination
  private let reconnects: Bool
  private let firstConnection: ServerConnection
  private let sender: Sender
  private let queue = DispatchQueue(label: "mychat.receive")
  /// Until when the server may answer the goodbye; nil before the person leaves.
  private let goodbyeDeadline = Mutex<Moment?>(nil)
  /// Called once, when the person leaves, and never cleared.
  private let leaving: Wakeup

  /// Connects to `destination`.
  /// - Parameters:
  ///   - reconnects: whether a connection that ends is made again.
  ///   - wakeup: is called whenever all that was to be sent is written.
  init(to destination: Destination, reconnects: Bool, wakeup: Wakeup) throws {
    self.destination = destination
    self.reconnects = reconnects
    leaving = try Wakeup()
    firstConnection = try ServerConnection.openFirst(to: destination, until: .now + Self.connectTimeout, .person)
    sender = Sender(firstConnection, remembers: reconnects, wakeup: wakeup)
  }

  /// The name by which the server knows the first connection.
  var firstName: [UInt8] { firstConnection.ownName }

  /// Starts to receive.
  /// - Parameters:
  ///   - greeting: what the client itself says first on each connection but the first, as lines with their newlines.
  ///   - deliver: gets the events on the link's queue. While it waits nothing is
  ///     received, and so the server is slowed. An error that it returns ends the link.
  func start(
    greeting: @escaping @Sendable () -> [UInt8], deliver: @escaping @Sendable ([LinkEvent]) -> SystemCallError?
  ) {
    queue.async { [self] in
      let ending: Ending
      do throws(SystemCallError) { ending = try run(greeting, deliver) } catch { ending = .output(error) }
      _ = deliver([.ended(ending)])
    }
  }

  /// Whether all that was to be sent is written.
  var isIdle: Bool { sender.isIdle }

  /// When to give up a server that takes nothing; later each time it takes something.
  var stallDeadline: Moment { sender.stallDeadline }

  /// Sends `lines`, each with its newline, once a connection takes them.
  func send(_ lines: [UInt8]) { sender.send(lines) }

  /// Sends `lines` of the client itself, each with its newline, on the present connection or not at all.
  func sendOwn(_ lines: [UInt8]) { sender.sendOwn(lines) }

  /// Says goodbye once all is sent, or gives up where there is no connection. The link ends soon.
  func leave() {
    goodbyeDeadline.withLock { $0 = .now + Self.goodbyeTimeout }
    leaving.call()
    sender.leave()
  }

  /// The lines that were not written, each without its newline.
  var unsentLines: [[UInt8]] { sender.unsentLines }

  private var isLeaving: Bool { goodbyeDeadline.withLock { $0 != nil } }

  private typealias Deliver = ([LinkEvent]) -> SystemCallError?

  private func run(_ greeting: () -> [UInt8], _ deliver: Deliver) throws(SystemCallError) -> Ending {
    func tell(_ event: LinkEvent) throws(SystemCallError) { if let error = deliver([event]) { throw error } }
    var connection = firstConnection
    var connectedAt = Moment.now
    var isProven = true
    var backoff = Backoff()
    defer { connection.dismissSSH() }
    while true {
      let ending = try receive(from: connection, deliver)
      guard reconnects && !isLeaving else { return ending }
      if case .foreign = ending { return ending }
      let uncertain = sender.disconnect(
        connection, inOrder: ending == .closed && sender.hasUnconfirmedLines && connection.isStillRead)
      if isProven { try tell(.lost(uncertain: uncertain)) }
      if .now >= connectedAt + Self.stableDuration { backoff = Backoff() }
      guard let next = try reconnect(&backoff, tell) else { return .abandoned }
      connection = next
      connectedAt = .now
      // The last words of a server that lets nobody in are still to be shown, but a line would be lost on it.
      isProven = !next.isEnded(within: Self.proofMilliseconds)
      guard isProven else { continue }
      let greeting = greeting()
      sender.resume(on: next, greeting: greeting)
      try tell(.restored(ownName: next.ownName, greeting: greeting))
    }
  }

  private func receive(from connection: ServerConnection, _ deliver: Deliver) throws(SystemCallError) -> Ending {
    var decoder = LineDecoder()
    var isUnframedTold = false
    // Over ssh the relay has said that it is one.
    var opening: Opening? = connection === firstConnection && !connection.isOverSSH ? Opening() : nil
    var lateBytes = 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.receiveBytes, alignment: 16)
    defer { buffer.deallocate() }
    func tellWords(isLast: Bool = false) throws(SystemCallError) {
      let words = connection.takeWords(isLast: isLast)
      if !words.isEmpty, let error = deliver([.words(words)]) { throw error }
    }
    while true {
      var ending: Ending?
      try tellWords()
      switch connection.receive(into: buffer) {
      case .bytes(let count):
        if let other = opening?.append(buffer[..<count]) { return .foreign(other) }
        if opening?.isOver == true { opening = nil }
        decoder.append(UnsafeBufferPointer(rebasing: buffer.bindMemory(to: UInt8.self)[..<count]).span)
        if let deadline = goodbyeDeadline.withLock({ $0 }), deadline.hasPassed {
          lateBytes += count
          if lateBytes > Self.maximumLateBytes || (deadline + Self.lateTime).hasPassed { ending = .unconfirmed }
        }
      case .wouldBlock:
        decoder.endBurst()
        switch wait(for: connection, milliseconds: decoder.timeout) {
        case .ready: continue
        case .pause: decoder.endMessage()
        case .overdue: ending = .unconfirmed
        }
      case .ended: ending = .closed
      case .failed: ending = .broken
      }
      if ending != nil { decoder.endMessage() }
      let lines = decoder.takeLines()
      var events: [LinkEvent] = lines.isEmpty ? [] : [.lines(lines)]
      if decoder.isUnframed && !isUnframedTold {
        isUnframedTold = true
        events.append(.unframed)
      }
      if !events.isEmpty, let error = deliver(events) { throw error }
      if let ending {
        try tellWords(isLast: true)
        return ending
      }
    }
  }

  private enum Wait {
    /// The connection has something.
    case ready
    /// It had nothing for as long as was asked.
    case pause
    /// The time for the goodbye is over.
    case overdue
  }

  /// - Parameter timeout: milliseconds, or -1 for as long as it takes.
  private func wait(for connection: ServerConnection, milliseconds timeout: CInt) -> Wait {
    let quietDeadline = timeout < 0 ? Moment.never : .now + .milliseconds(Int(timeout))
    while true {
      let goodbyeDeadline = goodbyeDeadline.withLock { $0 }
      let deadline = min(quietDeadline, goodbyeDeadline ?? .never)
      if connection.isReadable(until: deadline, unless: goodbyeDeadline == nil ? leaving : nil) { return .ready }
      if let goodbyeDeadline, goodbyeDeadline.hasPassed { return .overdue }
      if quietDeadline.hasPassed { return .pause }
    }
  }

  /// Waits and tries until there is a connection again.
  /// - Returns: nil if the person leaves.
  private func reconnect(
    _ backoff: inout Backoff, _ tell: (LinkEvent) throws(SystemCallError) -> Void
  ) throws(SystemCallError) -> ServerConnection? {
    var random = SystemRandomNumberGenerator()
    // What was told of why there is none, because the next attempt may fail in the same way.
    var told: [UInt8] = []
    while true {
      let attempt = Moment.now + .seconds(backoff.next(using: &random))
      while !attempt.hasPassed {
        let left = Int(attempt.millisecondsForPoll)
        try tell(.waiting(seconds: (left + 999) / 1000))
        // Until a whole number of seconds is left.
        if leaving.isCalled(by: .now + .milliseconds((left - 1) % 1000 + 1)) { return nil }
      }
      try tell(.waiting(seconds: 0))
      var words: [UInt8] = []
      let connection = ServerConnection.openAgain(
        to: destination, until: .now + Self.connectTimeout, unless: leaving, words: &words)
      if isLeaving { return nil }
      if let connection { return connection }
      if !words.isEmpty && words != told { try tell(.words(words)) }
      told = words
    }
  }
}
