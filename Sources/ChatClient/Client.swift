import ChatWire
import Dispatch
import Glibc

/// A conversation from the connection to the goodbye. All of it runs on the thread that calls `run`, the input thread, but
/// for receiving and sending.
package struct Client {
  /// Seconds that a person who has left waits at most for what the server still has to say.
  private static let goodbyeSeconds = 2.0

  /// Milliseconds that a new connection has to hold before lines are sent on it.
  private static let proofMilliseconds: CInt = 200

  private let options: Options
  private let connection: ServerConnection
  private let inbox: Mailbox
  private let wakeup: Wakeup
  private let sender: Sender
  private let presentation: LineFormatter
  /// The names that Tab completes.
  private let names: NameCompletion?
  private let terminal: Terminal?
  /// Nil where a connection that breaks is not made again.
  private let reconnection: Reconnection?

  /// Connects to `address`, and converses until either side leaves.
  /// - Returns: the exit status: 0 if left on purpose, 1 if anything failed.
  package static func run(connectingTo address: Address, _ options: Options) -> CInt {
    prepareProcess()
    do {
      let connection = try ServerConnection.open(to: address)
      let client = try Client(connection, to: address, options)
      let greeting = client.presentation.event("connected", Wording.connected)
      if let ending = Self.show(greeting) { return client.conclude(ending, hasLeft: false) }
      return client.converse()
    } catch {
      StandardOutput.report(error: "\(error)")
      return 1
    }
  }

  static func prepareProcess() {
    ignoreBrokenPipes()
    occupyStandardStreams()
  }

  private init(_ connection: ServerConnection, to address: Address, _ options: Options) throws(SystemCallError) {
    self.options = options
    self.connection = connection
    wakeup = try Wakeup()
    inbox = Mailbox(wakeup: wakeup)
    terminal = options.json ? nil : Terminal()
    names = terminal == nil || options.plain ? nil : NameCompletion()
    presentation = LineFormatter(options, onTerminal: isatty(STDOUT_FILENO) == 1, names: names)
    presentation.isKnown(as: connection.ownName)
    sender = Sender(connection, remembers: options.reconnects, wakeup: wakeup)
    let inbox = inbox
    let isPiped = terminal == nil
    reconnection =
      options.reconnects
      ? try Reconnection(to: address, sender: sender) { status in if !isPiped { inbox.setStatus(status) } } : nil
  }

  private func converse() -> CInt {
    guard let terminal else { return conversePlainly() }
    if options.plain {
      if let editor = BasicEditor(on: terminal, options, inbox: inbox, wakeup: wakeup) { return converse(editor) }
    } else if let editor = LibeditEditor(
      on: terminal, options, names: names ?? NameCompletion(), inbox: inbox, wakeup: wakeup)
    {
      return converse(editor)
    }
    return conversePlainly()
  }

  /// Starts to receive.
  /// - Parameters:
  ///   - show: writes what came from the server, or was said about the connection.
  ///   - lose: gets what is said of a lost connection that is to be made again.
  ///   - say: gets what people should hear of the connection, and programs should not have to read.
  private func receive(
    show: @escaping @Sendable ([UInt8]) -> Ending?, lose: @escaping @Sendable ([UInt8]) -> Void,
    say: @escaping @Sendable ([UInt8]) -> Void
  ) {
    Receiver(connection).start(
      deliver: { [presentation] lines in show(presentation.shown(lines)) },
      replace: { [presentation, sender, reconnection, options] broken in
        guard let reconnection, reconnection.isWanted else { return nil }
        lose(presentation.event("disconnected", Wording.connectionLost))
        for line in sender.disconnect(broken) { say(Wording.mayHaveArrived(SafeText.made(from: line))) }
        guard let next = reconnection.next() else { return nil }
        presentation.isKnown(as: next.ownName)
        // Its last words are still to be shown, but a line would be lost on it.
        if next.isEnded(within: Self.proofMilliseconds) { return next }
        sender.resume(on: next)
        let again = Wording.connectedAgain
        if options.json { _ = show(presentation.event("connected", again)) } else { say(Array(again.utf8)) }
        return next
      },
      ended: { [inbox] in inbox.end($0) })
  }
}

