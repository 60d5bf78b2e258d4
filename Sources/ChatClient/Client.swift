import ChatWire
import Dispatch
import Glibc

/// A conversation from connecting to the goodbye. All of it runs on the thread that calls `run`, the input thread, except
/// receiving and sending, which have queues of their own.
package struct Client {
  let options: Options
  private let destination: Destination
  private let link: Link
  private let mailbox: Mailbox
  /// Called by the mailbox, by signals, and when all is sent.
  private let wakeup: Wakeup
  let formatter: LineFormatter
  /// Who is here.
  let roster: Roster
  /// Where what is said is kept; nil for nowhere.
  private let log: ConversationLog?
  /// Nil where standard input or standard output is no terminal, or programs read the output.
  private let terminal: Terminal?

  /// Connects to `destination`, and converses until either side leaves.
  /// - Returns: the exit status: 0 if left on purpose, 1 if anything failed.
  package static func run(connectingTo destination: Destination, _ options: Options) -> CInt {
    prepareProcess()
    do {
      let client = try Client(to: destination, options)
      defer { client.tellOfLog() }
      if let error = client.tell(.connected, Wording.connected) {
        return client.conclude(.output(error), hasLeft: false)
      }
      return client.converse()
    } catch let failure as ConnectionFailure {
      failure.report()
      return 1
    } catch {
      StandardOutput.report(error: "\(error)")
      return 1
    }
  }

  /// Tells of what could not be written into the log.
  private func tellOfLog() {
    guard let missing = log?.missingLines, missing > 0 else { return }
    StandardOutput.write(Wording.logEndsWithout(missing), to: STDERR_FILENO)
  }

  static func prepareProcess() {
    ignoreBrokenPipes()
    ignoreFileSizeLimit()
    occupyStandardStreams()
    Terminal.chooseLocale()
  }

  private init(to destination: Destination, _ options: Options) throws {
    self.options = options
    self.destination = destination
    // First, because nobody should be in a room whose log cannot be kept.
    log = try options.log.map { path throws(ConnectionFailure) in try ConversationLog(toFileAt: path) }
    wakeup = try Wakeup()
    link = try Link(to: destination, reconnects: options.reconnects, wakeup: wakeup)
    mailbox = Mailbox(wakeup: wakeup)
    terminal = options.json ? nil : Terminal()
    roster = Roster(
      ownName: link.firstName, wanting: options.name.isEmpty ? nil : Array(options.name.utf8),
      keepsNames: terminal != nil && !options.plain, showsMentions: terminal != nil && (!options.plain || options.bell)
    ) { [link] in link.sendOwn($0) }
    formatter = LineFormatter(options, onTerminal: isatty(STDOUT_FILENO) == 1, roster: roster, log: log)
    formatter.noteInLog(Wording.logBegins(at: destination))
  }

  private func converse() -> CInt {
    guard let terminal else { return conversePiped() }
    let session = TerminalSession(on: terminal, options, formatter: formatter, mailbox: mailbox, wakeup: wakeup)
    let editor: (any LineReader)? =
      options.plain ? BasicEditor(session) : LibeditEditor(session, options, roster: roster)
    if let editor { return converse(editor) }
    session.close()
    return conversePiped()
  }

  /// Starts to receive, and asks who is here if a name is wanted.
  private func start(deliver: @escaping @Sendable ([LinkEvent]) -> SystemCallError?) {
    roster.introduce()
    link.start(greeting: { [roster] in roster.greeting() }, deliver: deliver)
  }

  /// Tells what has become of the connection: a program with `--json`, and a person on a terminal, on standard output; otherwise on
  /// standard error, because standard output is for what is said.
  private func tell(_ kind: JSONFormat.Kind, _ sentence: String) -> SystemCallError? {
    let event = formatter.event(kind, sentence)
    if options.json || isatty(STDOUT_FILENO) == 1 { return Self.show(event) }
    StandardOutput.write(event, to: STDERR_FILENO)
    return nil
  }

  /// Writes `lines` on standard output. A closed pipe is no error here, because the input thread notices it, and still sends
  /// what is on standard input.
  private static func show(_ lines: [UInt8]) -> SystemCallError? {
    guard let error = StandardOutput.write(lines), error.code != EPIPE else { return nil }
    return error
  }

  /// Tells how the conversation ended, and names the lines that were not sent.
  /// - Returns: the exit status.
  private func conclude(_ ending: Ending, hasLeft: Bool, naming unsent: [[UInt8]]) -> CInt {
    let status = conclude(ending, hasLeft: hasLeft)
    // A server of another kind may have taken lines or not; none of them was said.
    if case .foreign = ending { return status }
    if unsent.isEmpty { return status }
    log?.note(unsent.map { Wording.notSent(SafeText.made(from: $0)).dropLast() })
    StandardOutput.write(Wording.notSent(unsent), to: STDERR_FILENO)
    return 1
  }

  /// Tells how the conversation ended.
  /// - Parameter hasLeft: whether the person left.
  /// - Returns: the exit status.
  private func conclude(_ ending: Ending, hasLeft: Bool) -> CInt {
    let (sentence, status): (String, CInt)
    switch ending {
    case .closed where hasLeft, .abandoned: (sentence, status) = (Wording.disconnected, 0)
    case .broken where hasLeft, .unconfirmed: (sentence, status) = (Wording.goodbyeUnconfirmed, 1)
    case .closed, .broken: (sentence, status) = (Wording.connectionLost, 1)
    case .foreign(let other):
      let sentence = Wording.isNoChatServer(destination, but: other)
      StandardOutput.report(error: sentence)
      formatter.noteInLog("[ERROR] \(sentence)\n")
      if options.json { _ = tell(.disconnected, sentence + "\n") }
      return 1
    case .output(let error):
      StandardOutput.report(error: Wording.cannotWrite(because: error))
      return 1
    }
    formatter.noteInLog(sentence)
    if sentence == Wording.goodbyeUnconfirmed {
      StandardOutput.write(sentence, to: STDERR_FILENO)
      if !options.json { return status }
    }
    return tell(.disconnected, sentence).map { conclude(.output($0), hasLeft: hasLeft) } ?? status
  }
}

