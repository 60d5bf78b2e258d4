import ChatWire
import Glibc

/// The editor of the person's choice, `$VISUAL` or `$EDITOR`, on the text of a line.
enum ExternalEditor {
  enum Failure: Error {
    case systemCall(SystemCallError)
    /// It ended with a status that is not 0, or by a signal.
    case unsuccessful
  }

  /// In place of the shell, so that signals are for the editor itself.
  private static let command = #"exec ${VISUAL:-${EDITOR:-vi}} "$1""#
  /// How often `meanwhile` is called.
  private static let intervalMilliseconds: CInt = 50
  /// How long it may take to end when this process is to end.
  private static let endTime = Duration.seconds(2)
  /// Bytes of a text that are taken at most.
  private static let maximumBytes = 1 << 20

  /// Lets the person edit `text`, on a terminal that is in its own modes.
  /// - Parameters:
  ///   - signals: a stop of the editor stops this process too.
  ///   - meanwhile: is called while the editor runs.
  /// - Returns: the text, without its last newline.
  static func edit(
    _ text: [UInt8], noting signals: TerminalSignals, meanwhile: () -> Void
  ) throws(Failure) -> [UInt8] {
    let directory = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(directory)/mychat.XXXXXX".utf8CString)
    let number = mkstemp(&template)
    guard number >= 0 else { throw .systemCall(SystemCallError("mkstemp")) }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { unlink(path) }
    if let error = StandardOutput.write(text + [UInt8(ascii: "\n")], to: number) {
      Glibc.close(number)
      throw .systemCall(error)
    }
    Glibc.close(number)
    let pid: pid_t
    do { pid = try ChildProcess.start(["/bin/sh", "-c", command, "sh", path]) } catch { throw .systemCall(error) }
    // The terminal's keys mean the editor; it does with them what it likes.
    let isDone = signals.ignoring([SIGINT, SIGQUIT]) { wait(for: pid, signals, meanwhile) }
    guard isDone else { throw .unsuccessful }
    do { return try read(path) } catch { throw .systemCall(error) }
  }

  /// - Returns: whether it ended with status 0.
  private static func wait(for pid: pid_t, _ signals: TerminalSignals, _ meanwhile: () -> Void) -> Bool {
    var endDeadline: Moment?
    while true {
      var status: CInt = 0
      let result = waitpid(pid, &status, WNOHANG | WUNTRACED)
      if result < 0 && errno != EINTR { return false }
      // As WIFSTOPPED, which Swift does not import.
      if result == pid && status & 0xFF == 0x7F {
        signals.suspend()
        kill(pid, SIGCONT)
        // The key that stopped the editor came to this process too.
        _ = signals.take(SIGTSTP)
      } else if result == pid {
        return status == 0
      }
      if TerminalSignals.isEndRequested {
        let deadline = endDeadline ?? .now + endTime
        endDeadline = deadline
        kill(pid, deadline.hasPassed ? SIGKILL : SIGTERM)
      }
      meanwhile()
      _ = poll(nil, 0, intervalMilliseconds)
    }
  }

  /// The file anew, because many editors put another one in its place.
  private static func read(_ path: String) throws(SystemCallError) -> [UInt8] {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw SystemCallError("open") }
    let file = FileDescriptor(owning: number)
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while text.count < maximumBytes, case .bytes(let count) = piece.withUnsafeMutableBytes({ file.read(into: $0) }) {
      text += piece[..<count]
    }
    if text.last == UInt8(ascii: "\n") { text.removeLast() }
    return text
  }
}
