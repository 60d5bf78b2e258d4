import ChatWire
import Dispatch
import Glibc
import Synchronization

/// The counters in a file that is replaced as a whole, from a queue of its own: `--metrics-file PATH`, for the textfile collector
/// of Prometheus's node_exporter, which reads what ends in `.prom`.
final class MetricsFile: Sendable {
  static let purpose = "the metrics"
  /// How often it is written. Prometheus commonly asks every 15 s.
  static let interval = DispatchTimeInterval.seconds(15)

  private let path: String
  private let queue = DispatchQueue(label: "mychat.metrics.file")
  /// Set once standard error has been told that the file cannot be written; cleared when it can.
  private let isTroubleTold = Mutex(false)

  /// If it cannot be written, standard error is told so when that is tried.
  init(at path: String) { self.path = path }

  /// - Throws: if no file can be made there.
  convenience init(tried path: String) throws(FileError) {
    self.init(at: path)
    try Self.check(path)
    do throws(SystemCallError) { _ = try Draft(beside: path) } catch { throw FileError(path, for: Self.purpose, error) }
  }

  /// Throws if there is something at `path` that must not be replaced.
  static func check(_ path: String) throws(FileError) {
    var information = stat()
    if stat(path, &information) == 0, information.st_mode & S_IFMT != S_IFREG {
      throw FileError(path, for: purpose, "it is no regular file. Choose another path.")
    }
  }

  /// Has the file written soon.
  func save(_ counters: Counters) {
    queue.async { self.write(Array(PrometheusText.text(of: counters, version: Server.version).utf8)) }
  }

  /// Waits until what was saved is written, for `seconds` at most.
  func drain(seconds: Double) {
    let done = DispatchSemaphore(value: 0)
    queue.async { done.signal() }
    _ = done.wait(timeout: .now() + seconds)
  }

  private func write(_ bytes: [UInt8]) {
    do throws(SystemCallError) {
      let draft = try Draft(beside: path)
      if let error = StandardOutput.write(bytes, to: draft.file.number) { throw error }
      guard rename(draft.path, path) == 0 else { throw SystemCallError("rename") }
      isTroubleTold.withLock { $0 = false }
    } catch {
      let isTold = isTroubleTold.withLock { isTold in
        defer { isTold = true }
        return isTold
      }
      guard !isTold else { return }
      StandardOutput.report(
        error:
          "The metrics cannot be written to '\(path)': \(error). Make it possible to write there, and the server does it by "
          + "itself.")
    }
  }

  /// A new file beside the other one that everybody may read. No other server has one of its name, even if it was told the same
  /// path. It is removed in the end, unless it was renamed.
  private struct Draft: ~Copyable {
    let path: String
    let file: FileDescriptor

    init(beside other: String) throws(SystemCallError) {
      var name = Array("\(other).XXXXXX".utf8CString)
      let number = mkstemp(&name)
      guard number >= 0 else { throw SystemCallError("open") }
      file = FileDescriptor(owning: number)
      _ = fcntl(number, F_SETFD, FD_CLOEXEC)
      path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      // Whatever the umask.
      fchmod(number, 0o644)
    }

    deinit { unlink(path) }
  }
}
