import ChatWire
import Dispatch
import Glibc

/// One line for a server, from a program that has no more to say.
package enum SingleLine {
  /// Seconds that the server may take nothing, and seconds that it has to confirm the line once all is handed over: more than
  /// a room full of talk needs, and few enough for a script to wait.
  private static let patience = 5

  /// What became of the line.
  private enum Answer {
    /// The server has read to the end of the stream: it has all of it.
    case taken
    /// The server said so; in its words, safe to show.
    case refused([UInt8])
    case broken, silence
  }

  /// Sends `line`, and leaves once the server has all of it: it has read to the end of the stream when it ends its own.
  /// What others say meanwhile is not shown. No `exit` is sent, as a server of SEED.md's kind would take it for a part of the line.
  /// - Returns: the exit status: 0 if the server had it all and did not refuse it, 1 if anything failed.
  package static func send(_ line: String, to address: Address) -> CInt {
    Client.prepareProcess()
    do {
      let connection = try Connection.open(to: address)
      switch answer(to: Array(line.utf8) + [UInt8(ascii: "\n")], on: connection) {
      case .taken: return 0
      case .refused(let notice): throw ConnectionFailure(Wording.refused(notice))
      case .broken: throw ConnectionFailure(Wording.notTaken(by: address))
      case .silence: throw ConnectionFailure(Wording.notConfirmed(by: address, withinSeconds: patience))
      }
    } catch {
      StandardOutput.report(error: "\(error)")
      return 1
    }
  }

  private static func answer(to line: [UInt8], on connection: Connection) -> Answer {
    let isSent = connection.send(line, patience: CInt(patience * 1000)) == line.count
    connection.shutdownSending()
    // A line that is skipped for its length says nothing, and no piece of it can be taken for a notice.
    var framer = LineFramer(maximumLineBytes: ReceivedText.maximumLineBytes, overlong: .skip)
    var refusal: [UInt8]?
    func look(_ frame: LineFramer.Frame, _ line: Span<UInt8>) -> Bool {
      if refusal == nil { refusal = Self.refusal(in: line) }
      return true
    }
    let deadline = DispatchTime.now() + Double(patience)
    return withUnsafeTemporaryAllocation(byteCount: 64 * 1024, alignment: 16) { buffer in
      while true {
        let now = DispatchTime.now()
        guard now < deadline else { return .silence }
        let left = CInt((deadline.uptimeNanoseconds - now.uptimeNanoseconds) / 1_000_000) + 1
        let outcome = connection.receive(into: buffer, patience: left)
        switch outcome {
        case .bytes(let count):
          let bytes = UnsafeBufferPointer(rebasing: buffer.bindMemory(to: UInt8.self)[..<count])
          _ = framer.consume(Span(_unsafeElements: bytes), look)
        case .wouldBlock, .ended, .failed:
          _ = framer.silence(look)
        }
        if let refusal { return .refused(refusal) }
        switch outcome {
        case .bytes: continue
        case .wouldBlock: return .silence
        case .ended: return isSent ? .taken : .broken
        case .failed: return .broken
        }
      }
    }
  }

  /// What the server says in `line`, if it is a notice: to somebody who has said one line and leaves, it is about that line. But
  /// for one that counts lines of others which this client missed.
  private static func refusal(in line: Span<UInt8>) -> [UInt8]? {
    var safe: [UInt8] = []
    SafeText.append(line, to: &safe)
    let parts = ReceivedLine(safe[...])
    guard parts.kind == .notice, !parts.text.suffix(skipped.count).elementsEqual(skipped) else { return nil }
    return Array(parts.text)
  }

  private static let skipped = Array(" lines skipped".utf8)
}
