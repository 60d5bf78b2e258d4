import Glibc

/// The one order in which all lines have to be heard, and each hearer's position in it.
///
/// A line's text follows from its speaker and its number, so even lines of a single byte can be checked. A hearer has to hear
/// every line of the order in turn, except its own and those that it was told it missed: anything else throws. The order is
/// what the listeners hear, whoever of them hears a line first.
package final class Ledger {
  /// What one peer has heard.
  package final class Ear {
    /// Index in the order of the next line it has to hear.
    fileprivate var position: Int
    /// Its number as a speaker, whose lines it does not hear; -1 if it only listens.
    fileprivate var speaker = -1
    /// Whether the latency of timed lines is recorded for this hearer: of all but its own, or of those from other groups.
    fileprivate var isTimed = false
    fileprivate var group: Int?
    /// False while it is unknown where in the order it began to hear.
    fileprivate var isPlaced = true
    /// Lines that the server reported as skipped.
    package fileprivate(set) var skipped = 0
    /// How many of these have no place in the order yet, because nobody else has heard them.
    fileprivate var unplacedSkips = 0
    /// Lines heard.
    package fileprivate(set) var heard = 0
    /// Where the searches for its next own line and for the next timed line go on.
    fileprivate var nextOwn = 0
    fileprivate var nextTimed = 0
    /// Lines that a speaker heard before any listener. They cannot be judged yet, because the order may have lines of its own
    /// in between, which it does not hear. Or lines of one whose place is unknown.
    fileprivate var early: [(bytes: [UInt8], time: UInt64)] = []
    fileprivate init(position: Int) { self.position = position }
  }

  private struct Entry {
    var speaker: Int32
    var number: Int32
  }

  /// Bytes of a line, without its newline.
  private let lengths: ClosedRange<Int>
  /// Whether a line begins with its number, so that one line alone shows where in the order it is.
  private let isNumbered: Bool
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
  private var groups: [Int?] = []
  /// Those that will say no more, and whose last lines may have been lost.
  private var cutOff: [Bool] = []
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

  /// - Parameter isNumbered: has to be true for `join`; lines are a little longer then than `lengths` says, if those are short.
  package init(lengths: ClosedRange<Int>, isNumbered: Bool = false) {
    self.lengths = lengths
    self.isNumbered = isNumbered
    // Unused capacity costs nothing, but growing would copy gigabytes while the server waits for its readers.
    stream.reserveCapacity(1 << 30)
    order.reserveCapacity(1 << 23)
    starts.reserveCapacity(1 << 23)
  }

  /// Lines that each listener should have heard or skipped by now.
  package var orderCount: Int { order.count }
  package var totalSaid: Int { said.reduce(0, +) }
  /// Lines of speakers that were cut off which nobody has heard.
  package var lostCount: Int { totalSaid - total }
  /// Lines that have to be heard: all that were said, but for those of speakers that were cut off which nobody has heard.
  private var total: Int {
    said.indices.reduce(0) { $0 + (cutOff[$1] ? ordered[$1] : said[$1]) }
  }
  /// All lines in their order as bytes on the wire.
  package var heardStream: [UInt8] { stream }

  /// Makes `peer` a listener from the next line on.
  @discardableResult
  /// - Parameter group: if it has one, the latency of what it hears from timed speakers of other groups is recorded.
  package func listen(_ peer: Peer, group: Int? = nil) -> Ear {
    let ear = Ear(position: order.count)
    (ear.group, ear.isTimed) = (group, group != nil)
    while ears.count <= peer.index { ears.append(nil) }
    ears[peer.index] = ear
    return ear
  }

  /// Makes a peer a speaker that comes while others talk: the first line that it hears shows where it is in the order. From its
  /// own first line on it has to hear all.
  package func join(_ peer: Peer) { speak(peer).isPlaced = false }

  /// Makes `peer` a speaker, which also listens.
  /// - Parameters:
  ///   - timed: whether the latency of its lines to other timed speakers is recorded.
  ///   - group: if it has one, only to those of other groups.
  @discardableResult
  package func speak(_ peer: Peer, timed isTimed: Bool = false, group: Int? = nil) -> Ear {
    let ear = listen(peer)
    ear.speaker = said.count
    (ear.isTimed, ear.group) = (isTimed, group)
    speakers[Int(peer.port)] = Int32(said.count)
    said.append(0)
    ownPlaces.append([])
    ordered.append(0)
    times.append([])
    timed.append(isTimed)
    groups.append(group)
    cutOff.append(false)
    return ear
  }

  /// Its server has ended: what nobody has heard of it in the end was never said. What was heard has no gaps.
  package func cutOff(_ peer: Peer) { cutOff[self[peer].speaker] = true }

  /// How many lines of a speaker have a place in the order.
  package func orderedCount(of peer: Peer) -> Int { ordered[self[peer].speaker] }
  package func saidCount(of peer: Peer) -> Int { said[self[peer].speaker] }

  package func knows(_ peer: Peer) -> Bool { peer.index < ears.count && ears[peer.index] != nil }

  package subscript(peer: Peer) -> Ear {
    guard peer.index < ears.count, let ear = ears[peer.index] else {
      preconditionFailure("peer \(peer.index) is not in the ledger")
    }
    return ear
  }

  /// One line's text.
  private func text(_ speaker: Int, _ number: Int) -> [UInt8] {
    var hash = UInt64(truncatingIfNeeded: speaker &* 1_000_003 &+ number) &* 0x9E37_79B9_7F4A_7C15
    hash ^= hash >> 29
    hash = hash &* 0xBF58_476D_1CE4_E5B9
    hash ^= hash >> 32
    let length = lengths.lowerBound + Int(hash & 0xFFFF_FFFF) % (lengths.upperBound - lengths.lowerBound + 1)
    let start = Int(hash >> 40) % (Self.letters.count - length)
    guard isNumbered else { return Array(Self.letters[start..<start + length]) }
    let head = Array("\(number) ".utf8)
    return head + Self.letters[start..<start + max(1, length - head.count)]
  }

  /// The next line of `peer`, with its newline.
  package func nextLine(of peer: Peer, at now: UInt64 = 0) -> [UInt8] {
    let speaker = self[peer].speaker
    let line = text(speaker, said[speaker]) + [0x0A]
    said[speaker] += 1
    if timed[speaker] { times[speaker].append(now) }
    return line
  }

  /// Judges the line `bytes`, which `peer` heard at `now`.
  package func hear(_ peer: Peer, _ bytes: UnsafeRawBufferPointer, _ now: UInt64) throws {
    let ear = self[peer]
    if ear.early.isEmpty, ear.isPlaced, isKnown(ear) || ear.speaker < 0 && ear.unplacedSkips == 0 {
      return try judge(ear, bytes, now)
    }
    ear.early.append((Array(bytes), now))
    try catchUp(ear)
  }

  /// Judges at once as many lines at the start of `bytes` as are exactly what others have heard before. This comparison of
  /// memory is what lets gigabytes be checked.
  /// - Returns: how many bytes it has judged; the rest has to be judged line by line.
  package func hearAgain(_ peer: Peer, _ bytes: UnsafeRawBufferPointer, _ now: UInt64) throws -> Int {
    guard knows(peer) else { return 0 }
    let ear = self[peer]
    guard ear.early.isEmpty, ear.isPlaced else { return 0 }
    var taken = 0
    while taken < bytes.count, isKnown(ear) {
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
      if place >= ear.position, isTimed(ear, Int(order[place].speaker)) {
        latencies.record(now &- times[Int(order[place].speaker)][Int(order[place].number)])
      }
    }
  }

  /// Whether the latency of a timed speaker's lines counts for this hearer.
  private func isTimed(_ ear: Ear, _ speaker: Int) -> Bool {
    ear.isTimed && speaker != ear.speaker && (ear.group == nil || ear.group != groups[speaker])
  }

  /// Whether the next line that a peer has to hear is in the order already.
  private func isKnown(_ ear: Ear) -> Bool {
    if ear.unplacedSkips > 0 { passOverSkipped(ear) }
    while ear.position < order.count, Int(order[ear.position].speaker) == ear.speaker { ear.position += 1 }
    return ear.position < order.count
  }

  private func catchUp(_ ear: Ear) throws {
    if !ear.isPlaced { try findPlace(of: ear) }
    var judged = 0
    while judged < ear.early.count, ear.isPlaced, isKnown(ear) {
      let (bytes, time) = ear.early[judged]
      try bytes.withUnsafeBytes { try judge(ear, $0, time) }
      judged += 1
    }
    if judged > 0 { ear.early.removeFirst(judged) }
  }

  private func judge(_ ear: Ear, _ bytes: UnsafeRawBufferPointer, _ now: UInt64) throws {
    if bytes.first == UInt8(ascii: "*") { return try skip(ear, bytes) }
    let (speaker, heard) = try speech(bytes)
    guard speaker != ear.speaker else { throw TestFailure("speaker \(ear.speaker) heard itself: \(shown(bytes))") }
    if ear.position == order.count { try extendOrder(speaker, heard, with: bytes) }
    let (start, end) = (starts[ear.position], starts[ear.position + 1] - 1)
    let isDue =
      bytes.count == end - start
      && stream.withUnsafeBytes { memcmp($0.baseAddress! + start, bytes.baseAddress!, bytes.count) == 0 }
    guard isDue else {
      throw TestFailure(
        "a hearer (speaker \(ear.speaker)) heard \(shown(bytes.prefix(80))), \(bytes.count) bytes, where "
          + "\(shown(stream[start..<min(end, start + 80)])) was due, \(end - start) bytes, line "
          + "\(order[ear.position].number) of speaker \(order[ear.position].speaker) (the line heard is of speaker "
          + "\(speaker), entry \(ear.position) of \(order.count), \(ear.heard) heard)")
    }
    let number = Int(order[ear.position].number)
    ear.position += 1
    ear.heard += 1
    if timed[speaker], isTimed(ear, speaker) { latencies.record(now &- times[speaker][number]) }
  }

  /// Gives a line that was heard for the first time the next place in the order. Its speaker's lines have to come as it said
  /// them.
  private func extendOrder(
    _ speaker: Int, _ heard: UnsafeRawBufferPointer, with bytes: UnsafeRawBufferPointer
  ) throws {
    let number = ordered[speaker]
    let expected = text(speaker, number)
    guard number < said[speaker], heard.elementsEqual(expected) else {
      throw TestFailure(
        "somebody heard \(shown(bytes.prefix(80))), \(bytes.count) bytes, where line \(number) of speaker \(speaker) was "
          + "due, which said \(said[speaker]): \(shown(expected.prefix(80)))")
    }
    ownPlaces[speaker].append(order.count)
    if timed[speaker] { timedPlaces.append(order.count) }
    order.append(Entry(speaker: Int32(speaker), number: Int32(number)))
    ordered[speaker] += 1
    stream.append(contentsOf: bytes)
    stream.append(0x0A)
    starts.append(stream.count)
  }

  /// Who says a line, and its text.
  private func speech(_ bytes: UnsafeRawBufferPointer) throws -> (speaker: Int, text: UnsafeRawBufferPointer) {
    guard let port = port(at: bytes), speakers[port.number] >= 0 else {
      throw TestFailure("somebody heard what nobody said: \(shown(bytes))")
    }
    return (Int(speakers[port.number]), UnsafeRawBufferPointer(rebasing: bytes[port.end...]))
  }

  /// Finds the first line that it heard in the order, if it is there by now.
  private func findPlace(of ear: Ear) throws {
    guard let first = ear.early.first?.bytes else { return }
    let place: Int? = try first.withUnsafeBytes { bytes in
      let (speaker, text) = try speech(bytes)
      guard let number = text.split(separator: 0x20).first.flatMap({ Int(String(decoding: $0, as: UTF8.self)) }) else {
        throw TestFailure("the first line that somebody heard has no number: \(shown(bytes))")
      }
      return number < ordered[speaker] ? ownPlaces[speaker][number] : nil
    }
    guard let place else { return }
    (ear.position, ear.isPlaced) = (place, true)
    // It was in the room when it spoke, so it cannot have missed what came after that.
    guard let own = ownPlaces[ear.speaker].first, own < place else { return }
    if let missed = (own..<place).first(where: { Int(order[$0].speaker) != ear.speaker }) {
      throw TestFailure(
        "speaker \(ear.speaker), which spoke at entry \(own), heard entry \(place) first, and not entry \(missed)")
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
    ear.unplacedSkips += count
    passOverSkipped(ear)
  }

  private func passOverSkipped(_ ear: Ear) {
    while ear.unplacedSkips > 0, ear.position < order.count {
      if Int(order[ear.position].speaker) != ear.speaker { ear.unplacedSkips -= 1 }
      ear.position += 1
    }
  }

  /// Whether `peer` has heard, or was told that it missed, every line said so far.
  package func isComplete(_ peer: Peer) throws -> Bool { try isComplete(self[peer], total: total) }

  private func isComplete(_ ear: Ear, total: Int) throws -> Bool {
    if !ear.early.isEmpty { try catchUp(ear) }
    return order.count == total && ear.isPlaced && ear.early.isEmpty && !isKnown(ear) && ear.unplacedSkips == 0
  }

  package func areComplete(_ peers: [Peer]) throws -> Bool {
    let total = total
    return try peers.allSatisfy { try isComplete(self[$0], total: total) }
  }

  package func forgetLatencies() { latencies = Histogram() }
}
