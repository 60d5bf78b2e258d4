import ChatWire
import Glibc

/// How far a run is.
package enum Progress: Sendable {
  case connecting(done: Int, of: Int)
  /// Lines heard by receivers, of all that have to be, and the nanoseconds since the first.
  case lines(deliveries: Int, of: Int, nanoseconds: UInt64)

  /// What a bar of `columns` columns shows of it.
  func bar(columns: Int) -> String {
    let (label, done, total, note) =
      switch self {
      case .connecting(let done, let total):
        ("connecting", done, total, "\(Report.grouped(done)) of \(Report.grouped(total))")
      case .lines(let deliveries, let total, let nanoseconds):
        (
          "delivering", deliveries, total,
          "\(Report.grouped(Int(Double(deliveries) * 1e9 / Double(max(1, nanoseconds)))))/s"
        )
      }
    let share = total == 0 ? 1 : min(1, Double(done) / Double(total))
    let width = max(0, columns - label.count - note.count - 10)
    let full = Int(share * Double(width))
    let percent = "\(Int(share * 100))"
    let blanks = String(repeating: " ", count: 3 - percent.count)
    return "\(label) [\(String(repeating: "#", count: full))\(String(repeating: ".", count: width - full))] "
      + "\(blanks)\(percent)% \(note)"
  }
}

/// A bar on standard error, where that is a terminal; otherwise nothing.
package struct ProgressBar: Sendable {
  private let isTerminal: Bool

  package init() { isTerminal = isatty(STDERR_FILENO) == 1 }

  package func show(_ progress: Progress) {
    guard isTerminal else { return }
    var size = winsize()
    let known = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    // One column stays free: a full row would wrap.
    StandardOutput.write(
      "\r" + progress.bar(columns: min(100, known ? Int(size.ws_col) - 1 : 79)) + "\u{1B}[K", to: STDERR_FILENO)
  }

  /// Takes the bar away.
  package func clear() {
    if isTerminal { StandardOutput.write("\r\u{1B}[K", to: STDERR_FILENO) }
  }
}
