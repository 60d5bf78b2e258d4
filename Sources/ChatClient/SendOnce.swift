import ChatWire
import Glibc

/// `--send`: one line from a program that has no more to say.
package enum SendOnce {
  /// How long all of it may take, from connecting to the server's end of the stream: more than a busy room needs, and not too
  /// long for a script to wait.
  private static let timeout = Duration.seconds(5)

  /// What became of the line.
  private enum Answer {
    /// The server has the line, and ended its stream in order.
    case taken
    /// The server refused the line, in these words, which are safe to show.
    case refused([UInt8])
    /// The peer is no chat server; it said this, which is safe to show.
    case strange([UInt8])
    /// The connection broke, or the server closed it before it had the line.
    case broken
    /// The time was over.
    case silence
    /// The time was over, and the server has lost its link to other servers, without which it says no line.
    case linkDown(isSent: Bool)
    /// The server does not know names, or does not answer in time what it is asked about them, so the line was not sent.
    case nameless
  }

  /// How far it has come.
  private enum Stage {
    /// The server was asked who is here, which only one that knows names and commands answers in time.
    case asking(until: Moment)
    /// It knows this client by this name, and was asked for another, and then once more who is here: whoever is still called
    /// `from` in that answer did not get the other. What it said last until then, if anything, is why.
    case naming(from: MemberName, said: ArraySlice<UInt8>?)
    /// The line has gone, as far as the server took it; the goodbye comes then.
    case sent(isWhole: Bool, leavesAt: Moment)
    case left(isWhole: Bool)

    /// When to go on without the server; nil while it has to answer.
    var deadline: Moment? {
      switch self {
      case .asking(let deadline), .sent(_, let deadline): deadline
      case .naming, .left: nil
      }
    }

    /// Whether any of the line has gone.
    var isSent: Bool {
      switch self {
      case .asking, .naming: false
      case .sent, .left: true
      }
    }
  }

  /// Sends `line`, and leaves once the server has all of it. What others say meanwhile is not shown. A command, and a line under
  /// a name, is for a server that knows these, and no other is sent it.
  /// - Parameter name: the name under which to say it; nil for whichever the server gives.
  /// - Returns: the exit status: 0 if a chat server had it all and did not refuse it, 1 if anything failed.
  package static func send(_ line: String, as name: String?, to destination: Destination) -> CInt {
    Client.prepareProcess()
    do {
      let firstDeadline = Moment.now + timeout
      let connection = try ServerConnection.openFirst(to: destination, until: firstDeadline, .script)
      // ssh takes its own time to connect.
      let deadline = connection.isOverSSH ? .now + timeout : firstDeadline
      switch answer(to: line, as: name, on: connection, by: deadline) {
      case .taken: return 0
      case .refused(let notice): throw ConnectionFailure(Wording.refused(notice))
      case .strange(let words): throw ConnectionFailure(Wording.isNoChatServer(destination, saying: words))
      case .broken: throw ConnectionFailure(Wording.notTaken(by: destination))
      case .nameless: throw ConnectionFailure(Wording.namesUnknown(by: destination))
      case .linkDown(let isSent):
        throw ConnectionFailure(
          isSent ? Wording.notSaidYet(by: destination, within: timeout) : Wording.notSentWithoutLink(of: destination))
      case .silence: throw ConnectionFailure(Wording.notConfirmed(by: destination, within: timeout))
      }
    } catch let failure as ConnectionFailure {
      failure.report()
      return 1
    } catch {
      StandardOutput.report(error: "\(error)")
      return 1
    }
  }

  private static func answer(
    to line: String, as name: String?, on connection: ServerConnection, by deadline: Moment
  ) -> Answer {
    func say(_ line: String) -> Bool {
      connection.send(Array("\(line)\n".utf8), until: deadline) == line.utf8.count + 1
    }
    func sayLine() -> Stage { .sent(isWhole: say(line), leavesAt: .now + ServerConnection.goodbyePause) }
    var stage: Stage
    if name != nil || ClientLine(Array(line.utf8).span) == .command {
      _ = say(String(decoding: ClientLine.rosterRequestLine, as: UTF8.self))
      stage = .asking(until: .now + Roster.patience)
    } else {
      stage = sayLine()
    }
    // Skips lines that are too long, because a piece of one could look like a notice.
    var framer = LineFramer(maximumLineBytes: LineDecoder.maximumLineBytes, overlong: .skip)
    var hasMember = false
    var objection: Answer?
    var ownName: MemberName?
    var isLinkDown = false
    func look(_ frame: LineFramer.Frame, _ line: Span<UInt8>) -> Bool {
      let line = line.withUnsafeBufferPointer { Array($0) }
      objection = objection ?? Self.objection(in: line, hasMember: hasMember)
      let parts = ServerLine(SafeText.made(from: line)[...])
      hasMember = hasMember || parts.name != nil
      guard parts.kind == .notice else { return true }
      switch (stage, Notice(parsing: parts.text)) {
      case (.asking, .here(let names, let isLast)):
        // The first of the first such line is this client.
        ownName = ownName ?? names.first
        guard isLast else { break }
        if let name, let ownName, ownName.description != name {
          _ = say("/\(Command.Word.nick) \(name)\n\(String(decoding: ClientLine.rosterRequestLine, as: UTF8.self))")
          stage = .naming(from: ownName, said: nil)
        } else {
          stage = sayLine()
        }
      case (_, .linkDown): isLinkDown = true
      case (_, .linkBack): isLinkDown = false
      case (.naming(let own, _), .renamed(let old, _)) where old == own: stage = sayLine()
      case (.naming(let own, let said), .here(let names, _)):
        if names.first == own {
          objection = objection ?? .refused(Array(said ?? parts.text))
        } else {
          stage = sayLine()
        }
      // Why the name is refused, or something that the room is told.
      case (.naming(let own, _), nil): stage = .naming(from: own, said: parts.text)
      default: break
      }
      return true
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      // Asked in every round, because a server that never pauses is always readable.
      if deadline.hasPassed {
        if isLinkDown { return .linkDown(isSent: stage.isSent) }
        return stage.isSent ? .silence : .nameless
      }
      switch stage {
      case .asking(let deadline) where deadline.hasPassed && !isLinkDown: return .nameless
      case .sent(let isWhole, let leavesAt) where leavesAt.hasPassed:
        // Where only a part of the line was sent, the server would take `exit` for the rest of it.
        connection.leave(sayingExit: isWhole, until: deadline)
        stage = .left(isWhole: isWhole)
      default: break
      }
      var next = stage.deadline ?? .never
      // An answer may take as long as the link is down.
      if isLinkDown, case .asking = stage { next = .never }
      guard connection.isReadable(until: min(next, deadline)) else { continue }
      let outcome = connection.receive(into: buffer)
      StandardOutput.write(connection.takeWords(), to: STDERR_FILENO)
      switch outcome {
      case .bytes(let count):
        _ = framer.consume(UnsafeBufferPointer(rebasing: buffer.bindMemory(to: UInt8.self)[..<count]).span, look)
      case .wouldBlock: continue
      case .ended, .failed: _ = framer.endMessage(look)
      }
      if let objection { return objection }
      if case .bytes = outcome { continue }
      // A server that has read the line has acknowledged it. One that closed before that never will.
      let (isWhole, hasLeft) =
        switch stage {
        case .asking, .naming: (false, false)
        case .sent(let isWhole, _): (isWhole, false)
        case .left(let isWhole): (isWhole, true)
        }
      return outcome == .ended && isWhole && connection.hasDeliveredLines(hasLeft: hasLeft) ? .taken : .broken
    }
  }

  /// What the server says against our line, if `line` does.
  /// - Parameter hasMember: whether a line before it was a member's, so that this is a chat.
  private static func objection(in line: [UInt8], hasMember: Bool) -> Answer? {
    let safe = SafeText.made(from: line)
    if !hasMember && OtherProtocol.isLikely(in: line) { return .strange(Array(safe.prefix(shownBytes))) }
    let parts = ServerLine(safe[...])
    guard parts.kind == .notice, Notice.isRefusal(parts.text) else { return nil }
    return .refused(Array(parts.text))
  }

  /// How many bytes are shown of what a peer says that is no chat server.
  private static let shownBytes = 80
}
