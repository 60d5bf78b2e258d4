import ChatWire
import Glibc

/// What people and programs read of a conversation: text with or without looks, or JSON.
package final class LineFormatter: Sendable {
  private let style: LineStyle
  private let isJSON: Bool
  private let rings: Bool
  /// Whether blanks stand for TABs: a terminal gets no control character but newlines.
  private let spreadsTabs: Bool
  /// Reads each line too, and knows the name that is marked, and that programs are told.
  package let roster: Roster
  /// Whether all lines are written as they are, and nobody reads them before.
  private let passesOn: Bool

  /// - Parameter onTerminal: whether lines go to a person's terminal.
  package init(_ options: Options, onTerminal: Bool, roster: Roster) {
    let isColoured = !options.plain && Self.colours(options.colours, onTerminal: onTerminal)
    style = LineStyle(palette: isColoured ? .ofTerminal : nil, timestamps: options.timestamps)
    isJSON = options.json
    rings = options.bell && onTerminal
    spreadsTabs = onTerminal && !options.json
    passesOn = style.isUnstyled && !isJSON && !rings && !spreadsTabs && options.name.isEmpty
    self.roster = roster
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

  /// Appends what to write for `lines`, each with its newline.
  func append(_ lines: ReceivedLines, to output: inout [UInt8]) {
    if passesOn {
      output += lines.text
    } else {
      for line in lines { append(line, to: &output) }
    }
  }

  private func append(_ line: ServerLine, to output: inout [UInt8]) {
    guard roster.take(line) else { return }
    if isJSON { return JSONFormat(at: Self.now()).append(line, to: &output) }
    let line = spreadsTabs ? ServerLine(RowLayout.spreadTabs(line.bytes)) : line
    guard !style.isUnstyled || rings else {
      output += line.bytes
      output.append(UInt8(ascii: "\n"))
      return
    }
    let ownName = roster.ownName
    style.append(line, time: style.timestamps ? Self.clock(Self.now()) : [], ownName: ownName, to: &output)
    if rings, isMention(line, of: ownName) { output.append(0x07) }
  }

  private func isMention(_ line: ServerLine, of ownName: [UInt8]) -> Bool {
    switch line.kind {
    case .message, .action:
      line.name.map { !$0.elementsEqual(ownName) } ?? true && Mention.isIn(line.text, of: ownName)
    case .privateLine: true
    case .notice, .earlier: false
    }
  }

  /// What to write when the connection begins or ends: `sentence`, and in JSON an object of this kind. There, `from` is this
  /// client's own name, so that a program can recognize mentions.
  func event(_ kind: JSONFormat.Kind, _ sentence: String) -> [UInt8] {
    guard isJSON else { return Array(sentence.utf8) }
    var output: [UInt8] = []
    let text = Array(sentence.utf8.prefix { $0 != UInt8(ascii: "\n") })
    let name = roster.ownName
    JSONFormat(at: Self.now()).append(kind: kind, from: name.isEmpty ? nil : name[...], text: text[...], to: &output)
    return output
  }

  /// What some events change on a terminal.
  package struct Update {
    /// What to write, each line with its newline.
    package fileprivate(set) var lines: [UInt8] = []
    /// What to say of the connection from now on, in one line without newline; empty for nothing, nil for what was said before.
    package fileprivate(set) var status: [UInt8]?
    package fileprivate(set) var ending: Ending?
  }

  /// - Parameter hasStatus: whether the terminal can show a status that is updated in place. Otherwise the loss of the
  ///   connection is told once.
  package func update(for events: [LinkEvent], hasStatus: Bool) -> Update {
    var update = Update()
    for event in events {
      switch event {
      case .lines(let lines): append(lines, to: &update.lines)
      case .words(let words) where isatty(STDERR_FILENO) == 1: update.lines += words
      case .words(let words): StandardOutput.write(words, to: STDERR_FILENO)
      case .unframed: roster.servedWithoutNewlines()
      case .lost(let uncertain):
        roster.disconnected()
        if !hasStatus { update.lines += Wording.connectionLost.utf8 }
        for line in uncertain { update.lines += Wording.mayHaveArrived(SafeText.made(from: line)) }
      case .waiting(let seconds): if hasStatus { update.status = Array(Wording.tryingAgain(inSeconds: seconds).utf8) }
      case .restored(let name, let greeting):
        roster.reconnected(as: name, greeting: greeting)
        update.status = []
        update.lines += Wording.connectedAgain.utf8
      case .ended(let ending): update.ending = ending
      }
    }
    if roster.takeSilence() { update.lines += Wording.namesUnknown.utf8 }
    return update
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
    return Array("\(Self.twoDigits(parts.tm_hour)):\(Self.twoDigits(parts.tm_min))".utf8)
  }

  private static func twoDigits(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
