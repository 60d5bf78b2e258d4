import CEditLine
import ChatWire

/// The lines that the arrow keys bring back, those of earlier sessions too if there is a file for them. For the input thread.
final class History {
  /// libedit's own list.
  let entries: OpaquePointer
  /// Nil where none is wanted, and once it could not be used.
  private var file: HistoryFile?

  /// Nil where there is no memory.
  init?(_ choice: Options.History) {
    guard let entries = history_init() else { return nil }
    self.entries = entries
    editline_history_limit(entries, CInt(HistoryFile.maximumLines))
    switch choice {
    case .none: file = nil
    case .standard: file = .standard()
    case .file(let path): file = HistoryFile(path: path)
    }
    do throws(SystemCallError) {
      for line in try file?.load() ?? [] { enter(line) }
    } catch {
      // A place that nobody chose is no loss to speak of.
      if case .file(let path) = choice {
        StandardOutput.report(error: Wording.cannotKeepHistory(in: path, because: error))
      }
      file = nil
    }
  }

  deinit { history_end(entries) }

  /// Keeps `line`, unless it begins with a space: so people say that it is nobody's business.
  func add(_ line: [UInt8]) {
    guard line.first != UInt8(ascii: " ") else { return }
    let text = Array(line.prefix { $0 != 0 })
    enter(text)
    do throws(SystemCallError) { try file?.append(text) } catch { file = nil }
  }

  private func enter(_ line: [UInt8]) { editline_history_add(entries, String(decoding: line, as: UTF8.self)) }

  /// The session ends.
  func close() { _ = try? file?.load() }
}
