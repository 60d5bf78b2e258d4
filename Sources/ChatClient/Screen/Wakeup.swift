import ChatWire
import Glibc

/// A descriptor that can be read once somebody has called, for a thread that waits in poll(2). Any thread may call.
package final class Wakeup: Sendable {
  private let pipe: Pipe

  package init() throws(SystemCallError) {
    pipe = try Pipe()
    try pipe.readEnd.setBlocking(false)
    try pipe.writeEnd.setBlocking(false)
  }

  /// What to wait for.
  package var descriptor: CInt { pipe.readEnd.number }
  /// Where a signal's handler writes a byte to call.
  var callDescriptor: CInt { pipe.writeEnd.number }

  package func call() {
    // A full pipe can be read as well, so that a byte which does not fit is not missed.
    withUnsafeBytes(of: UInt8(0)) { _ = pipe.writeEnd.write($0) }
  }

  /// Waits for a call, if there was none since the last `clear`.
  /// - Returns: false if the deadline came first.
  package func isCalled(by deadline: Moment) -> Bool {
    FileDescriptor.wait(for: POLLIN, on: descriptor, until: deadline)
  }

  /// Forgets all calls so far.
  package func clear() {
    withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { bytes in
      while case .bytes = pipe.readEnd.read(into: bytes) {}
    }
  }
}
