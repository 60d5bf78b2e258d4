import ChatWire
import Glibc

/// What an editor has of its terminal and of the conversation: keys, signals, and what arrives, no faster than a screen can
/// follow. For the input thread alone.
final class TerminalSession {
  /// Time between two updates of the screen, however much arrives: 60 a second.
  private static let updateInterval = Duration.nanoseconds(16_666_667)

  /// The modes of the terminal from before, and its keys.
  let terminal: Terminal
  /// The terminal's modes while a line is typed; nil until the editor has set them.
  var editingModes: termios?
  var keyboard = Keyboard()
  /// What was received and waits to be shown.
  private let mailbox: Mailbox
  /// Makes lines to show of it.
  let formatter: LineFormatter
  private let promptOption: Prompt
  /// Called by the mailbox and by signals.
  private let wakeup: Wakeup
  private(set) var signals: TerminalSignals
  /// When the screen may be updated again.
  private var nextUpdateAt = Moment.now
  /// How long the process was stopped last, and until when a lost connection is laid to that.
  private var suspension: (length: Duration, blamedUntil: Moment)?

  init(on terminal: Terminal, _ options: Options, formatter: LineFormatter, mailbox: Mailbox, wakeup: Wakeup) {
    self.terminal = terminal
    self.formatter = formatter
    self.mailbox = mailbox
    self.wakeup = wakeup
    promptOption = options.prompt
    signals = TerminalSignals(calling: wakeup, noting: TerminalSignals.typing)
  }

  /// Stands before the line that is typed.
  var prompt: StyledText {
    promptOption.text(name: formatter.roster.ownName, isStyled: formatter.looks.isColoured)
  }

  /// Gives the terminal back.
  func close() {
    terminal.restoreModes()
    signals.stopNoting()
  }

  /// Stops the process until it is continued.
  func suspend() {
    terminal.restoreModes()
    signals.suspend()
  }

  func noteSuspension(lasting length: Duration) {
    suspension = (length, .now + Self.blameTime)
  }

  /// What has come until the process was stopped is read well within this time, and then the end of the connection.
  private static let blameTime = Duration.seconds(5)

  /// Sets the terminal's modes again, because others may have changed them.
  func resume() { if let editingModes { Terminal.setModes(editingModes) } }

  /// Waits for a key, a signal, or something to show.
  /// - Parameter deadline: when to return at the latest.
  /// - Returns: whether there is a key.
  func waitForKey(until deadline: Moment = .never) -> Bool {
    let deadline = min(updateMoment, min(deadline, keyboard.deadline))
    return keyboard.hasByte || Terminal.waitForKey(or: wakeup, milliseconds: deadline.millisecondsForPoll)
  }

  /// The next key, if it is whole within that time.
  /// - Parameter deadline: when to return at the latest.
  func nextKey(until deadline: Moment = .never) throws(SystemCallError) -> Keyboard.Key? {
    waitForKey(until: deadline) ? try keyboard.nextKey() : keyboard.overdueKey()
  }

  /// Waits for a signal, or something to show; keys wait meanwhile.
  /// - Parameter deadline: when to return at the latest.
  func waitForUpdate(until deadline: Moment) {
    if wakeup.isCalled(by: min(updateMoment, deadline)) { wakeup.clear() }
  }

  /// When the screen is to be updated next, as far as that is known.
  private var updateMoment: Moment {
    mailbox.isEmpty ? max(formatter.roster.silenceMoment, nextUpdateAt) : nextUpdateAt
  }

  /// Whether nothing more will come from the server.
  var hasEnded: Bool { mailbox.ending != nil }

  /// Whether the screen may be updated again.
  var isUpdateDue: Bool { nextUpdateAt.hasPassed }

  func noteUpdate() { nextUpdateAt = .now + Self.updateInterval }

  func delayUpdate(until moment: Moment) { nextUpdateAt = max(nextUpdateAt, moment) }

  /// What has arrived, if something has and it may be shown by now.
  /// - Parameter hasStatus: as for `LineFormatter.update`.
  func takeUpdate(hasStatus: Bool) -> LineFormatter.Update? {
    guard updateMoment.hasPassed else { return nil }
    noteUpdate()
    var update = formatter.update(for: mailbox.take(), hasStatus: hasStatus)
    if update.isConnectionLost, let suspension {
      if !suspension.blamedUntil.hasPassed { update.lines += Wording.missed(suspension.length).utf8 }
      self.suspension = nil
    }
    return update
  }
}
