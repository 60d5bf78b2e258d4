import ChatWire
import Dispatch
import Glibc
import Synchronization

/// The server's own account of what happens, on standard output, worded as SEED.md has it.
///
/// The room's queue writes lines into a page and hands it over once a turn; a queue of the log's own writes pages out, in
/// large pieces, so a stalled terminal or pipe never holds up the room. What cannot be kept meanwhile is counted, and said.
///
/// The methods that note something are confined to the server's queue.
final class Console {
  private let writer: LogWriter
  /// Lines noted in this turn.
  private var page: [UInt8] = []

  init(writer: LogWriter) { self.writer = writer }

  func listening(on address: Address) { line("[LISTENING] Server is listening on \(address)") }
  func connected(_ peer: [UInt8]) { line("[NEW CONNECTION] ", peer, " connected.") }
  func leftByCommand(_ peer: [UInt8]) { line("[", peer, "] Sent exit command.") }
  func lost(_ peer: [UInt8]) { line("[CONNECTION LOST] ", peer, " disconnected unexpectedly.") }
  func removed(_ peer: [UInt8]) { line("[DISCONNECTED] ", peer, " has been removed.") }

  /// Notes what was said from `start` on, which is one line.
  /// - Parameter introduction: what `introduction(of:)` made of the speaker.
  @inline(__always)
  func relayed(_ introduction: [UInt8], from start: LogOffset, in log: borrowing RoomLog) {
    page.append(contentsOf: introduction)
    log.forEachPiece(from: start, to: log.head) { page.append(contentsOf: $0) }
  }

  /// What comes before each line of a peer: made once, as a busy peer has many.
  static func introduction(of peer: [UInt8]) -> [UInt8] { Array("[".utf8) + peer + Array("] Relaying message: ".utf8) }

  /// To be called at the end of a turn: what was noted in it goes out.
  @inline(__always)
  func handOver() {
    if !page.isEmpty { writer.take(&page) }
  }

  private func line(_ text: String) {
    page.append(contentsOf: text.utf8)
    append("\n")
  }

  private func line(_ before: StaticString, _ peer: [UInt8], _ after: StaticString) {
    append(before)
    page.append(contentsOf: peer)
    append(after)
    append("\n")
  }

  @inline(__always)
  private func append(_ text: StaticString) {
    page.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}
