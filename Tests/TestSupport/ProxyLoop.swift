import ChatWire
import Glibc

/// The connections of a proxy, on its queue.
final class ProxyLoop: Sendable {
  private let listener: FileDescriptor
  private let wake: CInt
  private let controls: ProxyControls

  init(listener: consuming FileDescriptor, wake: CInt, controls: ProxyControls) {
    self.listener = listener
    self.wake = wake
    self.controls = controls
  }

  /// Serves until the proxy is released.
  func run() {
    var pairs: [ProxyPair] = []
    var resets = 0
    var entries: [pollfd] = []
    while true {
      let values = controls.values.withLock { $0 }
      if values.isOver { break }
      controls.heeded.store(values.number, ordering: .releasing)
      if values.resets != resets {
        resets = values.resets
        for pair in pairs where pair.isWhole { broke(pair.resetBoth) }
      }
      pairs.removeAll(where: \.isOver)
      let now = monotonicNanoseconds()
      entries = [wake, listener.number].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      var wait = UInt64.max
      for pair in pairs {
        entries += pair.interest(values.passage, now)
        wait = min(wait, pair.nextDue(now))
      }
      let milliseconds = wait == .max ? -1 : CInt(min(wait / 1_000_000 + 1, 1000))
      guard poll(&entries, nfds_t(entries.count), milliseconds) >= 0 else { continue }
      if entries[0].revents != 0 {
        var bytes: UInt64 = 0
        while read(wake, &bytes, 8) > 0 {}
      }
      let later = monotonicNanoseconds()
      for (index, pair) in pairs.enumerated() {
        let (client, server) = (entries[2 + 2 * index].revents, entries[3 + 2 * index].revents)
        if pair.serve(client: client, server: server, values, later) { broke {} }
      }
      if entries[1].revents != 0 { accept(values, into: &pairs) }
    }
    for pair in pairs { pair.close() }
  }

  private func broke(_ body: () -> Void) {
    body()
    controls.broken.add(1, ordering: .relaxed)
  }

  private func accept(_ values: ProxyControls.Values, into pairs: inout [ProxyPair]) {
    let client = Glibc.accept(listener.number, nil, nil)
    guard client >= 0 else { return }
    let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
    let server = socket(values.target.family, type, 0)
    for number in [client, server] {
      _ = fcntl(number, F_SETFD, FD_CLOEXEC)
      _ = fcntl(number, F_SETFL, O_NONBLOCK)
      var yes: CInt = 1
      setsockopt(number, CInt(IPPROTO_TCP), TCP_NODELAY, &yes, 4)
    }
    _ = values.target.withPointer { connect(server, $0, $1) }
    pairs.append(ProxyPair(client: client, server: server, breaking: values.breaking?()))
    controls.accepted.add(1, ordering: .relaxed)
  }
}

/// A program's connection and its continuation to the server.
final class ProxyPair {
  /// -1 once closed.
  private var client: CInt
  private var server: CInt
  private var requests = ProxyFlow()
  private var replies = ProxyFlow()
  /// Bytes until it breaks, and how.
  private var breaking: (bytes: Int, Proxy.Break)?

  init(client: CInt, server: CInt, breaking: (bytes: Int, Proxy.Break)?) {
    (self.client, self.server, self.breaking) = (client, server, breaking)
  }

  var isWhole: Bool { client >= 0 }
  var isOver: Bool { client < 0 && server < 0 }

  /// What to wait for at either end; -1 in place of an end at which nothing is waited for.
  func interest(_ passage: Proxy.Passage, _ now: UInt64) -> [pollfd] {
    guard isWhole else { return [entry(-1), entry(requests.isDue(now) ? server : -1, writes: true)] }
    if case .nothing = passage { return [entry(-1), entry(-1)] }
    return [
      entry(client, reads: requests.hasSpace, writes: replies.isDue(now)),
      entry(server, reads: replies.hasSpace, writes: requests.isDue(now)),
    ]
  }

