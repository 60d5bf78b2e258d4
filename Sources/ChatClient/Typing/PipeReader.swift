import ChatWire
import Glibc

/// Reads lines from standard input where that is no terminal to edit on, and sends them as they come. It reads no more while the
/// server does not take them.
struct PipeReader {
  /// Bytes that one read brings at most, and that are read after `exit`, to name the lines in them.
  private static let readBytes = 64 * 1024
  /// Bytes of the longest line that is sent: more than servers accept.
  private static let maximumLineBytes = 64 * 1024
  /// How long, once nobody reads standard output any more, input that is there is still sent, and the server's goodbye
  /// is waited for.
  private static let drainTime = Duration.milliseconds(500)

  private let link: Link
  private let mailbox: Mailbox
  /// Can be read once the connection has ended, or all is sent.
  private let wakeup: Wakeup
  private let roster: Roster
  private let log: ConversationLog?
  /// When to end because nobody reads standard output any more; nil while somebody may.
  private var drainDeadline: Moment?
  /// Whether a line was too long to be sent or came after `exit`, or reading failed.
  private(set) var hasFailed = false

  init(link: Link, mailbox: Mailbox, wakeup: Wakeup, roster: Roster, log: ConversationLog?) {
    self.link = link
    self.mailbox = mailbox
    self.wakeup = wakeup
    self.roster = roster
    self.log = log
  }

  /// How sending came to its end.
  enum Outcome {
    /// By `exit` or the end of input; the goodbye is on its way.
    case left
    /// The link has ended.
    case interrupted
    /// The server takes nothing.
    case stalled
    /// Nobody reads standard output any more.
    case outputClosed
  }