/// Without a terminal to edit on: the link's queue writes what comes, and input is read no faster than the server takes it.
extension Client {
  private func conversePiped() -> CInt {
    start { write($0) }
    var input = PipeReader(link: link, mailbox: mailbox, wakeup: wakeup, roster: roster, log: log)
    switch input.sendAll() {
    case .left:
      let status = input.waitForEnding().map { conclude($0, hasLeft: true) } ?? 0
      return input.hasFailed ? 1 : status
    case .interrupted: return input.waitForEnding().map { conclude($0, hasLeft: false, naming: link.unsentLines) } ?? 1
    case .stalled:
      StandardOutput.report(error: Wording.takesNothing(within: Sender.patience))
      StandardOutput.write(Wording.notSent(link.unsentLines), to: STDERR_FILENO)
      return 1
    case .outputClosed: return 1
    }
  }

  /// Writes what happens on the link; the input thread hears only of its end.
  private func write(_ events: [LinkEvent]) -> SystemCallError? {
    var lines: [UInt8] = []
    let isAnswerAwaited = roster.isAwaited()
    for event in events {
      switch event {
      case .lines(let received): formatter.append(received, to: &lines)
      case .words(let lines): StandardOutput.write(lines, to: STDERR_FILENO)
      case .unframed: roster.servedWithoutNewlines()
      case .lost(let uncertain):
        roster.disconnected()
        formatter.noteInLog(Wording.connectionLost)
        if let error = tell(.disconnected, Wording.connectionLost) { return error }
        for line in uncertain {
          StandardOutput.write(Wording.mayHaveArrived(SafeText.made(from: line)), to: STDERR_FILENO)
        }
      case .waiting: break
      case .restored(let name, let greeting):
        roster.reconnected(as: name, greeting: greeting)
        formatter.noteInLog(Wording.connectedAgain)
        if let error = tell(.connected, Wording.connectedAgain) { return error }
      case .ended: mailbox.put([event])
      }
    }
    if isAnswerAwaited && !roster.isAwaited() { wakeup.call() }
    if let trouble = log?.takeTrouble(), !trouble.isEmpty { StandardOutput.write(trouble, to: STDERR_FILENO) }
    return Self.show(lines)
  }
}

/// On a terminal: the link fills the mailbox, and the editor shows what it holds.
extension Client {
  private func converse(_ editor: some LineReader) -> CInt {
    start { [mailbox] events in
      mailbox.put(events)
      return nil
    }
    while true {
      switch editor.nextLine() {
      case .line(let line):
        switch ClientLine(line.span) {
        case .blank, .rosterRequest: continue
        case .exit: return leave(editor)
        case .message, .escaped: say(line, editor)
        case .command:
          if let command = LocalCommand(line) {
            editor.remember(line)
            carryOut(command)
            continue
          }
          let command = try? Command(line.span)
          if let command { roster.note(command) }
          // A token is for nobody who reads the history.
          if case .becomeOperator = command { say(line, editor, remembers: false) } else { say(line, editor) }
        }
      case .cleared: continue
      case .endOfInput: return leave(editor)
      case .ended(let ending):
        let pasted = Self.messages(in: editor.takeUnsentPaste())
        editor.close()
        return conclude(ending, hasLeft: false, naming: link.unsentLines + pasted)
      case .terminated(let signal):
        editor.close()
        // The default action ends the process by the signal, as the parent expects.
        Glibc.signal(signal, SIG_DFL)
        raise(signal)
        return 1
      case .hungUp:
        editor.close()
        return 1
      }
    }
  }

  private func say(_ line: [UInt8], _ editor: some LineReader, remembers: Bool = true) {
    if remembers { editor.remember(line) }
    let sent = line + [UInt8(ascii: "\n")]
    log?.note(said: sent, as: roster.ownName)
    link.send(sent)
  }

  private static func messages(in lines: [[UInt8]]) -> [[UInt8]] { lines.filter { ClientLine($0.span).isSaid } }

  /// Says goodbye, and shows what still comes until the link has ended.
  private func leave(_ editor: some LineReader) -> CInt {
    let pasted = Self.messages(in: editor.takeUnsentPaste())
    editor.close()
    link.leave()
    while true {
      let update = formatter.update(for: mailbox.take(), hasStatus: true)
      StandardOutput.write(update.lines)
      if let ending = update.ending { return conclude(ending, hasLeft: true, naming: link.unsentLines + pasted) }
      _ = wakeup.isCalled(by: .never)
      wakeup.clear()
    }
  }
}