/// Without a terminal to edit on: the receiver writes what comes, and input is read no faster than the server takes it.
extension Client {
  private func conversePlainly() -> CInt {
    let say: @Sendable ([UInt8]) -> Void = { StandardOutput.write($0, to: STDERR_FILENO) }
    receive(show: Self.show, lose: { [options] in if options.json { _ = Self.show($0) } else { say($0) } }, say: say)
    var input = PipeReader(sender: sender, inbox: inbox, wakeup: wakeup)
    switch input.sendAll() {
    case .left:
      reconnection?.stop()
      let status = input.waitForEnding().map { conclude($0, hasLeft: true) } ?? 0
      return input.hasUnsentLines ? 1 : status
    case .interrupted:
      if let reconnection, !inbox.hasEnded {
        // All was sent, and there is no server to say goodbye to.
        reconnection.stop()
        return max(conclude(.connection, hasLeft: true), input.hasUnsentLines ? 1 : 0)
      }
      return input.waitForEnding().map { conclude($0, hasLeft: false) } ?? 1
    case .unread: return 1
    }
  }

  /// Writes `lines` on standard output. Whoever has read enough of it ends nothing here: the input thread learns of it, and
  /// still sends what there is.
  private static func show(_ lines: [UInt8]) -> Ending? {
    guard let error = StandardOutput.write(lines), error.code != EPIPE else { return nil }
    return .output(error)
  }

  private func conclude(_ ending: Ending, hasLeft: Bool) -> CInt {
    switch ending {
    case .connection:
      let sentence = hasLeft ? Wording.disconnected : Wording.connectionLost
      let unwritten = Self.show(presentation.event("disconnected", sentence))
      return unwritten.map { conclude($0, hasLeft: hasLeft) } ?? (hasLeft ? 0 : 1)
    case .output(let error):
      StandardOutput.report(error: Wording.cannotWrite(because: error))
      return 1
    }
  }
}

/// On a terminal: the receiver fills the inbox, the editor shows it, and a queue sends.
extension Client {
  private func converse(_ editor: some LineReader) -> CInt {
    receive(
      show: { [inbox] lines in
        inbox.put(lines)
        return nil
      },
      // The editor says so by itself, as long as it holds.
      lose: { _ in },
      say: { [inbox] in inbox.put($0) })

    while true {
      switch editor.nextLine() {
      case .line(let line):
        switch ClientLine(line.span) {
        case .blank: continue
        case .exit: return leave(editor)
        case .message:
          editor.remember(line)
          sender.send(line + [UInt8(ascii: "\n")])
        }
      case .cleared: continue
      case .endOfInput: return leave(editor)
      case .ended(let ending):
        editor.close()
        return conclude(ending, hasLeft: false)
      case .terminated(let signal):
        editor.close()
        // To whoever waits for us, we ended by the signal, and so we do.
        Glibc.signal(signal, SIG_DFL)
        raise(signal)
        return 1
      case .hungUp:
        editor.close()
        return 1
      }
    }
  }

  /// Says goodbye, and shows what still comes until the server has said its own.
  private func leave(_ editor: some LineReader) -> CInt {
    let pasted = editor.takeUnsentPaste().filter { ClientLine($0.span) == .message }
    editor.close()
    reconnection?.stop()
    sender.leave()
    let deadline = DispatchTime.now() + Self.goodbyeSeconds
    while true {
      let (lines, ending) = inbox.take()
      StandardOutput.write(lines)
      let now = DispatchTime.now()
      if ending != nil || now >= deadline { break }
      var entry = pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)
      _ = poll(&entry, 1, CInt((deadline.uptimeNanoseconds - now.uptimeNanoseconds) / 1_000_000) + 1)
      wakeup.clear()
    }
    StandardOutput.write(Wording.disconnected)
    let unsent = sender.unsentLines + pasted
    for line in unsent { StandardOutput.write(Wording.notSent(SafeText.made(from: line)), to: STDERR_FILENO) }
    return unsent.isEmpty ? 0 : 1
  }
}
