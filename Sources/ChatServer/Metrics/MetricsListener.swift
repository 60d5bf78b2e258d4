import ChatWire
import Dispatch
import Glibc

/// Answers Prometheus, or whoever else asks for the metrics: `--metrics ADDRESS`. On a queue of its own, so that nobody who asks
/// can keep the room busy with more than the counters.
actor MetricsListener {
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
  private nonisolated let executor = QueueExecutor(label: "mychat.metrics")
  private nonisolated var queue: DispatchQueue { executor.queue }

  /// Gets the counters, and has them given on, on whatever queue.
  typealias Source = @Sendable (_ then: @escaping @Sendable (Counters) -> Void) -> Void

  private final class Peer {
    let descriptor: FileDescriptor
    let deadline: Moment
    var interest = Interest.reading
    var exchange = MetricsExchange()

    init(_ descriptor: consuming FileDescriptor, until deadline: Moment) {
      self.descriptor = descriptor
      self.deadline = deadline
    }
  }

  /// Connections at a time; more wait until they are accepted.
  private static let maximumPeers = 8
  /// How long one may take for all.
  private static let patience = Duration.seconds(5)
  /// How long nobody is accepted when no descriptor is left.
  private static let shortagePause = Duration.seconds(1)

  private let source: Source
  private var listeners: [Listener] = []
  private var peers: [Token: Peer] = [:]
  private var generation: UInt32 = 0
  private let readiness: EpollReadiness
  private var ready: [ReadyConnection] = []
  private let timer: any DispatchSourceTimer
  /// When listeners that rest for want of descriptors are tried again.
  private var acceptResumesAt = Moment.never

  /// - Throws: if not even the event layer's own descriptor can be had.
  init(source: @escaping Source) throws(SystemCallError) {
    self.source = source
    readiness = try EpollReadiness()
    timer = DispatchSource.makeTimerSource(queue: executor.queue)
  }

  /// Begins to answer.
  /// - Returns: where, with real ports.
  nonisolated func open(at address: Address) throws(ListenError) -> [Address] {
    let result = queue.sync {
      assumeIsolated { listener in Result { () throws(ListenError) in try listener.open(address) } }
    }
    return try result.get()
  }

  /// Ends all. When this returns, the file of a Unix socket is gone.
  nonisolated func close() {
    queue.sync {
      assumeIsolated { listener in
        for listener in listener.listeners { listener.close() }
        listener.listeners = []
        for token in Array(listener.peers.keys) { listener.close(token) }
        listener.readiness.cancel()
        listener.timer.cancel()
      }
    }
  }

  private func open(_ address: Address) throws(ListenError) -> [Address] {
    // A timer that is first set when descriptors have run out never fires.
    timer.setEventHandler { self.assumeIsolated { $0.timerFired() } }
    timer.schedule(deadline: .now())
    timer.activate()
    readiness.activate(on: queue) { self.assumeIsolated { $0.peersAreReady() } }
    listeners = try Listener.all(for: address, besides: [], Configuration())
    for listener in listeners { listener.activate(on: queue) { self.assumeIsolated { $0.accept() } } }
    return listeners.map(\.address)
  }

  // MARK: Peers

  private func accept() {
    for listener in listeners {
      accepting: while peers.count < Self.maximumPeers {
        switch listener.accept() {
        case .connection(let descriptor, _): admit(descriptor)
        case .aborted: continue
        case .nobody: break accepting
        case .exhausted:
          acceptResumesAt = .now + Self.shortagePause
          setTimer()
          break accepting
        }
      }
    }
    if peers.count >= Self.maximumPeers || acceptResumesAt != .never {
      for listener in listeners { listener.pause() }
    }
  }

  private func admit(_ descriptor: consuming FileDescriptor) {
    generation &+= 1
    let token = Token(slot: 0, generation: generation)
    let peer = Peer(descriptor, until: .now + Self.patience)
    peers[token] = peer
    readiness.watch(peer.descriptor.number, as: token, keptOpenBy: peer)
    setTimer()
  }

  private func peersAreReady() {
    // Once: what stays ready is reported again, and a peer that sends without end must not keep the timer from firing.
    _ = readiness.takeReady(into: &ready, within: 0)
    for event in ready {
      if event.ready.contains(.writing) { proceed(.send, of: event.token) }
      if event.ready.contains(.reading) { proceed(.receive, of: event.token) }
    }
  }

  /// Does what an exchange asks for, until it has to wait.
  private func proceed(_ step: MetricsExchange.Step, of token: Token) {
    guard let peer = peers[token] else { return }
    var next: MetricsExchange.Step? = step
    while let step = next {
      switch step {
      case .wait: next = nil
      case .receive: next = receive(from: peer)
      case .send: next = send(to: peer, as: token)
      case .getMetrics:
        setInterest([], of: peer, as: token)
        source { counters in
          self.queue.async { self.assumeIsolated { $0.answer(counters, to: token) } }
        }
        next = nil
      case .finish:
        peer.descriptor.shutdownSending()
        setInterest(.reading, of: peer, as: token)
        next = .receive
      case .close:
        close(token)
        next = nil
      }
    }
  }

  private func answer(_ counters: Counters, to token: Token) {
    guard let peer = peers[token] else { return }
    proceed(peer.exchange.answer(metrics: PrometheusText.text(of: counters, version: Server.version)), of: token)
  }

  private func receive(from peer: Peer) -> MetricsExchange.Step? {
    withUnsafeTemporaryAllocation(byteCount: MetricsExchange.maximumRequestBytes, alignment: 1) { buffer in
      switch peer.descriptor.receive(into: buffer) {
      case .bytes(let count): peer.exchange.received(buffer[..<count])
      case .wouldBlock: nil
      case .ended: peer.exchange.inputEnded()
      case .failed: .close
      }
    }
  }

  private func send(to peer: Peer, as token: Token) -> MetricsExchange.Step? {
    let unsent = peer.exchange.unsent
    guard !unsent.isEmpty else { return nil }
    switch unsent.withUnsafeBytes({ peer.descriptor.send($0) }) {
    case .bytes(let count): return peer.exchange.sent(count)
    case .wouldBlock:
      setInterest(.writing, of: peer, as: token)
      return nil
    case .ended, .failed: return .close
    }
  }

  private func setInterest(_ interest: Interest, of peer: Peer, as token: Token) {
    guard interest != peer.interest else { return }
    readiness.setInterest(interest, insteadOf: peer.interest, of: peer.descriptor.number, as: token)
    peer.interest = interest
  }

  private func close(_ token: Token) {
    guard let peer = peers.removeValue(forKey: token) else { return }
    readiness.forget(peer.descriptor.number, as: token, interest: peer.interest)
    if acceptResumesAt == .never { for listener in listeners { listener.resume() } }
  }

  // MARK: Time

  private func timerFired() {
    let now = Moment.now
    for (token, peer) in peers where peer.deadline <= now { close(token) }
    if acceptResumesAt <= now {
      acceptResumesAt = .never
      for listener in listeners { listener.resume() }
    }
    setTimer()
  }

  private func setTimer() {
    let next = peers.values.reduce(acceptResumesAt) { min($0, $1.deadline) }
    guard next != .never else { return }
    timer.schedule(deadline: DispatchTime(uptimeNanoseconds: next.nanoseconds), leeway: .milliseconds(10))
  }
}
