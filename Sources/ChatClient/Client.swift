import ChatWire
import Dispatch
import Glibc

/// A conversation from the connection to the goodbye. All of it runs on the thread that calls `run`, the input thread, but
/// for receiving and, on a terminal, sending.
package struct Client {
  /// Seconds that a person who has left waits at most for what the server still has to say.
  private static let goodbyeSeconds = 2.0

  private let connection: Connection
  private let inbox: Inbox
  private let wakeup: Wakeup

  /// Connects to `address`, and converses until either side leaves.
  /// - Parameter prompt: stands before the line that is typed on a terminal.
  /// - Returns: the exit status: 0 if left on purpose, 1 if anything failed.
  package static func run(connectingTo address: Address, prompt: String) -> CInt {
    ignoreBrokenPipes()
    keepStandardDescriptors()
    do {
      let wakeup = try Wakeup()
      let client = Client(connection: try .open(to: address), inbox: Inbox(wakeup: wakeup), wakeup: wakeup)
      if let error = StandardOutput.write(Wording.connected) { return client.conclude(.output(error), hasLeft: false) }
      return client.converse(prompt: prompt)
    } catch {
      StandardOutput.writeError(Wording.error("\(error)"))
      return 1
    }
  }

  /// A closed standard descriptor's number would go to the connection, and text meant for people to the server.
  private static func keepStandardDescriptors() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", O_RDWR)
    }
  }

  private func converse(prompt: String) -> CInt {
    if let terminal = Terminal() {
      if let editor = LineEditor(on: terminal, prompt: prompt, inbox: inbox, wakeup: wakeup) {
        return converse(editor)
      }
    }
    return conversePlainly()
  }
}

/// Without a terminal to edit on: the receiver writes what comes, and input is read no faster than the server takes it.
extension Client {
  private func conversePlainly() -> CInt {
    Receiver(connection).start(
      deliver: { lines in StandardOutput.write(lines).map { .output($0) } },
      ended: { [inbox] in inbox.end($0) })
    switch PlainInput(connection: connection, wakeup: wakeup).sendAll() {
    case .left: return conclude(ending(), hasLeft: true)
    case .interrupted: return conclude(ending(), hasLeft: false)
    case .unread: return 1
    }
  }

  /// Waits for the end of the connection.
  private func ending() -> Ending {
    while true {
      if let ending = inbox.take().ending { return ending }
      var entry = pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)
      _ = poll(&entry, 1, -1)
      wakeup.clear()
    }
  }

  private func conclude(_ ending: Ending, hasLeft: Bool) -> CInt {
    switch ending {
    case .connection:
      StandardOutput.write(hasLeft ? Wording.disconnected : Wording.connectionLost)
      return hasLeft ? 0 : 1
    case .output(let error) where error.code == EPIPE:
      // Whoever read our output has seen enough; that is no failure to report.
      return hasLeft ? 0 : 1
    case .output(let error):
      StandardOutput.writeError(Wording.error(Wording.cannotWrite(because: error)))
      return 1
    }
  }
}

/// On a terminal: the receiver fills the inbox, the editor shows it, and a queue sends.
extension Client {
  private func converse(_ editor: LineEditor) -> CInt {
    let sender = Sender(connection)
    Receiver(connection).start(
      deliver: { [inbox] lines in
        inbox.put(lines)
        return nil
      },
      ended: { [inbox] in inbox.end($0) })

    while true {
      switch editor.nextLine() {
      case .line(let line):
        switch OutgoingLine(line.span) {
        case .blank: continue
        case .exit: return leave(editor, sender)
        case .message:
          editor.remember(line)
          sender.send(line + [UInt8(ascii: "\n")])
        }
      case .cleared: continue
      case .endOfInput: return leave(editor, sender)
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
  private func leave(_ editor: LineEditor, _ sender: Sender) -> CInt {
    editor.close()
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
    return 0
  }
}
