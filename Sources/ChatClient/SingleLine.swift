import ChatWire
import Dispatch
import Glibc

/// One line for a server, from a program that has no more to say.
package enum SingleLine {
  /// Seconds that the server has for it.
  private static let patience = 10.0

  /// Sends `line`, and leaves once the server has all of it: it has read to the end of the stream when it ends its own.
  /// What others say meanwhile is not shown. No `exit` is sent, as a server of SEED.md's kind would take it for a part of the line.
  /// - Returns: the exit status: 0 if the server had it all, 1 if anything failed.
  package static func send(_ line: String, to address: Address) -> CInt {
    Client.prepareProcess()
    do {
      let connection = try Connection.open(to: address)
      let bytes = Array(line.utf8) + [UInt8(ascii: "\n")]
      guard connection.send(bytes) == bytes.count else { throw ConnectionFailure(Wording.notTaken(by: address)) }
      connection.shutdownSending()
      guard isTaken(connection) else { throw ConnectionFailure(Wording.notTaken(by: address)) }
      return 0
    } catch {
      StandardOutput.report(error: "\(error)")
      return 1
    }
  }

  private static func isTaken(_ connection: Connection) -> Bool {
    let deadline = DispatchTime.now() + patience
    return withUnsafeTemporaryAllocation(byteCount: 64 * 1024, alignment: 16) { buffer in
      while true {
        let now = DispatchTime.now()
        guard now < deadline else { return false }
        let left = CInt((deadline.uptimeNanoseconds - now.uptimeNanoseconds) / 1_000_000) + 1
        switch connection.receive(into: buffer, patience: left) {
        case .ended: return true
        case .failed, .wouldBlock: return false
        case .bytes: continue
        }
      }
    }
  }
}
