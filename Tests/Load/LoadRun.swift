import ChatWire
import Glibc
import TestSupport

/// One load on one server, from connecting to the last line: a single thread that sends, receives and checks.
///
/// It must cost less than what it measures. Therefore each connection is read with one call into a shared buffer that stays in
/// the processor's cache, no memory is allocated and no reference counted per line, and the clock is read once per call. The
/// report includes how long it waited for the server.
struct LoadRun: ~Copyable {
  let load: Load
  private let server: ProcessFigures?
  private let poller: Poller
  private let decoder: StreamDecoder
  private var checker: Checker
  /// A `var`, like `sent`, although it never changes: with the Thread Sanitizer, Swift 6.3 miscompiles the change of an element
  /// behind a `let` pointer (`Invalid bitcast`).
  private var connections: UnsafeMutablePointer<LoadConnection>
  /// How many of `connections` are open.
  private var opened = 0
  /// How many of them are known to be in the room.
  private var inRoom = 0
  private let buffer: UnsafeMutableRawBufferPointer
  /// A line as it is sent, but for its stamp.
  private let template: UnsafeMutableRawBufferPointer
  /// Where in `template` the stamp belongs.
  private let stampOffset: Int
  /// For each sender: the lines that it has sent.
  private var sent: UnsafeMutableBufferPointer<UInt32>
  private var totalSent = 0
  /// The sender whose turn it is.
  private var turn = 0
  /// When the next probe may be said, in nanoseconds.
  private var nextProbe: UInt64 = 0
  /// Set while lines count; before that, what arrives belongs to no load.
  private var isMeasuring = false
  /// What the server itself said while lines counted; the first of it, and how often.
  private var notices: (first: String?, count: Int) = (nil, 0)
  private let onProgress: (Progress) -> Void
  /// When progress may be shown again, in nanoseconds.
  private var nextShow: UInt64 = 0

  /// Bytes that one call reads at most.
  private static let bufferBytes = 256 * 1024
  /// The most bytes of a piece of a stream that is not a line of the load, such as the greeting of a NATS server.
  private static let maximumUnfinishedBytes = 64 * 1024
  /// The most bytes that wait for one sender's socket.
  private static let maximumOutgoingBytes = 64 * 1024
  /// The most connections whose entry the server has not confirmed yet.
  private static let maximumEntering = 8
  /// The most lines that one sender adds in a turn, about the size of a paste. It matters, because a line costs the server less
  /// the more of them it reads at once.
  private static let linesInTurn = 64

  init(_ load: Load, server: ProcessFigures?, onProgress: @escaping (Progress) -> Void) throws(LoadFailure) {
    self.load = load
    self.server = server
    self.onProgress = onProgress
    do throws(SystemCallError) { poller = try Poller() } catch { throw LoadFailure(description: "\(error)") }
    decoder = StreamDecoder(dialect: load.dialect, textBytes: load.textBytes)
    checker = Checker(receivers: load.receivers, senders: load.senders, textBytes: load.textBytes)
    connections = .allocate(capacity: load.connections)
    buffer = .allocate(byteCount: Self.bufferBytes + Self.maximumUnfinishedBytes, alignment: 64)
    sent = .allocate(capacity: load.senders)
    sent.initialize(repeating: 0)

    let prefix = Array(load.dialect.sentPrefix(textBytes: load.textBytes).utf8)
    let line = [UInt8](repeating: 0, count: Stamp.bytes) + Stamp.padding(load.textBytes - Stamp.bytes)
    let whole = prefix + line + Array(load.dialect.lineEnd.utf8)
    template = .allocate(byteCount: whole.count, alignment: 8)
    template.copyBytes(from: whole)
    stampOffset = prefix.count
  }

  deinit {
    connections.deinitialize(count: opened)
    connections.deallocate()
    buffer.deallocate()
    template.deallocate()
    sent.deallocate()
  }

