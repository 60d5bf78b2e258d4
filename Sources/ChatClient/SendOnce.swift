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

  /// Sends `line`, and leaves once the server has all of it: it has read to the end of the stream when it ends its own.
  /// What others say meanwhile is not shown. No `exit` is sent, as a server of SEED.md's kind would take it for a part of the line.
  /// - Returns: the exit status: 0 if the server had it all and did not refuse it, 1 if anything failed.
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
    connection.shutdownSending()
    // A line that is skipped for its length says nothing, and no piece of it can be taken for a notice.
    var framer = LineFramer(maximumLineBytes: LineDecoder.maximumLineBytes, overlong: .skip)
    var objection: Answer?
    func look(_ frame: LineFramer.Frame, _ line: Span<UInt8>) -> Bool {
      if objection == nil { objection = Self.objection(in: line) }
      return true
    }
    return withUnsafeTemporaryAllocation(byteCount: 64 * 1024, alignment: 16) { buffer in
      while true {
        guard connection.isReadable(until: deadline) else { return .silence }
        let outcome = connection.receive(into: buffer)
        switch outcome {
        case .bytes(let count):
          let bytes = UnsafeBufferPointer(rebasing: buffer.bindMemory(to: UInt8.self)[..<count])
          _ = framer.consume(bytes.span, look)
        case .wouldBlock, .ended, .failed:
          _ = framer.silence(look)
        }
        if let objection { return objection }
        switch outcome {
        case .bytes: continue
        case .wouldBlock: return .silence
        // A server that has read to the end has acknowledged it. One that closed before that never will.
        case .ended: return isSent && connection.hasDeliveredAll ? .taken : .broken
        case .failed: return .broken
        }
      }
    }
  }

  /// What the server says against our line, if `line` does: any notice is about our line, except the count of skipped lines.
  private static func objection(in line: Span<UInt8>) -> Answer? {
    var safe: [UInt8] = []
    SafeText.append(line, to: &safe)
    if isOfAnotherProtocol(line) { return .strange(Array(safe.prefix(shownBytes))) }
    let parts = ServerLine(safe[...])
    guard parts.kind == .notice, !Notice.countsSkippedLines(parts.text) else { return nil }
    return .refused(Array(parts.text))
  }

  /// Bytes shown of what a peer says that is no chat server.
  private static let shownBytes = 80

  /// Whether `line` is what a server for the web, for ssh or, as NUL is no text, one of binary messages such as TLS says to a line.
  private static func isOfAnotherProtocol(_ line: Span<UInt8>) -> Bool {
    line.withUnsafeBufferPointer { line in
      line.contains(0) || line.starts(with: "HTTP/".utf8) || line.starts(with: "SSH-".utf8)
    }
  }
}
