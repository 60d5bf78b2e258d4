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

  private var temporaryPath: String { path + ".new" }

  /// - Throws: if no file can be made there.
  init(at path: String) throws(FileError) {
    self.path = path
    try Self.check(path)
    do throws(SystemCallError) {
      _ = try create()
      unlink(temporaryPath)
    } catch { throw FileError(path, for: Self.purpose, error) }
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
      let file = try create()
      if let error = StandardOutput.write(bytes, to: file.number) { throw error }
      guard rename(temporaryPath, path) == 0 else { throw SystemCallError("rename") }
      isTroubleTold.withLock { $0 = false }
    } catch {
      unlink(temporaryPath)
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

  /// Makes a new file that everybody may read, in the place of what a killed server left.
  private func create() throws(SystemCallError) -> FileDescriptor {
    unlink(temporaryPath)
    let number = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard number >= 0 else { throw SystemCallError("open") }
    return FileDescriptor(owning: number)
  }
}