  /// Does all of it.
  mutating func run() throws(LoadFailure) -> Report {
    var report = Report(load: load)
    report.emptyKiB = server?.residentKiB
    let before = ClockSample(server)
    try connectAll()
    try waitUntilEverybodyIsInRoom(since: before.time)
    report.connecting = ClockSample(server).since(before)
    try waitUntilQuiet()
    report.idleKiB = server?.residentKiB

    isMeasuring = true
    let start = ClockSample(server)
    var waited: UInt64 = 0
    do throws(LoadFailure) {
      try exchange(from: start.time, waited: &waited)
    } catch {
      report.failure = error.description
    }
    report.elapsed = ClockSample(server).since(start)
    report.waitedNanoseconds = waited
    report.endKiB = server?.residentKiB
    if report.failure == nil {
      // A line that comes twice at the very end would be missed otherwise.
      do throws(LoadFailure) { try waitUntilQuiet() } catch { report.failure = error.description }
    }
    checker.finish(lines: load.lines)
    report.deliveries = checker.deliveries
    report.flaws = checker.flaws
    report.latency = checker.latency
    report.notices = notices.count
    if server != nil, server?.cpuNanoseconds == nil { report.failure = "The server's process has ended." }
    if report.failure != nil, let first = notices.first { report.failure? += " It said: \(first)" }
    return report
  }

  // MARK: Entering the room

  private mutating func connectAll() throws(LoadFailure) {
    let addresses: [SocketAddress]
    do throws(ResolutionError) { addresses = try load.address.resolved() } catch {
      throw LoadFailure(description: "Cannot find \(error).")
    }
    let start = monotonicNanoseconds()
    // A server with a short accept queue drops connections that come too fast, and each retry takes a second.
    var isCareful = load.dialect.confirmsEntry
    for index in 0..<load.connections {
      let before = monotonicNanoseconds()
      try connect(index, to: addresses)
      isCareful = isCareful || monotonicNanoseconds() - before > 500_000_000
      let listens = index < load.receivers
      let entry = load.dialect.entry(ofConnection: index, listens: listens)
      if index == 0 && !load.dialect.confirmsEntry || !listens && entry.isEmpty { entered(index) }
      try say(Array(entry.utf8), on: index)
      // Members must be read meanwhile: a server that cannot write to them might drop them.
      repeat {
        if isCareful { try probe() }
        try serve(waitingMilliseconds: 0)
        try checkEntering(since: start)
      } while isCareful && opened - inRoom > Self.maximumEntering
      show(.connecting(done: index + 1, of: load.connections), now: monotonicNanoseconds())
    }
  }

  private mutating func connect(_ index: Int, to addresses: [SocketAddress]) throws(LoadFailure) {
    do throws(SystemCallError) {
      (connections + index).initialize(to: try LoadConnection(to: addresses))
      opened += 1
      try poller.add(connections[index].socket.number, index: index)
    } catch {
      throw LoadFailure(
        description: error.code == ECONNREFUSED
          ? "Connection refused. Is the server running on \(load.address)?"
          : "Connection \(index + 1) of \(load.connections) to \(load.address) failed: \(error.reason).")
    }
  }

  private mutating func waitUntilEverybodyIsInRoom(since start: UInt64) throws(LoadFailure) {
    while inRoom < load.connections {
      try probe()
      try serve(waitingMilliseconds: 5)
      try checkEntering(since: start)
    }
  }

  /// Says a line now and then if the server does not confirm entry: whoever hears it is in the room.
  private mutating func probe() throws(LoadFailure) {
    let now = monotonicNanoseconds()
    guard !load.dialect.confirmsEntry, now >= nextProbe, connections[0].outgoing.isEmpty else { return }
    nextProbe = now + 10_000_000 + UInt64(opened) * 10_000
    appendLine(Stamp(sender: Stamp.probe, sequence: 0, time: now), to: 0)
    try flush(0)
  }

  private func checkEntering(since start: UInt64) throws(LoadFailure) {
    guard monotonicNanoseconds() - start > UInt64(load.timeout * 1e9) else { return }
    let question = inRoom > 1 ? "" : " Does it speak the protocol '\(load.dialect.rawValue)'?"
    throw LoadFailure(
      description:
        "\(inRoom) of \(load.connections) connections were in the room after \(Report.seconds(load.timeout))."
        + question)
  }

