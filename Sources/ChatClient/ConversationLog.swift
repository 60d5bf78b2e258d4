import ChatWire
import Glibc
import Synchronization

/// `--log FILE`: what is said, by others and by the person, and what becomes of the connection, each line with its date and time,
/// added to a file while the conversation goes on. Any thread may call.
package final class ConversationLog: Sendable {
  /// Bytes that wait at most while the file cannot be written; lines beyond are counted.
  private static let maximumWaitingBytes = 64 * 1024

  private struct State {
    /// What could not be written: it may begin within a line.
    var waiting: [UInt8] = []
    /// Whether `waiting` begins with the end of what is no line of the conversation.
    var beginsWithRest = false
    /// Lines that did not even fit there, and how many of these that rest tells of.
    var missing = 0
    var marked = 0
    /// Why the file cannot be written; nil while it can.
    var trouble: SystemCallError?
    /// Whether the person was told.
    var isTroubleTold = false

    /// Keeps the beginning of `bytes`, in whole lines, and the number of the other lines.
    mutating func hold(_ bytes: [UInt8]) {
      let space = max(0, ConversationLog.maximumWaitingBytes - waiting.count)
      let kept = bytes.count <= space ? bytes.endIndex : (bytes[..<space].lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
      waiting += bytes[..<kept]
      missing += bytes[kept...].count { $0 == UInt8(ascii: "\n") }
    }
  }

  private let path: String
  private let file: FileDescriptor
  private let state = Mutex(State())
  private let clock: @Sendable () -> timespec

  /// Goes on at the end of the file at `path`; makes it, for its owner alone, if there is none.
  package init(
    toFileAt path: String, clock: @escaping @Sendable () -> timespec = LocalTime.now
  ) throws(ConnectionFailure) {
    // Opening a FIFO or a device must not wait for anybody, nor make it this process's terminal.
    let number = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o600)
    guard number >= 0 else {
      throw ConnectionFailure(Wording.cannotLog(in: path, because: SystemCallError("open").reason))
    }
    self.path = path
    self.clock = clock
    file = FileDescriptor(owning: number)
    var information = stat()
    guard fstat(number, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      throw ConnectionFailure(Wording.cannotLog(in: path, because: "it is not a regular file"))
    }
    // A full disk, or a crash, may have left a line without its end.
    var last: UInt8 = UInt8(ascii: "\n")
    let reader = FileDescriptor(owning: open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY))
    if information.st_size > 0 { _ = pread(reader.number, &last, 1, information.st_size - 1) }
    if last != UInt8(ascii: "\n") { state.withLock { ($0.waiting, $0.beginsWithRest) = ([UInt8(ascii: "\n")], true) } }
  }

  /// Adds lines, which are safe to show and have no newline.
  package func note(_ lines: [[UInt8]]) {
    guard !lines.isEmpty else { return }
    let time = LocalTime(clock())
    let stamp = Array("\(time.date) \(time.clock(withSeconds: true)) ".utf8)
    state.withLock { state in
      var new = lines.flatMap { stamp + $0 + [UInt8(ascii: "\n")] }
      state.trouble = write(&state.waiting)
      if state.trouble == nil {
        state.missing -= state.marked
        (state.beginsWithRest, state.marked, state.isTroubleTold) = (false, 0, false)
      }
      if state.trouble == nil, state.missing > 0 {
        var marker = stamp + Array(Wording.logLacks(state.missing).utf8)
        let whole = marker.count
        state.trouble = write(&marker)
        if state.trouble == nil {
          state.missing = 0
        } else if marker.count < whole {
          (state.waiting, state.beginsWithRest, state.marked) = (marker, true, state.missing)
        }
      }
      if state.trouble == nil { state.trouble = write(&new) }
      state.hold(new)
    }
  }

  /// Takes off `bytes` what could be written.
  private func write(_ bytes: inout [UInt8]) -> SystemCallError? {
    let outcome = bytes.withUnsafeBytes { FileDescriptor.writeAll($0, to: file.number) }
    bytes.removeFirst(outcome.count)
    return outcome.error
  }

  /// What is not in the file when the conversation ends; 0 where all is.
  package var missingLines: Int {
    state.withLock { state in
      state.missing + state.waiting.count { $0 == UInt8(ascii: "\n") } - (state.beginsWithRest ? 1 : 0)
    }
  }

  /// What to tell the person of the file, once for each time that it cannot be written.
  package func takeTrouble() -> [UInt8] {
    state.withLock { state in
      guard let trouble = state.trouble, !state.isTroubleTold else { return [] }
      state.isTroubleTold = true
      return Array(Wording.logStops(in: path, because: trouble).utf8)
    }
  }
}

/// What the person says.
extension ConversationLog {
  /// Adds lines of the person, each with its newline.
  /// - Parameter name: theirs; empty where it is not known.
  package func note(said lines: [UInt8], as name: [UInt8]) {
    note(lines.split(separator: UInt8(ascii: "\n")).compactMap { Self.line(saying: Array($0), as: name) })
  }

  /// The line that others get, as far as the client knows; nil for what is said to the server alone.
  static func line(saying line: [UInt8], as name: [UInt8]) -> [UInt8]? {
    let name = name.isEmpty ? Array("me".utf8) : name
    func message(_ text: some Sequence<UInt8>) -> [UInt8] { name + Array(": ".utf8) + Array(text) }
    let text: [UInt8]
    switch ClientLine(line.span) {
    case .message: text = message(line)
    case .escaped: text = message(line.dropFirst())
    case .blank, .rosterRequest, .exit: return nil
    case .command:
      switch try? Command(line.span) {
      case .action(let action): text = ServerLine.actionPrefix(of: MemberName(bytes: name)) + action
      case .privateLine(let receiver, let words):
        text = Array("[private to ".utf8) + receiver + Array("] ".utf8) + message(words)
      case .reply(let words): text = Array("[private] ".utf8) + message(words)
      default: return nil
      }
    }
    return SafeText.made(from: text)
  }
}
