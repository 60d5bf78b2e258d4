import ChatWire
import Glibc

/// The server's log: where it goes, and in which format.
package final class Log: Sendable {
  /// A file that is opened anew after logrotate(8) has renamed it.
  private struct File: Sendable {
    let path: String
    let output: OutputFile
  }

  let format: LogFormat
  let writer: LineWriter
  /// Nil for a descriptor that somebody else has opened.
  private let file: File?

  static let purpose = "the log"

  /// - Parameter descriptor: of standard output, as a rule; it must outlive the log.
  package init(to descriptor: CInt, as format: LogFormat = LogFormat()) {
    self.format = format
    file = nil
    writer = LineWriter(
      name: "mychat.log", descriptor: descriptor,
      words: Self.words(in: format, of: "standard output") {
        "The log cannot be written to standard output: \($0). The server goes on; give it another place for its log."
      })
  }

  /// Goes on at the end of the file at `path`; makes it, for its owner alone, if there is none.
  package convenience init(toFileAt path: String, as format: LogFormat = LogFormat()) throws(FileError) {
    self.init(in: OutputFile(try Self.open(path)), at: path, as: format)
  }

  private init(in output: OutputFile, at path: String, as format: LogFormat) {
    self.format = format
    file = File(path: path, output: output)
    writer = LineWriter(
      name: "mychat.log", descriptor: output.descriptor.number, keptOpenBy: output,
      words: Self.words(in: format, of: "the log's file") {
        "The log '\(path)' cannot be written: \($0). The server goes on. Make space, and the log goes on by itself; it will say "
          + "how many lines are missing."
      })
  }

  /// Goes on with the log of another program, if there was one and it goes to the same place.
  /// - Parameter path: of its file; nil for standard output.
  package convenience init(_ path: String?, as format: LogFormat, continuing saved: Saved?) throws(FileError) {
    switch (path, saved?.file) {
    case (let path?, let former?) where former.path == path:
      self.init(in: OutputFile(FileDescriptor(owning: former.descriptor)), at: path, as: format)
    case (let path?, let former):
      if let former { Glibc.close(former.descriptor) }
      try self.init(toFileAt: path, as: format)
    case (nil, let former):
      if let former { Glibc.close(former.descriptor) }
      self.init(to: STDOUT_FILENO, as: format)
    }
    if let saved, saved.file?.path == path { writer.goOn(after: saved.remainder) }
  }

  /// Whether it is in a file that `reopen` opens anew.
  var isInFile: Bool { file != nil }

  /// Whether it goes to the file at `path`.
  func isFile(at path: String) -> Bool {
    file.map { FileIdentity(of: $0.output.descriptor.number) == FileIdentity(following: path) } ?? false
  }

  /// Opens its path anew. If that fails, the former file is written on, and standard error is told.
  /// - Parameter tell: takes what the log has to say, on the writer's queue.
  func reopen(tell: @escaping @Sendable (String) -> Void) {
    guard let file else { return }
    writer.exchangeOutput {
      if FileIdentity(following: file.path) == FileIdentity(of: file.output.descriptor.number) { return false }
      do throws(FileError) {
        let new = try Self.open(file.path)
        do throws(SystemCallError) { try file.output.replace(by: new) } catch {
          throw FileError(file.path, for: Self.purpose, error)
        }
        tell("[LOG] \(file.path) was opened anew.")
        return true
      } catch {
        tell("[LOG] \(error) The former file is written on.")
        StandardOutput.report(error: "\(error) The former file is written on.")
        return false
      }
    }
  }

  /// Waits until all that was taken is written, for `seconds` at most, and less if the output takes nothing.
  package func drain(seconds: Double) { writer.drain(seconds: seconds) }

  static func open(_ path: String) throws(FileError) -> FileDescriptor {
    // Non-blocking, because the opening of a FIFO would wait for a reader.
    let number = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o600)
    guard number >= 0 else { throw FileError(path, for: purpose, SystemCallError("open")) }
    return FileDescriptor(owning: number)
  }

  /// - Parameter output: what takes no more, as a log names it.
  private static func words(
    in format: LogFormat, of output: String, trouble: @escaping @Sendable (String) -> String
  ) -> LineWriter.Words {
    LineWriter.Words(
      missing: { lines in
        let text = "\(lines) lines left out, because \(output) took no more."
        guard format.style == .json else { return (format.hasTimes ? "\(WallTime.now) " : "") + "[LOG] \(text)" }
        var line: [UInt8] = []
        JSONLogLine(.file, text: Array(text.utf8)[...]).append(to: &line)
        return String(decoding: line.dropLast(), as: UTF8.self)
      }, trouble: trouble)
  }
}

/// A file stays open from one program to the next, so that there is none that could not be opened.
extension Log {
  package struct Saved: StateCoded, Sendable {
    fileprivate struct File: StateCoded {
      let path: String
      let descriptor: CInt
    }

    /// Nil for standard output.
    fileprivate let file: File?
    fileprivate let remainder: LineWriter.Remainder

    /// Of its file; nil for standard output.
    var path: String? { file?.path }
  }

  /// The file's descriptor; nil for standard output.
  var fileNumber: CInt? { file?.output.descriptor.number }

  /// - Parameter remainder: how the output was left.
  func saved(leaving remainder: LineWriter.Remainder) -> Saved {
    let file = file.map { Saved.File(path: $0.path, descriptor: $0.output.descriptor.number) }
    return Saved(file: file, remainder: remainder)
  }
}

extension Log.Saved {
  package init(from reader: inout StateReader) throws(StateError) {
    (file, remainder) = (try reader.read(), try reader.read())
  }

  package func write(to writer: inout StateWriter) { writer.write(file, remainder) }
}

extension Log.Saved.File {
  init(from reader: inout StateReader) throws(StateError) {
    (path, descriptor) = (try reader.read(), try reader.read())
    guard descriptor > 2 else { throw .impossible("the file of the log is closed") }
  }

  func write(to writer: inout StateWriter) { writer.write(path, descriptor) }
}
