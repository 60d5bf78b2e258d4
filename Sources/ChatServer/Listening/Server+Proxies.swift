import ChatWire

/// Peers that a proxy passes on: `--proxy-protocol`. The address that its header names is the peer's for all purposes, so whoever may
/// connect there is believed.
extension Server {
  /// Lets the peer of a proxy in as soon as its header has come.
  func awaitHeader(on descriptor: consuming FileDescriptor, of proxy: SocketAddress, at listener: Listener) {
    // It is only told that the server is full.
    if isFull { return admit(descriptor, from: proxy, at: listener, as: nil) }
    awaitHeader(of: ProxiedPeer(descriptor, at: listener, until: now + configuration.headerPatience))
  }

  func awaitHeader(of peer: ProxiedPeer) {
    awaitedHeaders?.add(peer)
    closeLateOnesInTime()
  }

  func headersAreReady() {
    guard stage == .running else { return }
    now = .now
    beginMinuteIfDue()
    var ready: [ReadyConnection] = []
    // Once: what stays ready is reported again.
    _ = awaitedHeaders?.readiness.takeReady(into: &ready, within: 0)
    for connection in ready { readHeader(of: connection.token) }
    finishTurn()
    scheduleTurnIfNeeded()
  }

  private func readHeader(of token: Token) {
    guard let peer = awaitedHeaders?[token] else { return }
    let received = peer.receive()
    if case .part = received { return }
    awaitedHeaders?.remove(token)
    // Its connection is closed with it, unless it is taken.
    switch received {
    case .whole(.internet(let host, let port)):
      guard let address = SocketAddress(host: host, port: port), let descriptor = peer.takeDescriptor() else { return }
      admit(descriptor, from: address, at: peer.listener, as: nil)
    // Somebody tries whether the server answers; it does.
    case .part, .whole(.proxyItself), .ended(wasSilent: true): break
    case .whole(.unknown): refuse(peer, because: .unknownPeer)
    case .broken(.absent): refuse(peer, because: .absent)
    case .broken(.malformed): refuse(peer, because: .malformed)
    case .broken(.tooLong): refuse(peer, because: .tooLong)
    case .ended(wasSilent: false): refuse(peer, because: .incomplete)
    }
  }

  /// Ends the wait for all headers.
  func stopAwaitingHeaders() {
    awaitedHeaders?.cancel()
  }

  // MARK: Time

  private func closeLateOnesInTime() {
    guard let isTimed = awaitedHeaders?.isTimed, !isTimed, let deadline = awaitedHeaders?.deadline else { return }
    awaitedHeaders?.isTimed = true
    after(now.distance(to: max(now, deadline))) {
      $0.awaitedHeaders?.isTimed = false
      $0.closeLateOnes()
      $0.closeLateOnesInTime()
    }
  }

  private func closeLateOnes() {
    for token in awaitedHeaders?.late(at: now) ?? [] {
      guard let peer = awaitedHeaders?[token] else { continue }
      awaitedHeaders?.remove(token)
      refuse(peer, because: .incomplete)
    }
  }

  // MARK: What is wrong

  /// What is wrong with a connection, and what to do about it.
  private enum Fault: String {
    case absent = """
      no PROXY header at the beginning. Have the proxy send one ('protocol = proxy' in stunnel, 'send-proxy-v2' in HAProxy), and \
      give people who come without a proxy another address.
      """
    case malformed = "a damaged PROXY header. Have the proxy send one of version 1 or 2."
    case tooLong = "a PROXY header of more than 4096 bytes. Have the proxy add less to it."
    case incomplete = """
      a PROXY header that did not come whole within 5 s. Have the proxy send it as soon as it connects.
      """
    case unknownPeer = """
      a PROXY header without an internet address. Have the proxy take connections on a port only; those of its own machine need \
      no proxy.
      """
  }

  private func refuse(_ peer: ProxiedPeer, because fault: Fault) {
    counts.refused += 1
    logTurnedAway(.byFault("\(peer.listener.address): \(fault.rawValue)"))
  }
}