  private func entry(_ number: CInt, reads: Bool = false, writes: Bool = false) -> pollfd {
    // Without events it would still report a hang-up, again and again.
    guard reads || writes else { return pollfd(fd: -1, events: 0, revents: 0) }
    return pollfd(fd: number, events: Int16((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), revents: 0)
  }

  /// Nanoseconds until something held back is due.
  func nextDue(_ now: UInt64) -> UInt64 {
    [requests, replies].compactMap { $0.firstDue.map { $0 > now ? $0 - now : .max } }.min() ?? .max
  }

  /// - Returns: whether it broke now.
  func serve(client clientEvents: Int16, server serverEvents: Int16, _ values: ProxyControls.Values, _ now: UInt64)
    -> Bool
  {
    if clientEvents & ~Int16(POLLOUT) != 0 {
      requests.receive(from: client, due: now + values.delay, isLost: values.passage == .repliesOnly)
    }
    if serverEvents & ~Int16(POLLOUT) != 0 {
      replies.receive(from: server, due: now + values.delay, isLost: values.passage == .requestsOnly)
    }
    guard isWhole else {
      // What came late goes to the server, and then its end.
      var unlimited = Int.max
      requests.send(to: server, now, atMost: &unlimited)
      if requests.isEmpty { close() }
      return false
    }
    if case .nothing = values.passage { return false }
    var most = breaking?.bytes ?? .max
    requests.send(to: server, now, atMost: &most)
    replies.send(to: client, now, atMost: &most)
    if let (_, kind) = breaking {
      breaking = (most, kind)
      if most == 0 {
        breakOff(kind, now)
        return true
      }
    }
    if requests.isBroken || replies.isBroken {
      resetBoth()
    } else {
      requests.finish(server)
      replies.finish(client)
      if requests.isFinished && replies.isFinished { close() }
    }
    return false
  }

  private func breakOff(_ kind: Proxy.Break, _ now: UInt64) {
    switch kind {
    case .reset: resetBoth()
    case .end: close()
    case .late:
      requests.receive(from: client, due: now, isLost: false)
      requests.postpone(to: now + .random(in: 100_000_000..<1_500_000_000))
      resetWhenClosed(client)
      Glibc.close(client)
      client = -1
      if requests.isEmpty { close() }
    }
  }

  func resetBoth() {
    for number in [client, server] where number >= 0 { resetWhenClosed(number) }
    close()
  }

  func close() {
    for number in [client, server] where number >= 0 { Glibc.close(number) }
    (client, server) = (-1, -1)
  }
}

/// One direction of a connection.
private struct ProxyFlow {
  /// What was received and is to be sent, with the moment before which it is not.
  private var pieces: [(due: UInt64, bytes: [UInt8])] = []
  private var size = 0
  private var hasEnded = false
  private(set) var isFinished = false
  private(set) var isBroken = false
  /// Whether something was lost. Nothing that comes after it can be passed on, as in a stream of TCP.
  private var hasGap = false

  var isEmpty: Bool { pieces.isEmpty }
  var hasSpace: Bool { !hasEnded && size < 1 << 20 }
  var firstDue: UInt64? { pieces.first?.due }
  func isDue(_ now: UInt64) -> Bool { pieces.first.map { $0.due <= now } ?? false }

  mutating func receive(from number: CInt, due: UInt64, isLost: Bool) {
    guard number >= 0 else { return }
    let piece = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer -> [UInt8]? in
      let count = recv(number, buffer.baseAddress, buffer.count, 0)
      if count > 0 { return Array(buffer[..<count]) }
      if count == 0 { hasEnded = true } else if errno != EAGAIN && errno != EINTR { isBroken = true }
      return nil
    }
    guard let piece else { return }
    if isLost { hasGap = true }
    guard !hasGap else { return }
    pieces.append((due, piece))
    size += piece.count
  }

  mutating func send(to number: CInt, _ now: UInt64, atMost most: inout Int) {
    while number >= 0, most > 0, let piece = pieces.first, piece.due <= now {
      let wanted = min(most, piece.bytes.count)
      let count = piece.bytes.withUnsafeBytes { Glibc.send(number, $0.baseAddress, wanted, CInt(MSG_NOSIGNAL)) }
      guard count > 0 else {
        // ENOTCONN: it is still connecting.
        if errno != EAGAIN && errno != EINTR && errno != ENOTCONN { isBroken = true }
        if isBroken { pieces = [] }
        return
      }
      most -= count
      size -= count
      if count == piece.bytes.count { pieces.removeFirst() } else { pieces[0].bytes.removeFirst(count) }
    }
  }

  mutating func postpone(to due: UInt64) { for index in pieces.indices { pieces[index].due = due } }

  /// Passes the end on when all before it was.
  mutating func finish(_ number: CInt) {
    guard hasEnded, !isFinished, pieces.isEmpty, number >= 0 else { return }
    shutdown(number, CInt(SHUT_WR))
    isFinished = true
  }
}
