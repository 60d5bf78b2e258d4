import ChatWire
import Glibc
import Synchronization

/// What people and programs read of a conversation: text with or without looks, or JSON.
package final class LineFormatter: Sendable {
  private struct State {
    var looks: Looks
    /// The day of the line that was shown last with its time; nil before the first.
    var day: String?
  }

  private let state: Mutex<State>
  /// Nil where there may be no colours.
  private let palette: Palette?
  private let isJSON: Bool
  /// Whether blanks stand for TABs: a terminal gets no control character but newlines.
  private let spreadsTabs: Bool
  /// Whether all lines are written as they are, and nobody reads them before.
  private let passesOn: Bool
  /// Reads each line too, and knows the name that is marked, and that programs are told.
  package let roster: Roster
  /// Gets each line that is shown.
  private let log: ConversationLog?
  private let clock: @Sendable () -> timespec

  /// - Parameters:
  ///   - onTerminal: whether lines go to a person's terminal.
  ///   - clock: says when a line has come.
  package init(
    _ options: Options, onTerminal: Bool, roster: Roster, log: ConversationLog? = nil,
    clock: @escaping @Sendable () -> timespec = LocalTime.now
  ) {
    let looks = Looks(
      isColoured: !options.plain && Self.colours(options.colours, onTerminal: onTerminal),
      hasTimes: options.timestamps, rings: options.bell && onTerminal)
    state = Mutex(State(looks: looks))
    palette = options.plain ? nil : .ofTerminal
    isJSON = options.json
    spreadsTabs = onTerminal && !options.json
    passesOn =
      looks == Looks(isColoured: false, hasTimes: false, rings: false) && !isJSON && !spreadsTabs
      && options.name.isEmpty && log == nil
    self.roster = roster
    self.log = log
    self.clock = clock
  }

  package var looks: Looks { state.withLock { $0.looks } }

  /// Changes how lines are shown from now on.
  /// - Returns: false where there may be no colours, and none but colours were to change.
  package func set(_ setting: Looks.Setting, to value: Bool) -> Bool {
    if setting == .color && value && palette == nil { return false }
    state.withLock { $0.looks[setting] = value }
    return true
  }

  private func style(_ looks: Looks) -> LineStyle {
    LineStyle(palette: looks.isColoured ? palette : nil, hasTimes: looks.hasTimes)
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
      return
    }
    let looks = looks
    let style = style(looks)
    var logged: [[UInt8]] = []
    for line in lines where roster.take(line) {
      if log != nil { logged.append(Array(line.bytes)) }
      append(line, style, rings: looks.rings, to: &output)
    }
    log?.note(logged)
  }

  private func append(_ line: ServerLine, _ style: LineStyle, rings: Bool, to output: inout [UInt8]) {
    if isJSON { return JSONFormat(at: clock()).append(line, to: &output) }
    let line = spreadsTabs ? ServerLine(RowLayout.spreadTabs(line.bytes)) : line
    guard !style.isUnstyled || rings else {
      output += line.bytes
      output.append(UInt8(ascii: "\n"))
      return
    }
    let ownName = roster.ownName
    var time: [UInt8] = []
    if style.hasTimes {
      let now = LocalTime(clock())
      output += dayChange(at: now, in: style)
      time = Array(now.clock().utf8)
    }
    style.append(line, time: time, ownName: ownName, to: &output)
    if rings, isMention(line, of: ownName) { output.append(0x07) }
  }

  /// A line that names the day, if another one than that of the line before.
  private func dayChange(at now: LocalTime, in style: LineStyle) -> [UInt8] {
    let last = state.withLock { state in
      defer { state.day = now.day }
      return state.day
    }
    guard let last, last != now.day else { return [] }
    return style.dim(Array(Wording.day(now.day).utf8)).bytes + [UInt8(ascii: "\n")]
  }

  /// What is to stand above and before a line of the person's own, once it is entered.
  func stampOfOwnLine() -> (above: [UInt8], before: StyledText) {
    let style = style(looks)
    guard style.hasTimes else { return ([], StyledText()) }
    let now = LocalTime(clock())
    return (dayChange(at: now, in: style), style.stamp(Array(now.clock().utf8)))
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
    JSONFormat(at: clock()).append(kind: kind, from: name.isEmpty ? nil : name[...], text: text[...], to: &output)
    return output
  }

  /// What some events change on a terminal.
  package struct Update {
    /// What to write, each line with its newline.
    package internal(set) var lines: [UInt8] = []
    /// What to say of the connection from now on, in one line without newline; empty for nothing, nil for what was said before.
    package fileprivate(set) var status: [UInt8]?
    package fileprivate(set) var ending: Ending?
    /// Whether the connection has ended without being asked to.
    package fileprivate(set) var isConnectionLost = false
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
        update.isConnectionLost = true
        if !hasStatus { update.lines += Wording.connectionLost.utf8 }
        noteInLog(Wording.connectionLost)
        for line in uncertain { update.lines += Wording.mayHaveArrived(SafeText.made(from: line)) }
      case .waiting(let seconds): if hasStatus { update.status = Array(Wording.tryingAgain(inSeconds: seconds).utf8) }
      case .restored(let name, let greeting):
        roster.reconnected(as: name, greeting: greeting)
        update.status = []
        update.lines += Wording.connectedAgain.utf8
        noteInLog(Wording.connectedAgain)
      case .ended(let ending):
        update.ending = ending
        if ending == .closed || ending == .broken { update.isConnectionLost = true }
      }
    }
    if roster.takeSilence() { update.lines += Wording.namesUnknown.utf8 }
    update.lines += log?.takeTrouble() ?? []
    return update
  }

  /// Has the log tell what has become of the connection.
  /// - Parameter sentence: with its newline.
  func noteInLog(_ sentence: String) { log?.note([Array(sentence.utf8.dropLast())]) }
}
