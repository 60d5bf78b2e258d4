import ChatWire
import Glibc
import Synchronization

/// What becomes of received lines between the connection and whoever reads them: text with or without looks, or JSON. The
/// receive queue hands it lines; the client itself says through it what happens to the connection.
package final class LineFormatter: Sendable {
  private let style: LineStyle
  private let isJSON: Bool
  private let rings: Bool
  /// Whether blanks stand for TABs: a terminal gets no control character but newlines.
  private let spreadsTabs: Bool
  /// Gets the names of senders; nil where nobody completes any.
  private let names: NameCompletion?
  /// The name by which the server knows this client.
  private let ownName = Mutex<[UInt8]>([])

  /// - Parameter onTerminal: whether lines go to a person's terminal.
  package init(_ options: Options, onTerminal: Bool, names: NameCompletion? = nil) {
    style = LineStyle(
      colours: !options.plain && Self.colours(options.colours, onTerminal: onTerminal), timestamps: options.timestamps)
    isJSON = options.json
    rings = options.bell && onTerminal
    spreadsTabs = onTerminal && !options.json
    self.names = names
  }

  /// The person's word first, then what is customary (no-color.org).
  private static func colours(_ choice: Options.Colours, onTerminal: Bool) -> Bool {
    switch choice {
    case .always: return true
    case .never: return false
    case .auto:
      let terminal = getenv("TERM").map { String(cString: $0) } ?? "dumb"
      let isRefused = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
      return onTerminal && !isRefused && terminal != "dumb" && !terminal.isEmpty
    }
  }

  /// The names that are completed, and the one that is marked.
  package func isKnown(as name: String) { ownName.withLock { $0 = Array(name.utf8) } }

  /// What to write for `lines`, which are safe, each with a newline.
  package func shown(_ lines: [UInt8]) -> [UInt8] {
    if !isJSON && style.isPlain && !rings && !spreadsTabs && names == nil { return lines }
    let ownName = ownName.withLock { $0 }
    let now = Self.now()
    let json = JSONFormat(at: now)
    let time = style.timestamps ? Self.clock(now) : []
    var isMentioned = false
    var output: [UInt8] = []
    output.reserveCapacity(lines.count + lines.count / 2)
    var rest = lines[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      let line = spreadsTabs ? RowLayout.spreadTabs(rest[..<end]) : rest[..<end]
      rest = rest[(end + 1)...]
      let parts = ServerLine(line)
      if let names, let name = parts.name { names.add(name) }
      if isJSON {
        json.append(kind: parts.kind.rawValue, from: parts.name, text: parts.text, to: &output)
        continue
      }
      if rings, parts.kind == .message, parts.name.map({ !$0.elementsEqual(ownName) }) ?? true {
        isMentioned = isMentioned || Mention.isIn(parts.text, of: ownName)
      }
      style.append(line, parts, time: time, ownName: ownName, to: &output)
    }
    if isMentioned { output.append(0x07) }
    return output
  }

  /// What to write when the connection begins or ends: `sentence`, and in JSON an object of this kind, from whom this client
  /// is to the server: a program can tell by that where it is meant.
  package func event(_ kind: String, _ sentence: String) -> [UInt8] {
    guard isJSON else { return Array(sentence.utf8) }
    var output: [UInt8] = []
    let text = Array(sentence.utf8.prefix { $0 != UInt8(ascii: "\n") })
    let name = ownName.withLock { $0 }
    JSONFormat(at: Self.now()).append(kind: kind, from: name.isEmpty ? nil : name[...], text: text[...], to: &output)
    return output
  }

  private static func now() -> timespec {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return now
  }

  private static func clock(_ now: timespec) -> [UInt8] {
    var parts = tm()
    var seconds = now.tv_sec
    localtime_r(&seconds, &parts)
    return Array("\(JSONFormat.digits(parts.tm_hour)):\(JSONFormat.digits(parts.tm_min))".utf8)
  }
}