  /// Waits until nothing has arrived for 0.1 s and the server has all but stopped working; 5 s at the most.
  private mutating func waitUntilQuiet() throws(LoadFailure) {
    let end = monotonicNanoseconds() + 5_000_000_000
    var quietSince = monotonicNanoseconds()
    var cpu = server?.cpuNanoseconds ?? 0
    while true {
      let arrived = try serve(waitingMilliseconds: 20)
      let now = monotonicNanoseconds()
      guard now < end else { return }
      let cpuNow = server?.cpuNanoseconds ?? 0
      if arrived || cpuNow > cpu + 1_000_000 {
        quietSince = now
        cpu = cpuNow
      } else if now - quietSince > 100_000_000 {
        return
      }
    }
  }

  private mutating func entered(_ index: Int) {
    guard !connections[index].isInRoom else { return }
    connections[index].isInRoom = true
    inRoom += 1
  }

  // MARK: The load

  /// Sends and receives all lines. Adds to `waited` the nanoseconds in which there was nothing to do.
  private mutating func exchange(from start: UInt64, waited: inout UInt64) throws(LoadFailure) {
    var now = start
    while true {
      let slowest = checker.slowestProgress()
      if slowest >= load.lines { return }
      let sentBefore = totalSent
      switch load.pace {
      case .window(let window): try fill(upTo: min(load.lines, slowest + window)) { _ in now }
      case .rate(let rate):
        let due = Int(Double(now - start) * rate / 1e9) + 1
        // Latency counts from when a line was due: a server or a tool that falls behind must show.
        try fill(upTo: min(load.lines, due)) { start + UInt64(Double($0) * 1e9 / rate) }
      }
      // Polls without sleeping: waking a sleeping receiver would be charged to the server.
      let ready = poller.wait(milliseconds: 0)
      try serve(ready)
      let later = monotonicNanoseconds()
      if ready == 0, totalSent == sentBefore { waited += later - now }
      now = later
      if now - start > UInt64(load.timeout * 1e9) {
        throw LoadFailure(
          description: "Not all lines had arrived after \(Report.seconds(load.timeout)); "
            + "the slowest receiver has \(checker.slowestProgress()) of \(load.lines).")
      }
      show(.lines(deliveries: checker.deliveries, of: load.deliveries, nanoseconds: now - start), now: now)
    }
  }

  /// Gives each sender one turn, until `limit` lines have been sent in all.
  private mutating func fill(upTo limit: Int, time: (Int) -> UInt64) throws(LoadFailure) {
    for _ in 0..<load.senders {
      guard totalSent < limit else { return }
      let sender = turn
      turn = turn + 1 == load.senders ? 0 : turn + 1
      let index = connection(ofSender: sender)
      let share = UInt32(load.share(ofSender: sender))
      var added = 0
      while added < Self.linesInTurn, totalSent < limit, sent[sender] < share,
        connections[index].outgoing.count < Self.maximumOutgoingBytes
      {
        appendLine(Stamp(sender: UInt32(sender), sequence: sent[sender], time: time(totalSent)), to: index)
        sent[sender] += 1
        totalSent += 1
        if load.dialect.sendersListen { checker.sent(by: index) }
        added += 1
      }
      if added > 0, !connections[index].awaitsRoomToSend { try flush(index) }
    }
  }

  private func connection(ofSender sender: Int) -> Int { load.dialect.sendersListen ? sender : load.receivers + sender }

  private func appendLine(_ stamp: Stamp, to index: Int) {
    let place = connections[index].outgoing.grow(by: template.count)
    UnsafeMutableRawBufferPointer(start: place, count: template.count).copyMemory(
      from: UnsafeRawBufferPointer(template))
    stamp.write(to: place + stampOffset)
  }

  // MARK: Moving bytes

  /// Sends `bytes` on connection `index`.
  private mutating func say(_ bytes: [UInt8], on index: Int) throws(LoadFailure) {
    guard !bytes.isEmpty else { return }
    bytes.withUnsafeBytes { connections[index].outgoing.append($0) }
    try flush(index)
  }

  /// Sends what the kernel takes, and asks to be told when it takes the rest.
  private mutating func flush(_ index: Int) throws(LoadFailure) {
    while !connections[index].outgoing.isEmpty {
      switch connections[index].socket.send(connections[index].outgoing.bytes) {
      case .bytes(let count): connections[index].outgoing.removeFirst(count)
      case .wouldBlock: return try awaitRoomToSend(index, true)
      case .ended, .failed: throw lost(index)
      }
    }
    try awaitRoomToSend(index, false)
  }

