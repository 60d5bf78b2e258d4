import ChatWire
import Dispatch
import Glibc

/// How another program goes on in place of this one, in the same process and with the same descriptors (SIGUSR2):
///
///     asked ──> the new program reads a state, beside the room ──> handOver ──> exec
///                        └─ it cannot: this one goes on, and says why
///
/// From `handOver` on nothing is read or sent until the new program does it, so the room stands still for some milliseconds. What
/// comes meanwhile waits in the kernel.
extension Server {
  /// How long the log and the transcript may take to be written, in seconds: before the room stands still, and then.
  private static let drainSeconds = 2.0
  private static let settleSeconds = 0.25
  /// Where standard error is written to: a terminal or pipe that takes nothing must not hold up the room.
  private static let complaints = DispatchQueue(label: "mychat.takeover.complaints")

  func takeOverRequested() {
    guard !isTakeOverUnderWay else { return }
    guard let successor else { return takeOverFailed("the file of this program is not to be found.") }
    guard stage == .running else { return takeOverFailed("the server is stopping.") }
    isTakeOverUnderWay = true
    serviceManager?.tell(.reloading, status: serviceStatus)
    let file: MemoryFile
    do throws(SystemCallError) {
      file = try MemoryFile(holding: state(LineWriter.Remainder(), LineWriter.Remainder()))
    } catch { return takeOverFailed("\(error).") }
    DispatchQueue(label: "mychat.takeover").async { [log = log.writer, transcript = transcript?.writer] in
      let deadline = Moment.now + .seconds(Successor.patienceSeconds)
      let asked = FileIdentity(following: successor.path)
      let refusal = successor.refusal(of: file, by: deadline)
      // So that there is little left to be waited for.
      if refusal == nil {
        log.drain(seconds: Self.drainSeconds)
        transcript?.drain(seconds: Self.drainSeconds)
      }
      self.queue.async {
        self.assumeIsolated { if let refusal { $0.takeOverFailed(refusal) } else { $0.handOver(toProgramIn: asked) } }
      }
    }
  }

