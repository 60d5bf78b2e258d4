import ChatWire
import Dispatch
import Glibc

/// The room's lines in a file, each with its time: `--transcript FILE`. It is written like the server's log, from a queue of
/// its own, and so never holds up the room.
///
/// Confined to the server's queue.
final class Transcript {
  private let path: String
  private let output: OutputFile
  let writer: LineWriter
  /// Up to where the room's log is taken, and how many lines that are.
  private var takenUpTo = LogOffset(0)
  private var takenLines = 0
  /// The lines of this turn.
  private var page: [UInt8] = []

  /// Opens the transcript, and gives its last lines back to a room in which nothing has been said.
  /// - Parameters:
  ///   - maximumLineBytes: of what is given back, the longest text that anybody may have said.
  ///   - tell: takes what the server's log has to say of the file.
  init(
    at path: String, restoring room: inout Room, maximumLineBytes: Int, tell: (String) -> Void
  ) throws(FileError) {
    let file = try TranscriptFile(opening: path)
    if let torn = file.torn { tell(Self.notice(of: torn, removedFrom: path)) }
    Self.restore(&room, from: file, at: path, maximumLineBytes: maximumLineBytes, tell: tell)
    output = OutputFile(file.intoDescriptor())
    self.path = path
    writer = Self.writer(to: output, at: path)
    takenUpTo = room.log.head
    takenLines = room.log.headLine
  }

  private static func writer(to output: OutputFile, at path: String) -> LineWriter {
    LineWriter(
      name: "mychat.transcript", descriptor: output.descriptor.number, keptOpenBy: output,
      words: LineWriter.Words(
        missing: {
          Self.missing($0, because: "the transcript could not be written", at: .now)
        },
        trouble: {
          "The transcript '\(path)' cannot be written: \($0). The server goes on. Make space, and the transcript goes on by "
            + "itself; it will say how many lines are missing."
        }))
  }

  private init(path: String, output: OutputFile, takenUpTo: LogOffset, takenLines: Int) {
    (self.path, self.output) = (path, output)
    writer = Self.writer(to: output, at: path)
    (self.takenUpTo, self.takenLines) = (takenUpTo, takenLines)
  }

  /// Takes the lines that were said since the last call, all with the time of now.
  func take(from log: borrowing RoomLog) {
    guard log.head > takenUpTo else { return }
    let time = WallTime.now
    let prefix = TranscriptLine.prefix(at: time)
    if log.tail > takenUpTo {
      let text = Self.missing(log.tailLine - takenLines, because: "too much was said at once", at: time)
      page.append(contentsOf: "\(text)\n".utf8)
      takenUpTo = log.tail
    }
    var beginsLine = true
    log.forEachPiece(from: takenUpTo, to: log.head) { piece in
      var rest = piece
      while let start = rest.baseAddress, !rest.isEmpty {
        if beginsLine { page.append(contentsOf: prefix) }
        let newline = memchr(start, CInt(UInt8(ascii: "\n")), rest.count)
        let count = newline.map { UnsafeRawPointer($0) - start + 1 } ?? rest.count
        page.append(contentsOf: rest[..<count])
        beginsLine = newline != nil
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
    takenUpTo = log.head
    takenLines = log.headLine
    writer.take(&page)
  }

  /// Opens the path anew, as it has to be done after logrotate(8) has renamed the file. If that fails, the former file is
  /// written on, and standard error is told.
  /// - Parameter tell: takes what the server's log has to say, on the writer's queue.
  func reopen(tell: @escaping @Sendable (String) -> Void) {
    writer.exchangeOutput { [path, output] in
      // A second lock on the file that is open already would be refused.
      if FileIdentity(following: path) == FileIdentity(of: output.descriptor.number) { return false }
      do throws(FileError) {
        let file = try TranscriptFile(opening: path)
        do throws(SystemCallError) { try output.replace(by: file.descriptor) } catch {
          throw FileError(path, for: TranscriptFile.purpose, error)
        }
        if let torn = file.torn { tell(Self.notice(of: torn, removedFrom: path)) }
        tell("[TRANSCRIPT] \(path) was opened anew.")
        return true
      } catch {
        tell("[TRANSCRIPT] \(error) The former file is written on.")
        StandardOutput.report(error: "\(error) The former file is written on.")
        return false
      }
    }
  }

  /// Waits until all that was taken is written, for `seconds` at most.
  func drain(seconds: Double) { writer.drain(seconds: seconds) }

  /// Bytes that may stand before a line's text: a name with what surrounds it.
  private static let maximumPrefixBytes = 128

  private static func restore(
    _ room: inout Room, from file: borrowing TranscriptFile, at path: String, maximumLineBytes: Int,
    tell: (String) -> Void
  ) {
    let bytes = file.lastLines(atMost: room.log.capacity)
    var (damaged, firstDamaged) = (0, 0)
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast() {
      if let parsed = TranscriptLine(line), parsed.text.count <= maximumLineBytes + maximumPrefixBytes {
        room.restore(parsed.text.span, minute: parsed.time.minute)
      } else {
        if damaged == 0 { firstDamaged = file.lineNumber(bytesBeforeEnd: bytes.endIndex - line.startIndex) }
        damaged += 1
      }
    }
    guard damaged > 0 else { return }
    let text =
      damaged == 1
      ? "line \(firstDamaged) is damaged and was passed over."
      : "\(damaged) lines are damaged and were passed over; the first of them is line \(firstDamaged)."
    tell("[TRANSCRIPT] \(path): \(text)")
  }

  private static func notice(of torn: [UInt8], removedFrom path: String) -> String {
    let text = String(decoding: SafeText.made(from: torn), as: UTF8.self)
    return "[TRANSCRIPT] \(path): the last line was not complete and was removed: \"\(text)\""
  }

  /// The line that stands in the place of `count` lines.
  private static func missing(_ count: Int, because reason: String, at time: WallTime) -> String {
    "\(time) * \(count == 1 ? "1 line is" : "\(count) lines are") missing here: \(reason)."
  }
}

/// The file stays open, and so locked, from one program to the next.
extension Transcript {
  struct Saved: StateCoded {
    fileprivate let path: String
    fileprivate let descriptor: CInt
    fileprivate let takenUpTo: LogOffset
    fileprivate let takenLines: Int
    fileprivate let remainder: LineWriter.Remainder
  }

  var descriptor: CInt { output.descriptor.number }

  /// - Parameter remainder: how the file was left.
  func saved(leaving remainder: LineWriter.Remainder) -> Saved {
    Saved(path: path, descriptor: descriptor, takenUpTo: takenUpTo, takenLines: takenLines, remainder: remainder)
  }

  convenience init(continuing saved: Saved) {
    self.init(
      path: saved.path, output: OutputFile(FileDescriptor(owning: saved.descriptor)), takenUpTo: saved.takenUpTo,
      takenLines: saved.takenLines)
    writer.goOn(after: saved.remainder)
  }
}

extension Transcript.Saved {
  init(from reader: inout StateReader) throws(StateError) {
    (path, descriptor, takenUpTo) = (try reader.read(), try reader.read(), try reader.read())
    (takenLines, remainder) = (try reader.read(), try reader.read())
    guard descriptor > 2 else { throw .impossible("the transcript is closed") }
  }

  func write(to writer: inout StateWriter) { writer.write(path, descriptor, takenUpTo, takenLines, remainder) }
}
