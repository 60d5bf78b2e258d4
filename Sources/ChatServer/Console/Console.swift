import ChatWire

/// The lines by which the server tells on standard output what happens, worded as in SEED.md.
///
/// A turn of the server gathers its lines in a page and flushes that to the writer, which has a queue of its own: a stalled
/// terminal or pipe never holds up the room.
///
/// Confined to the server's queue.
final class Console {
  private let writer: LogWriter
  /// The lines of this turn.
  private var page: [UInt8] = []

  init(writer: LogWriter) { self.writer = writer }

  func listening(on address: Address) { line("[LISTENING] Server is listening on \(address)") }
  func connected(_ peer: [UInt8]) { line("[NEW CONNECTION] ", peer, " connected.") }
  func leftByCommand(_ peer: [UInt8]) { line("[", peer, "] Sent exit command.") }
  func lost(_ peer: [UInt8]) { line("[CONNECTION LOST] ", peer, " disconnected unexpectedly.") }
  func dropped(_ peer: [UInt8], lines: Int) { line("[DROPPED] ", peer, ": \(lines) lines were not sent.") }
  func removed(_ peer: [UInt8]) { line("[DISCONNECTED] ", peer, " has been removed.") }

  /// Adds the line that was said last, which begins at `start`.
  /// - Parameter prefix: the `consolePrefix(for:)` of the speaker.
  @inline(__always)
  func relayed(_ prefix: [UInt8], from start: LogOffset, in log: borrowing RoomLog) {
    page.append(contentsOf: prefix)
    log.forEachPiece(from: start, to: log.head) { page.append(contentsOf: $0) }
  }

  /// What stands before each line that a peer says.
  static func consolePrefix(for peer: [UInt8]) -> [UInt8] {
    Array("[".utf8) + peer + Array("] Relaying message: ".utf8)
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

  private func line(_ before: StaticString, _ peer: [UInt8], _ after: String) {
    append(before)
    page.append(contentsOf: peer)
    page.append(contentsOf: after.utf8)
    append("\n")
  }

  @inline(__always)
  private func append(_ text: StaticString) {
    page.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}
