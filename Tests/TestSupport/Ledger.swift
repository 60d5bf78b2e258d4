import ChatWire
import Glibc

/// The one order in which all lines have to be heard, and each hearer's position in it.
///
/// A line's text follows from its speaker and its number, so even lines of a single byte can be checked. A hearer has to hear
/// every line of the order in turn, except its own and those that it was told it missed: anything else throws.
package final class Ledger {
  /// What one peer has heard.
  package final class Ear {
    /// Index in the order of the next line it has to hear.
    fileprivate var position: Int
    /// Its number as a speaker, whose lines it does not hear; -1 if it only listens.
    fileprivate var speaker = -1
    /// Whether the latency of timed lines is recorded for this hearer.
    fileprivate var isTimed = false
    /// Lines that the server reported as skipped.
    package fileprivate(set) var skipped = 0
    /// Lines heard.
    package fileprivate(set) var heard = 0
    /// Where the searches for its next own line and for the next timed line go on.
    fileprivate var nextOwn = 0
    fileprivate var nextTimed = 0
    /// Lines that a speaker heard before any listener. They cannot be judged yet, because the order may have lines of its own
    /// in between, which it does not hear.
    fileprivate var early: [(bytes: [UInt8], time: UInt64)] = []
    fileprivate init(position: Int) { self.position = position }
  }

  private struct Entry {
    var speaker: Int32
    var number: Int32
    /// Offset and length of its text in `letters`.
    var start: Int32
    var length: Int32
  }

  /// Bytes of a line, without its newline.
  private let lengths: ClosedRange<Int>
  /// All lines heard by anybody, in the order in which they were first heard.
  private var order: [Entry] = []
  /// The same as bytes on the wire, and the offset of each line.
  private var stream: [UInt8] = []
  private var starts: [Int] = [0]
  /// Indexes in the order of all timed lines, and of each speaker's lines.
  private var timedPlaces: [Int] = []
  private var ownPlaces: [[Int]] = []
  /// By the peer's index; nil if it is not in the ledger.
  private var ears: [Ear?] = []
  /// By port: the speaker; -1 for none.
  private var speakers = [Int32](repeating: -1, count: 65_536)
  /// By speaker: lines said so far, lines in `order`, when each was said (if it is timed), and whether it is timed.
  package private(set) var said: [Int] = []
  private var ordered: [Int] = []
  private var times: [[UInt64]] = []
  private var timed: [Bool] = []
  /// By the peer's index: a hash (FNV-1a) of the lines it heard from peers outside the ledger; and the number of such lines.
  package private(set) var otherHashes: [Int: UInt64] = [:]
  package private(set) var othersHeard = 0
  /// From saying to hearing, for timed lines.
  package private(set) var latencies = Histogram()

  /// Random letters that never spell `exit`; no line repeats a pattern.
  private static let letters: [UInt8] = {
    var random = SeededRandom(seed: 1)
    return (0..<32_768).map { _ in UInt8(ascii: "a") + UInt8(truncatingIfNeeded: random.next() >> 32) % 4 }
  }()

  package init(lengths: ClosedRange<Int>) {
    self.lengths = lengths
    // Unused capacity costs nothing, but growing would copy gigabytes while the server waits for its readers.
    stream.reserveCapacity(1 << 30)
    order.reserveCapacity(1 << 23)
    starts.reserveCapacity(1 << 23)
  }

  /// Lines that each listener should have heard or skipped by now.
  package var orderCount: Int { order.count }
  package var totalSaid: Int { said.reduce(0, +) }

  /// Makes `peer` a listener from the next line on.
  @discardableResult
  package func listen(_ peer: Peer) -> Ear {
    let ear = Ear(position: order.count)
    while ears.count <= peer.index { ears.append(nil) }
    ears[peer.index] = ear
    return ear
  }

  /// Makes `peer` a speaker, which also listens.
  /// - Parameter timed: whether the latency of its lines to other timed speakers is recorded.
  @discardableResult
  package func speak(_ peer: Peer, timed isTimed: Bool = false) -> Ear {
    let ear = listen(peer)
    ear.speaker = said.count
    ear.isTimed = isTimed
    speakers[Int(peer.port)] = Int32(said.count)
    said.append(0)
    ownPlaces.append([])
    ordered.append(0)
    times.append([])
    timed.append(isTimed)
    return ear
  }

  package func knows(_ peer: Peer) -> Bool { peer.index < ears.count && ears[peer.index] != nil }

  package subscript(peer: Peer) -> Ear {
    guard peer.index < ears.count, let ear = ears[peer.index] else {
      preconditionFailure("peer \(peer.index) is not in the ledger")
    }
    return ear
  }

  /// Offset and length in `letters` of one line's text.
  private func place(_ speaker: Int, _ number: Int) -> (start: Int, length: Int) {
    var hash = UInt64(truncatingIfNeeded: speaker &* 1_000_003 &+ number) &* 0x9E37_79B9_7F4A_7C15
    hash ^= hash >> 29
    hash = hash &* 0xBF58_476D_1CE4_E5B9
    hash ^= hash >> 32
    let length = lengths.lowerBound + Int(hash & 0xFFFF_FFFF) % (lengths.upperBound - lengths.lowerBound + 1)
    let start = Int(hash >> 40) % (Self.letters.count - length)
    return (start, length)
  }

  /// The next line of `peer`, with its newline.
  package func nextLine(of peer: Peer, at now: UInt64 = 0) -> [UInt8] {
    let speaker = self[peer].speaker
    let (start, length) = place(speaker, said[speaker])
    let line = Array(Self.letters[start..<start + length]) + [0x0A]
    said[speaker] += 1
    if timed[speaker] { times[speaker].append(now) }
    return line
  }

  /// Judges the line `bytes`, which `peer` heard at `now`.
  package func hear(_ peer: Peer, _ bytes: UnsafeRawBufferPointer, _ now: UInt64) throws {
    let ear = self[peer]
    guard ear.speaker >= 0 else { return try judge(ear, bytes, now) }
    if ear.early.isEmpty, isKnown(ear) { return try judge(ear, bytes, now) }
    ear.early.append((Array(bytes), now))
    try catchUp(ear)
  }

  /// Judges at once as many lines at the start of `bytes` as are exactly what others have heard before. This comparison of
  /// memory is what lets gigabytes be checked.
  /// - Returns: how many bytes it has judged; the rest has to be judged line by line.
  package func hearAgain(_ peer: Peer, _ bytes: UnsafeRawBufferPointer, _ now: UInt64) throws -> Int {
    guard knows(peer) else { return 0 }
    let ear = self[peer]
    guard ear.early.isEmpty else { return 0 }
    var taken = 0
    while taken < bytes.count, ear.speaker < 0 ? ear.position < order.count : isKnown(ear) {
      let most = min(bytes.count - taken, starts[endOfRun(for: ear)] - starts[ear.position])
      let isSame = stream.withUnsafeBytes {
        memcmp($0.baseAddress! + starts[ear.position], bytes.baseAddress! + taken, most) == 0
      }
      guard isSame else { break }
      let end = lastStart(notAfter: starts[ear.position] + most, from: ear.position)
      guard end > ear.position else { break }
      taken += starts[end] - starts[ear.position]
      ear.heard += end - ear.position
      if ear.isTimed { time(ear, to: end, now) }
      ear.position = end
    }
    return taken
  }

  /// Index of the hearer's next own line, or the end of the order.
  private func endOfRun(for ear: Ear) -> Int {
    guard ear.speaker >= 0 else { return order.count }
    while ear.nextOwn < ownPlaces[ear.speaker].count, ownPlaces[ear.speaker][ear.nextOwn] < ear.position {
      ear.nextOwn += 1
    }
    return ear.nextOwn < ownPlaces[ear.speaker].count ? ownPlaces[ear.speaker][ear.nextOwn] : order.count
  }

  /// The last index in the order whose line begins at or before `offset` of the stream.
  private func lastStart(notAfter offset: Int, from first: Int) -> Int {
    var (low, high) = (first, starts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }

  private func time(_ ear: Ear, to end: Int, _ now: UInt64) {
    while ear.nextTimed < timedPlaces.count, timedPlaces[ear.nextTimed] < end {
      let place = timedPlaces[ear.nextTimed]
      ear.nextTimed += 1
      if place >= ear.position, order[place].speaker != ear.speaker {
        latencies.record(now &- times[Int(order[place].speaker)][Int(order[place].number)])
      }
    }
  }

  /// Whether the next line that a speaker has to hear is in the order already.
  private func isKnown(_ ear: Ear) -> Bool {
    while ear.position < order.count, Int(order[ear.position].speaker) == ear.speaker { ear.position += 1 }
    return ear.position < order.count
  }

  private func catchUp(_ ear: Ear) throws {
    var judged = 0
    while judged < ear.early.count, isKnown(ear) {
      let (bytes, time) = ear.early[judged]
      try bytes.withUnsafeBytes { try judge(ear, $0, time) }
      judged += 1
    }
    if judged > 0 { ear.early.removeFirst(judged) }
  }

  private func judge(_ ear: Ear, _ bytes: UnsafeRawBufferPointer, _ now: UInt64) throws {
    if bytes.first == UInt8(ascii: "*") { return try skip(ear, bytes) }
    guard let port = port(at: bytes), speakers[port.number] >= 0 else {
      throw TestFailure("somebody heard what nobody said: \(shown(bytes))")
    }
    let speaker = Int(speakers[port.number])
    let heard = UnsafeRawBufferPointer(rebasing: bytes[port.end...])
    guard speaker != ear.speaker else { throw TestFailure("speaker \(ear.speaker) heard itself: \(shown(bytes))") }
    if ear.position == order.count {
      let (start, length) = place(speaker, ordered[speaker])
      order.append(
        Entry(
          speaker: Int32(speaker), number: Int32(ordered[speaker]), start: Int32(start), length: Int32(length)))
      ordered[speaker] += 1
      ownPlaces[speaker].append(ear.position)
      if timed[speaker] { timedPlaces.append(ear.position) }
      stream.append(contentsOf: bytes)
      stream.append(0x0A)
      starts.append(stream.count)
    }
    let due = order[ear.position]
    guard Int(due.speaker) == speaker, Int(due.length) == heard.count, isText(heard, at: Int(due.start)) else {
      throw TestFailure(
        "a hearer (speaker \(ear.speaker)) heard \(shown(bytes.prefix(80))), \(bytes.count) bytes, where line \(due.number) of speaker "
          + "\(due.speaker) was due, \(due.length) bytes (speaker \(speaker), entry \(ear.position), \(ear.heard) heard)"
      )
    }
    ear.position += 1
    ear.heard += 1
    if timed[speaker], ear.isTimed { latencies.record(now &- times[speaker][Int(due.number)]) }
  }

  private func isText(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Bool {
    Self.letters.withUnsafeBytes { letters in
      memcmp(letters.baseAddress! + start, bytes.baseAddress!, bytes.count) == 0
    }
  }

  /// Whether this is the line of a peer outside the ledger.
  package func isOther(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if bytes.first == UInt8(ascii: "*") { return false }
    if let port = port(at: bytes) { return speakers[port.number] < 0 }
    // One of two peers with the same port has its address behind it: `54321@127.0.0.2`.
    let digits = bytes.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return !digits.isEmpty && bytes.dropFirst(digits.count).first == UInt8(ascii: "@")
  }

  /// Adds to the hash of what `peer` heard from peers outside the ledger, whose text is unknown: all have to hear the same.
  package func hearOther(_ peer: Peer, _ bytes: UnsafeRawBufferPointer) {
    var hash = otherHashes[peer.index] ?? 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    otherHashes[peer.index] = hash
    if self[peer].speaker < 0 { othersHeard += 1 }
  }

  /// The port before the colon, and the offset of the text behind it.
  private func port(at bytes: UnsafeRawBufferPointer) -> (number: Int, end: Int)? {
    var index = 0
    var port = 0
    while index < bytes.count, index < 5, bytes[index] &- 48 < 10 {
      port = port * 10 + Int(bytes[index] - 48)
      index += 1
    }
    guard index + 1 < bytes.count, bytes[index] == 58, bytes[index + 1] == 32, port < 65_536 else { return nil }
    return (port, index + 2)
  }

  /// Believes `* N lines skipped`: the next line heard shows whether N is exact.
  private func skip(_ ear: Ear, _ bytes: UnsafeRawBufferPointer) throws {
    let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    guard words.count == 4, words[2] == "lines", words[3] == "skipped", let count = Int(words[1]), count > 0 else {
      throw TestFailure("an unexpected notice: \(shown(bytes))")
    }
    ear.skipped += count
    var left = count
    while left > 0 {
      guard ear.position < order.count else { throw TestFailure("\(count) lines skipped are \(left) too many") }
      if Int(order[ear.position].speaker) != ear.speaker { left -= 1 }
      ear.position += 1
    }
  }

  /// Whether `peer` has heard, or was told that it missed, every line said so far.
  package func isComplete(_ peer: Peer) throws -> Bool { try isComplete(self[peer], total: totalSaid) }

  private func isComplete(_ ear: Ear, total: Int) throws -> Bool {
    if !ear.early.isEmpty { try catchUp(ear) }
    return ear.heard + ear.skipped + (ear.speaker >= 0 ? said[ear.speaker] : 0) == total
  }

  package func areComplete(_ peers: [Peer]) throws -> Bool {
    let total = totalSaid
    return try peers.allSatisfy { try isComplete(self[$0], total: total) }
  }

  package func forgetLatencies() { latencies = Histogram() }
}

/// All of `members` say `lines` lines at full speed, and each hears all the others' in the one order.
/// - Parameter settle: waits until so many connections are in the room.
/// - Returns: lines heard by the members, and lines that the server says they missed.
/// - Throws: at once for a line that is doubled, torn, echoed or out of order, and in the end for one that is lost.
package func letEverybodyTalk(
  members: Int, lines: Int, lengths: ClosedRange<Int>, at address: Address, settle: (_ connections: Int) throws -> Void
) throws -> (heard: Int, skipped: Int) {
  let swarm = try Swarm(connectingTo: address)
  let ledger = Ledger(lengths: lengths)
  ledger.listen(try swarm.addLeader())
  let peers = try swarm.add(members)
  for peer in peers { ledger.speak(peer) }
  try settle(members + 1)
  try swarm.run(within: .seconds(900), "all lines; \(ledger.orderCount) of \(members * lines) heard") { _ in
    var areDone = true
    for (speaker, peer) in peers.enumerated() where ledger.said[speaker] < lines {
      areDone = false
      while peer.unsentBytes < 32_768, ledger.said[speaker] < lines { swarm.say(ledger.nextLine(of: peer), by: peer) }
    }
    if let gone = peers.first(where: { $0.state != .open }) { throw TestFailure("peer \(gone.index): \(gone.state)") }
    return try areDone && ledger.areComplete(peers)
  } lines: {
    try ledger.hearAgain($0, $1, $2)
  } line: {
    try ledger.hear($0, $1, $2)
  }
  return (peers.reduce(0) { $0 + ledger[$1].heard }, peers.reduce(0) { $0 + ledger[$1].skipped })
}