  mutating func sendAll() -> Outcome {
    if let outcome = waitForName() { return outcome }
    // A line that does not fit into bounded memory is not sent at all, because its parts would be taken for lines.
    var framer = LineFramer(maximumLineBytes: Self.maximumLineBytes, overlong: .skip)
    return withUnsafeTemporaryAllocation(byteCount: Self.readBytes, alignment: 16) { buffer in
      while true {
        if let outcome = waitForInput() { return outcome }
        let count = read(STDIN_FILENO, buffer.baseAddress, buffer.count)
        if count < 0 && (errno == EAGAIN || errno == EINTR) { continue }
        if count < 0 {
          hasFailed = true
          StandardOutput.report(error: Wording.cannotRead(because: SystemCallError("read")))
        }

        var batch = Batch()
        let consume = { (count: Int) in
          batch.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]).bindMemory(to: UInt8.self).span, to: &framer)
        }
        if count > 0 { consume(count) }
        var bytesAfterExit = 0
        while batch.hasExit && Self.hasMoreInput {
          let count = read(STDIN_FILENO, buffer.baseAddress, buffer.count)
          guard count > 0 else { break }
          bytesAfterExit += count
          if bytesAfterExit > Self.readBytes { break }
          consume(count)
        }
        let isLast = count <= 0 || batch.hasExit
        if bytesAfterExit > Self.readBytes {
          batch.unsent += Wording.inputGoesOn.utf8
        } else if isLast {
          _ = framer.endMessage { batch.append($0, $1) }
        }
        if !batch.unsent.isEmpty {
          hasFailed = true
          StandardOutput.write(batch.unsent, to: STDERR_FILENO)
        }
        log?.note(said: batch.lines, as: roster.ownName)
        link.send(batch.lines)
        for command in batch.commands { roster.note(command) }
        if isLast {
          if let outcome = waitUntilSent() { return outcome }
          link.leave()
          return .left
        }
      }
    }
  }

  /// Whether something follows `exit` that can be read without waiting. On a terminal it is left to the shell.
  private static var hasMoreInput: Bool { isatty(STDIN_FILENO) == 0 && Terminal.hasKey }

  /// The lines that one read completed.
  private struct Batch {
    /// What goes out, each line with a newline.
    var lines: [UInt8] = []
    /// The commands among them.
    var commands: [Command] = []
    /// What is said on standard error of lines that are not sent.
    var unsent: [UInt8] = []
    /// Whether a line was `exit`: none after it is sent.
    var hasExit = false

    /// Takes in what one read brought, at most `readBytes`, so that no line in it is too long.
    mutating func append(_ bytes: Span<UInt8>, to framer: inout LineFramer) {
      var rest = bytes
      while rest.count > 0 {
        if !hasExit, framer.isBetweenLines {
          let count = ClientLine.certainMessages(in: rest)
          rest.extracting(..<count).withUnsafeBufferPointer { lines.append(contentsOf: $0) }
          rest = rest.extracting(count...)
        }
        let end = LineFramer.firstNewline(in: rest).map { $0 + 1 } ?? rest.count
        _ = framer.consume(rest.extracting(..<end)) { append($0, $1) }
        rest = rest.extracting(end...)
      }
    }

    mutating func append(_ frame: LineFramer.Frame, _ line: Span<UInt8>) -> Bool {
      if frame == .tooLong { unsent += Wording.tooLong(PipeReader.maximumLineBytes).utf8 }
      switch ClientLine(line) {
      case .blank, .rosterRequest: break
      case .exit: hasExit = true
      case .message, .escaped: say(line)
      case .command:
        say(line)
        if let command = try? Command(line) { commands.append(command) }
      }
      return true
    }

    private mutating func say(_ line: Span<UInt8>) {
      guard !hasExit else {
        unsent += Wording.notSent(SafeText.made(from: line.withUnsafeBufferPointer { Array($0) }))
        return
      }
      line.withUnsafeBufferPointer { lines.append(contentsOf: $0) }
      lines.append(UInt8(ascii: "\n"))
    }
  }

  /// Waits until the name that is wanted was asked for, so that no line goes out under another, or until it is clear that the
  /// server does not know names.
  private mutating func waitForName() -> Outcome? {
    while roster.isAwaited() {
      if mailbox.ending != nil { return .interrupted }
      wait(forInput: false, until: roster.silenceMoment)
      if isOver { return .outputClosed }
    }
    if roster.takeSilence() { StandardOutput.write(Wording.namesUnknown, to: STDERR_FILENO) }
    return nil
  }

  /// Waits for input, and before that until the server has taken all that was read.
  /// - Returns: why there will be none.
  private mutating func waitForInput() -> Outcome? {
    while true {
      if let outcome = waitUntilSent() { return outcome }
      let isReady = wait(forInput: true)
      if isOver || (drainDeadline != nil && !isReady) { return .outputClosed }
      if isReady { return nil }
    }
  }

  private mutating func waitUntilSent() -> Outcome? {
    while true {
      if mailbox.ending != nil { return .interrupted }
      let stallDeadline = link.stallDeadline
      if link.isIdle { return nil }
      wait(forInput: false, until: stallDeadline)
      if isOver { return .outputClosed }
      if link.stallDeadline.hasPassed && !link.isIdle { return .stalled }
    }
  }

  /// Waits for the end of the link.
  /// - Returns: nil if nobody reads standard output any more.
  mutating func waitForEnding() -> Ending? {
    while true {
      if let ending = mailbox.ending { return ending }
      if isOver { return nil }
      wait(forInput: false)
    }
  }

  private var isOver: Bool { drainDeadline?.hasPassed ?? false }

  /// Waits for a call, and for input if that is wanted, but for no more input once nobody reads standard output any more.
  /// - Returns: whether there is input to read, or its end.
  @discardableResult
  private mutating func wait(forInput isInputWanted: Bool, until deadline: Moment = .never) -> Bool {
    var entries = [
      // A negative descriptor is passed over (poll(2)).
      pollfd(fd: isInputWanted ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: drainDeadline == nil ? STDOUT_FILENO : -1, events: 0, revents: 0),
    ]
    let timeout = isInputWanted && drainDeadline != nil ? 0 : min(drainDeadline ?? .never, deadline).millisecondsForPoll
    while poll(&entries, nfds_t(entries.count), timeout) < 0 && errno == EINTR {}
    if entries[1].revents != 0 { wakeup.clear() }
    if Int32(entries[2].revents) & (POLLERR | POLLHUP) != 0 { drainDeadline = .now + Self.drainTime }
    return entries[0].revents != 0
  }
}