  /// - Parameter file: of the program that has shown that it can go on.
  private func handOver(toProgramIn file: FileIdentity?) {
    guard stage == .running, let successor else { return takeOverFailed("the server is stopping.") }
    if let present = FileIdentity(following: successor.path), present != file {
      return takeOverFailed("'\(successor.path)' was replaced meanwhile. Send SIGUSR2 again.")
    }
    now = .now
    finishTurn()
    guard let left = log.writer.settle(seconds: Self.settleSeconds) else {
      return takeOverFailed("the log takes no lines. See to it that it does.")
    }
    guard let kept = transcript.map({ $0.writer.settle(seconds: Self.settleSeconds) }) ?? LineWriter.Remainder() else {
      return takeOverFailed("the transcript's disk takes nothing.")
    }
    let state: MemoryFile
    do throws(SystemCallError) {
      state = try MemoryFile(holding: self.state(left, kept))
    } catch { return takeOverFailed("\(error).") }
    for number in handedOverDescriptors + [state.descriptor.number] { _ = fcntl(number, F_SETFD, 0) }
    let error = successor.replaceThisProgram(handingOver: state)
    for number in handedOverDescriptors { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
    takeOverFailed("'\(successor.path)' cannot be started: \(error.reason).")
  }

  private func takeOverFailed(_ why: String) {
    isTakeOverUnderWay = false
    // A server that stops has said so, which must stay the last word.
    if stage == .running { serviceManager?.tell(.ready, status: serviceStatus) }
    let text = "failed: \(why) The former program goes on."
    console.takeOver(text)
    console.flushPage()
    // Where both lead to one place it would stand twice.
    guard FileIdentity(of: STDERR_FILENO) != FileIdentity(of: log.writer.descriptor) else { return }
    Self.complaints.async { StandardOutput.write("[TAKEOVER] \(text)\n", to: STDERR_FILENO) }
  }

  // MARK: What is handed over

  private var handedOverDescriptors: [CInt] {
    connections.all.map { $0.descriptor.number } + listeners.flatMap(\.saved.descriptors)
      + (identification?.allArriving ?? []).compactMap(\.number) + (awaitedHeaders?.all.map(\.number) ?? [])
      + [log.fileNumber, transcript?.descriptor, moderation.stateDirectory].compactMap(\.self)
  }

  /// All that the next program has to know, as `HandedOver` reads it.
  /// - Parameters:
  ///   - left: how the log was left.
  ///   - kept: how the transcript was left; of no account where there is none.
  func state(_ left: LineWriter.Remainder, _ kept: LineWriter.Remainder) -> [UInt8] {
    var writer = StateWriter()
    writer.write(Fixed(configuration), signals?.leavesHangup ?? false, log.saved(leaving: left))
    writer.write(transcript.map { $0.saved(leaving: kept) }, moderation.stateDirectory, moderation.bans)
    writer.write(listeners.map(\.saved), cluster != nil)
    cluster?.write(to: &writer)
    room.write(to: &writer)
    writer.write(connections, connections.count)
    for connection in connections.all { connection.write(to: &writer) }
    writer.write(people, answers, askers, changes, arrivals, presence, linkQueue, counts)
    writer.write(restoredLines, identification?.directory, savedArrivals, savedProxiedPeers)
    writer.write(heldBack, released, patienceEndsAt, acceptResumesAt)
    return writer.bytes
  }

  private var savedArrivals: [SavedArrival] {
    (identification?.allArriving ?? []).compactMap { peer in
      guard let number = peer.number, let index = listeners.firstIndex(where: { $0 === peer.listener }) else {
        return nil
      }
      return SavedArrival(descriptor: number, listenerIndex: index, until: peer.until)
    }
  }

  private var savedProxiedPeers: [SavedProxiedPeer] {
    (awaitedHeaders.map { Array($0.all) } ?? []).compactMap { peer in
      listeners.firstIndex { $0 === peer.listener }.map {
        SavedProxiedPeer(descriptor: peer.number, listenerIndex: $0, bytes: peer.bytes, until: peer.until)
      }
    }
  }

  // MARK: Going on

  /// Takes the place of another program, once whatever watches connections is active.
  func goOn(with handedOver: HandedOver) {
    now = .now
    beginMinuteIfDue()
    connections = handedOver.table
    (people, answers) = (handedOver.people, handedOver.answers)
    (askers, awaitedPieces, changes) = (handedOver.askers, Set(handedOver.askers), handedOver.changes)
    (arrivals, presence, linkQueue) = (handedOver.arrivals, handedOver.presence, handedOver.linkQueue)
    (counts, heldBack, released) = (handedOver.counts, handedOver.heldBack, handedOver.released)
    (patienceEndsAt, acceptResumesAt) = (handedOver.patienceEndsAt, handedOver.acceptResumesAt)
    listeners = handedOver.listeners.map { Listener(continuing: $0) }
    if listeners.contains(where: \.provesLogins) {
      identification = Identification(directory: handedOver.accounts ?? LoginDirectory())
    }
    for saved in handedOver.connections { goOn(with: saved) }
    goOnWithTimes()
    for saved in handedOver.arriving { goOn(with: saved) }
    for saved in handedOver.proxied {
      let descriptor = FileDescriptor(owning: saved.descriptor)
      let listener = listeners[saved.listenerIndex]
      awaitHeader(of: ProxiedPeer(descriptor, at: listener, having: saved.bytes, until: saved.until))
    }
    for number in handedOverDescriptors { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
    let count = connections.all.count { $0.lifecycle == .member }
    console.takeOver("mychatserver \(Self.version) goes on with \(count) member\(count == 1 ? "" : "s").")
    goOnWithMetrics()
    scheduleTurn()
  }

  private func goOn(with saved: SavedConnection) {
    let connection = Connection(continuing: saved, in: room.log)
    if saved.isInRoom { room.join(connection) }
    connections.insert(connection)
    switch connection.admission {
    case .member(let key?): quota?.readmit(key)
    case .member(nil): break
    case .refused: refusedCount += 1
    }
    readiness.watch(connection.descriptor.number, as: connection.token, keptOpenBy: connection)
    updateInterest(of: connection)
    schedule(checkOf: connection, by: saved.nextCheckAt)
    due.append(connection)
    // The system is asked again.
    if connection.inbound.hold == .login { released.append(connection.token) }
  }

  private func goOn(with saved: SavedArrival) {
    let descriptor = FileDescriptor(owning: saved.descriptor)
    // Nobody is there any more.
    guard let address = try? descriptor.peerAddress() else { return }
    identify(descriptor, from: address, at: listeners[saved.listenerIndex], until: saved.until)
  }

  /// Where the metrics are asked for nothing is lost if that ends and begins again. The room goes on without them if need be.
  private func goOnWithMetrics() {
    do throws(ListenError) { for address in try openMetrics() { console.metrics(at: address) } } catch {
      let text = "\(error) The server goes on without its metrics there."
      console.noMetrics(because: text)
      Self.complaints.async { StandardOutput.report(error: text) }
    }
  }

  /// What the former program's queue would have done after a while.
  private func goOnWithTimes() {
    if !arrivals.isEmpty { announceArrivalsSoon() }
    if !presence.missing.isEmpty { forgetSoon(presence.missing) }
    if !presence.unanswered.isEmpty { postUnansweredSoon() }
  }
}
