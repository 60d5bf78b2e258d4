import ChatWire
import Dispatch

/// Receives on a serial queue of its own until the connection ends and is not made again.
///
/// The one connection is read by a loop that blocks, not by a dispatch source: on Linux the hang-up of a socket that
/// its own source watches can end the process (swift-corelibs-libdispatch #949).
package final class Receiver: Sendable {
  private let connection: ServerConnection
  private let queue = DispatchQueue(label: "mychat.receive")

  package init(_ connection: ServerConnection) { self.connection = connection }

  /// Bytes that one receive brings at most.
  private static let receiveBytes = 64 * 1024

  /// Starts. All closures are called on the receiver's queue.
  /// - Parameters:
  ///   - deliver: gets lines made safe, all that one receive completed at a time. While it waits nothing is received,
  ///     and so the server is slowed. What it returns, if anything, ends receiving.
  ///   - replace: is called with a connection that has ended, and gives another to go on with, if there is one.
  ///   - ended: is called once, at the end.
  package func start(
    deliver: @escaping @Sendable ([UInt8]) -> Ending?,
    replace: @escaping @Sendable (ServerConnection) -> ServerConnection? = { _ in nil },
    ended: @escaping @Sendable (Ending) -> Void
  ) {
    queue.async { [self] in
      var current = connection
      while true {
        let ending = Self.receive(from: current, deliver)
        guard ending == .connection, let next = replace(current) else { return ended(ending) }
        current = next
      }
    }
  }

  private static func receive(from connection: ServerConnection, _ deliver: ([UInt8]) -> Ending?) -> Ending {
    var text = LineDecoder()
    return withUnsafeTemporaryAllocation(byteCount: receiveBytes, alignment: 16) { buffer in
      while true {
        let outcome = connection.receive(into: buffer, patience: text.timeout)
        switch outcome {
        case .bytes(let count):
          text.append(Span(_unsafeElements: UnsafeBufferPointer(rebasing: buffer.bindMemory(to: UInt8.self)[..<count])))
        case .wouldBlock, .ended, .failed:
          text.endMessage()
        }
        if let ending = text.withLines(deliver) ?? nil { return ending }
        switch outcome {
        case .bytes, .wouldBlock: continue
        case .ended, .failed: return .connection
        }
      }
    }
  }
}
