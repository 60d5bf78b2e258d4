import ChatWire
import Glibc

extension Cursor {
  /// State that only a notified, answered, overtaken, ignoring or leaving member needs.
  final class SlowPath {
    /// Where the member's stream ends: `never` until it leaves.
    var end = LogOffset.never
    /// The number of the line that begins at `end`.
    var endLine = Int.max
    /// The rest of a line that the member had begun to receive when it was overtaken. Nothing else is sent before it.
    var restOfLine: ArraySlice<UInt8> = []
    /// Sent at line boundaries only.
    var privateQueue = PrivateQueue()
    /// Whether more of an answer is to come before anything else of the log. While it is, an overtaken member does not go on.
    var isAnswerPending = false
    var ignored = IgnoredLines()
    /// The number of the first line that the member missed whole, while it is overtaken.
    var missedFrom: Int?
    /// How many of the lines missed were its own, and so no loss.
    var ownMissed = 0

    var hasPrivateBytes: Bool { !restOfLine.isEmpty || !privateQueue.isEmpty }
    var isOver: Bool {
      !hasPrivateBytes && !isAnswerPending && missedFrom == nil && end == .never && ignored.isEmpty
    }

    func sendPrivateBytes(to send: (UnsafeMutableBufferPointer<iovec>) -> Transfer) -> Transfer {
      restOfLine.isEmpty ? privateQueue.send(to: send) : restOfLine.sendPrefix(to: send)
    }
  }
}

extension Cursor.SlowPath: StateCoded {
  convenience init(from reader: inout StateReader) throws(StateError) {
    self.init()
    (end, endLine, restOfLine) = (try reader.read(), try reader.read(), try reader.read([UInt8].self)[...])
    (privateQueue, isAnswerPending, ignored) = (try reader.read(), try reader.read(), try reader.read())
    (missedFrom, ownMissed) = (try reader.read(), try reader.read())
  }

  func write(to writer: inout StateWriter) {
    writer.write(
      end, endLine, Array(restOfLine), privateQueue, isAnswerPending, ignored, missedFrom, ownMissed)
  }
}