  private mutating func awaitRoomToSend(_ index: Int, _ awaits: Bool) throws(LoadFailure) {
    guard connections[index].awaitsRoomToSend != awaits else { return }
    connections[index].awaitsRoomToSend = awaits
    do throws(SystemCallError) {
      try poller.change(connections[index].socket.number, index: index, write: awaits)
    } catch {
      throw LoadFailure(description: "\(error)")
    }
  }

  /// Does what the connections that are ready have to do.
  /// - Returns: whether any was.
  @discardableResult
  private mutating func serve(waitingMilliseconds: CInt) throws(LoadFailure) -> Bool {
    let count = poller.wait(milliseconds: waitingMilliseconds)
    try serve(count)
    return count > 0
  }

  /// Does what the first `count` connections that the poller has found ready have to do.
  private mutating func serve(_ count: Int) throws(LoadFailure) {
    for position in 0..<count {
      let ready = poller.ready(position)
      if ready.canWrite { try flush(ready.index) }
      if ready.canRead { try receive(ready.index) }
    }
  }

  /// Reads once what is there, and looks at each piece. What is left the poller tells of again.
  private mutating func receive(_ index: Int) throws(LoadFailure) {
    let held = connections[index].unfinished.count
    if held > 0 { buffer.copyMemory(from: connections[index].unfinished.bytes) }
    let room = UnsafeMutableRawBufferPointer(rebasing: buffer[held..<held + Self.bufferBytes])
    switch connections[index].socket.receive(into: room) {
    case .bytes(let count):
      let used = try take(UnsafeRawBufferPointer(rebasing: buffer[..<(held + count)]), of: index)
      connections[index].unfinished.removeAll()
      let rest = UnsafeRawBufferPointer(rebasing: buffer[used..<held + count])
      if rest.count <= Self.maximumUnfinishedBytes {
        connections[index].unfinished.append(rest)
      } else {
        checker.receivedTorn()
      }
    case .wouldBlock: return
    case .ended, .failed: throw lost(index)
    }
  }

  /// - Returns: how many of `bytes` were whole pieces.
  private mutating func take(_ bytes: UnsafeRawBufferPointer, of index: Int) throws(LoadFailure) -> Int {
    guard let base = bytes.baseAddress else { return 0 }
    let now = monotonicNanoseconds()
    var position = 0
    while let frame = decoder.frame(in: bytes, at: position) {
      position = frame.end
      switch frame.kind {
      case .line:
        if index < load.receivers {
          if checker.received(base + frame.start, by: index, at: now) { entered(index) }
        } else {
          checker.receivedTorn()
        }
      case .entered: entered(index)
      case .ping: try say(Array("PONG".utf8) + Array(bytes[frame.start..<frame.contentEnd]) + [13, 10], on: index)
      case .notice:
        let text = Self.shown(bytes, frame)
        notices.first = notices.first ?? text
        if isMeasuring { notices.count += 1 }
      case .refusal:
        throw LoadFailure(description: "The server refused connection \(index + 1): \(Self.shown(bytes, frame))")
      case .other: break
      case .torn: if isMeasuring { checker.receivedTorn() }
      }
    }
    return position
  }

  private static func shown(_ bytes: UnsafeRawBufferPointer, _ frame: StreamDecoder.Frame) -> String {
    let text = bytes[frame.start..<frame.contentEnd].prefix(200)
    return String(decoding: SafeText.made(from: Array(text)), as: UTF8.self)
  }

  private func lost(_ index: Int) -> LoadFailure {
    LoadFailure(
      description: "The server closed connection \(index + 1) of \(load.connections)."
        + (notices.first.map { " It said: \($0)" } ?? ""))
  }

  // MARK: Time

  /// Shows how far it is, ten times a second at the most.
  private mutating func show(_ progress: Progress, now: UInt64) {
    guard now >= nextShow else { return }
    nextShow = now + 100_000_000
    onProgress(progress)
  }
}
