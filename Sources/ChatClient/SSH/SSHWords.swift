import ChatWire
import Glibc
import Synchronization

/// What ssh says on standard error, and what programs at the host say there, as lines that are safe to show. Any thread may take
/// them.
final class SSHWords: Sendable {
  private struct State {
    var framer = LineFramer(maximumLineBytes: LineDecoder.maximumLineBytes, overlong: .split)
    var hasEnded = false
  }

  private let pipe: FileDescriptor
  private let state = Mutex(State())

  init(_ pipe: consuming FileDescriptor) throws(SystemCallError) {
    try pipe.setBlocking(false)
    self.pipe = pipe
  }

  /// What to wait for; -1 once nothing more will come.
  var descriptor: CInt { state.withLock { $0.hasEnded ? -1 : pipe.number } }

  /// Takes the lines that are there, each with its newline.
  /// - Parameter isLast: whether nothing more is awaited, so that a line without newline counts.
  func take(isLast: Bool = false) -> [UInt8] {
    var lines: [UInt8] = []
    func append(_ frame: LineFramer.Frame, _ line: Span<UInt8>) -> Bool {
      Self.append(line.withUnsafeBufferPointer { Array($0) }, to: &lines)
      return true
    }
    state.withLock { state in
      withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
        while !state.hasEnded {
          switch pipe.read(into: buffer) {
          case .bytes(let count):
            let bytes = UnsafeBufferPointer(rebasing: buffer.bindMemory(to: UInt8.self)[..<count])
            _ = state.framer.consume(bytes.span, append)
          case .wouldBlock: return
          case .ended, .failed: state.hasEnded = true
          }
        }
      }
      if isLast || state.hasEnded { _ = state.framer.endMessage(append) }
    }
    return lines
  }

  /// Appends `line`, safe to show on a terminal, and a newline.
  static func append(_ line: [UInt8], to lines: inout [UInt8]) {
    // A TAB's width depends on where it stands.
    lines += SafeText.made(from: line).map { $0 == UInt8(ascii: "\t") ? UInt8(ascii: " ") : $0 }
    lines.append(UInt8(ascii: "\n"))
  }
}
