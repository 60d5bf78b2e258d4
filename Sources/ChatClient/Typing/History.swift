import CEditLine
import ChatWire

/// The lines that the arrow keys bring back, those of earlier sessions too if there is a file for them. For the input thread.
final class History {
  /// libedit's own list.
  let entries: OpaquePointer
  /// The last word of each line, in order.
  private(set) var lastWords: [[UInt8]] = []
  private var lastLine: [UInt8] = []
  private let maximumLines: Int
  /// Nil where none is wanted, and once it could not be used.
  private var file: HistoryFile?

  /// Nil where there is no memory.
  init?(_ options: Options) {
    guard let entries = history_init() else { return nil }
    self.entries = entries
    maximumLines = options.historyLines
    editline_history_limit(entries, CInt(options.historyLines))
    switch options.history {
    case .none: file = nil
    case .standard: file = .standard(maximumLines: options.historyLines)
    case .file(let path): file = HistoryFile(path: path, maximumLines: options.historyLines)
    }
    do throws(HistoryFile.Failure) {
      for line in try file?.load() ?? [] { enter(line) }
    } catch {
      // The default place fails silently, because nobody asked for it.
      if case .file(let path) = options.history {
        StandardOutput.report(error: Wording.cannotKeepHistory(in: path, because: error))
      }
      file = nil
    }
  }

  deinit { history_end(entries) }

  /// Keeps `line`, unless it begins with a space, by which people mark a line as private (bash's `ignorespace`).
  func add(_ line: [UInt8]) {
    guard line.first != UInt8(ascii: " ") else { return }
    let text = Array(line.prefix { $0 != 0 })
    enter(text)
    do throws(HistoryFile.Failure) { try file?.append(text) } catch { file = nil }
  }

  private func enter(_ line: [UInt8]) {
    editline_history_add(entries, String(decoding: line, as: UTF8.self))
    // As libedit, which keeps only one of several that are alike and follow each other.
    guard line != lastLine else { return }
    lastLine = line
    guard let word = line.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }).last else {
      return
    }
    lastWords.append(Array(word))
    if lastWords.count > maximumLines { lastWords.removeFirst() }
  }

  /// Cuts the file at the end of the session.
  func close() { _ = try? file?.load() }
}
