import ChatWire
import Glibc

/// One line for a server, from a program that has no more to say.
package enum SendOnce {
  /// How long the server may take to confirm the line: more than a room full of talk needs, and little enough for a script
  /// to wait.
  private static let patience = Duration.seconds(5)

  /// What became of the line.
  private enum Answer {
    /// The server has read to the end of the stream: it has all of it.
    case taken
    /// The server said so; in its words, safe to show.
    case refused([UInt8])
    /// It does not speak as a chat server does; in its words, safe to show.
    case strange([UInt8])
    case broken, silence
  }

  /// Sends `line`, and leaves once the server has all of it. What others say meanwhile is not shown.
  /// - Returns: the exit status: 0 if a chat server had it all and did not refuse it, 1 if anything failed.
  package static func send(_ line: String, to address: Address) -> CInt {
    Client.prepareProcess()
    do {
      let deadline = Moment.now + patience
      let connection = try ServerConnection.open(to: address, until: deadline)
      switch answer(to: Array(line.utf8) + [UInt8(ascii: "\n")], on: connection, by: deadline) {
      case .taken: return 0
      case .refused(let notice): throw ConnectionFailure(Wording.refused(notice))
      case .strange(let words): throw ConnectionFailure(Wording.isNoChatServer(address, saying: words))
      case .broken: throw ConnectionFailure(Wording.notTaken(by: address))
      case .silence: throw ConnectionFailure(Wording.notConfirmed(by: address, within: patience))
      }
    } catch {
      StandardOutput.report(error: "\(error)")
      return 1
    }
  }

  private static func answer(to line: [UInt8], on connection: ServerConnection, by deadline: Moment) -> Answer {
    let isSent = connection.send(line, until: deadline) == line.count
    let leaveMoment = Moment.now + ServerConnection.goodbyePause
    var hasLeft = false
    var answer = AnswerReader()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      guard connection.isReadable(until: hasLeft ? deadline : min(leaveMoment, deadline)) else {
        if deadline.hasPassed { return .silence }
        // Behind a part of the line it would belong to that.
        connection.leave(sayingExit: isSent, until: deadline)
        hasLeft = true
        continue
      }
      switch connection.receive(into: buffer) {
      case .bytes(let count):
        answer.append(UnsafeBufferPointer(rebasing: buffer.bindMemory(to: UInt8.self)[..<count]).span)
        if let objection = answer.objection { return objection }
      case .wouldBlock: continue
      case .ended:
        // A server that has read the line has acknowledged it. One that closed before that never will.
        return answer.objectionAtEnd ?? (isSent && connection.hasDeliveredLines(hasLeft: hasLeft) ? .taken : .broken)
      case .failed: return answer.objectionAtEnd ?? .broken
      }
    }
  }

  /// Looks in what the server says for something against our line.
  private struct AnswerReader {
    /// A line that is skipped for its length says nothing, and no piece of it can be taken for a notice.
    private var framer = LineFramer(maximumLineBytes: LineDecoder.maximumLineBytes, overlong: .skip)
    private var hasHeardLine = false
    private(set) var objection: Answer?

    mutating func append(_ bytes: Span<UInt8>) {
      var lines: [[UInt8]] = []
      _ = framer.consume(bytes) { Self.keep($1, in: &lines) }
      look(at: lines)
    }

    /// What the last line says, if it has no newline, counts too.
    var objectionAtEnd: Answer? {
      mutating get {
        var lines: [[UInt8]] = []
        _ = framer.endMessage { Self.keep($1, in: &lines) }
        look(at: lines)
        return objection
      }
    }

    private static func keep(_ line: Span<UInt8>, in lines: inout [[UInt8]]) -> Bool {
      line.withUnsafeBufferPointer { lines.append(Array($0)) }
      return true
    }

    private mutating func look(at lines: [[UInt8]]) {
      for line in lines where objection == nil {
        let isFirst = !hasHeardLine
        hasHeardLine = true
        let safe = SafeText.made(from: line)
        if isFirst && SendOnce.isOfAnotherProtocol(line) {
          objection = .strange(Array(safe.prefix(SendOnce.shownBytes)))
          continue
        }
        // Any notice is about our line, but for the count of lines that were skipped.
        let parts = ServerLine(safe[...])
        guard parts.kind == .notice, !Notice.countsSkippedLines(parts.text) else { continue }
        objection = .refused(Array(parts.text))
      }
    }
  }

  /// Bytes shown of what a peer says that is no chat server.
  private static let shownBytes = 80

  /// What servers for the web, for ssh, for mail and files (RFC 5321, RFC 959) and for Redis begin with, in small letters. A
  /// web server speaks without a status line to whoever asks without a version (HTTP/0.9).
  private static let foreignBeginnings = [
    "http/", "<!doctype", "<html", "<head", "<title", "<body", "<h1", "<?xml", "ssh-", "220 ", "220-", "-err",
  ]

  /// Whether the first line of a server shows that it is no chat; NUL is in binary messages such as TLS has.
  private static func isOfAnotherProtocol(_ line: [UInt8]) -> Bool {
    let start = line.prefix(16).map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    return line.contains(0) || foreignBeginnings.contains { start.starts(with: $0.utf8) }
  }
}
