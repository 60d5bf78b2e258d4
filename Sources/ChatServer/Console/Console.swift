import ChatWire

/// The lines by which the server tells on standard output what happens, worded as in SEED.md.
///
/// A turn of the server gathers its lines in a page and flushes that to the writer, which has a queue of its own: a stalled
/// terminal or pipe never holds up the room.
///
/// Confined to the server's queue.
final class Console {
  /// A peer as console lines show it. A constant of its connection, so that a line costs no count of references.
  struct PeerLabel {
    /// As in `[('127.0.0.1', 54321)] Relaying message: `.
    let messagePrefix: [UInt8]
    private static let messageWords = "] Relaying message: "

    /// - Parameter text: as in `('127.0.0.1', 54321)`.
    init(_ text: String) { messagePrefix = Array("[\(text)\(Self.messageWords)".utf8) }

    /// As in `127.0.0.1:54321`.
    var place: String {
      // On bytes, because a list of all who are here takes this of each.
      let inside = text.dropFirst(2).dropLast()
      guard let quote = inside.lastIndex(of: UInt8(ascii: "'")) else { return "" }
      let (host, port) = (inside[..<quote], inside[quote...].dropFirst(3))
      if host.starts(with: "unix:".utf8) { return String(decoding: host, as: UTF8.self) }
      let isIPv6 = host.contains(UInt8(ascii: ":"))
      return String(
        decoding: isIPv6 ? "[".utf8 + host + "]:".utf8 + port : host + ":".utf8 + port, as: UTF8.self)
    }

    var text: ArraySlice<UInt8> { messagePrefix.dropFirst().dropLast(Self.messageWords.utf8.count) }
  }

  let writer: LineWriter
  /// The lines of this turn.
  @exclusivity(unchecked) private var page: [UInt8] = []

  init(writer: LineWriter) { self.writer = writer }

  func listening(on address: Address) { line("[LISTENING] Server is listening on \(address)") }
  func connected(_ peer: PeerLabel) { line("[NEW CONNECTION] ", peer, " connected.") }
  func leftByCommand(_ peer: PeerLabel) { line("[", peer, "] Sent exit command.") }
  func lost(_ peer: PeerLabel) { line("[CONNECTION LOST] ", peer, " disconnected unexpectedly.") }
  func dropped(_ peer: PeerLabel, lines: Int) { line("[DROPPED] ", peer, ": \(lines) lines were not sent.") }
  func perhapsDropped(_ peer: PeerLabel, lines: Int) {
    line("[DROPPED] ", peer, ": it is not known whether \(lines) lines were sent.")
  }
  func renamed(_ peer: PeerLabel, to name: MemberName) { line("[NAME] ", peer, " is now \(name).") }
  func moderated(_ text: String) { line("[OPERATOR] \(text)") }
  func removed(_ peer: PeerLabel) { line("[DISCONNECTED] ", peer, " has been removed.") }
  func redis(_ text: String) { line("[REDIS] \(text)") }
  /// Says something of a file, `text` being the whole line.
  func file(_ text: String) { line(text) }

  /// Adds the line that was said last, which begins at `start`.
  @inline(__always)
  func relayed(from peer: PeerLabel, at start: LogOffset, in log: borrowing RoomLog) {
    peer.messagePrefix.withUnsafeBytes { page.append(contentsOf: $0) }
    log.forEachPiece(from: start, to: log.head) { page.append(contentsOf: $0) }
  }

  /// Hands the lines of this turn to the writer.
  @inline(__always)
  func flushPage() {
    if !page.isEmpty { writer.take(&page) }
  }

  private func line(_ text: String) {
    page.append(contentsOf: text.utf8)
    append("\n")
  }

  private func line(_ before: StaticString, _ peer: PeerLabel, _ after: String) {
    append(before)
    page.append(contentsOf: peer.text)
    page.append(contentsOf: after.utf8)
    append("\n")
  }

  @inline(__always)
  private func append(_ text: StaticString) {
    page.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}

extension Console.PeerLabel: StateCoded {
  init(from reader: inout StateReader) throws(StateError) {
    messagePrefix = try reader.read()
    guard messagePrefix.first == UInt8(ascii: "["), messagePrefix.count > Self.messageWords.utf8.count else {
      throw .impossible("a peer is shown as nothing")
    }
  }

  func write(to writer: inout StateWriter) { writer.write(messagePrefix) }
}
