import ChatWire
import Glibc

/// Copies standard input to a server, and what the server says to standard output. In each direction it holds what one read
/// brought, and reads no more until that is written, so whoever is slow slows the other side.
struct RelayCopy: ~Copyable {
  /// Bytes that one read brings at most.
  private static let pieceBytes = 64 * 1024
  /// Bytes of one write to standard output, which is left as ssh made it: a stream that is said to be writable takes so many
  /// without blocking, a pipe (PIPE_BUF, pipe(7)) or a socket.
  private static let writeBytes = 4096

  private enum Input {
    case open
    /// All of it was read. The server is told once it has it.
    case ended
    /// The server has been told, or takes nothing any more.
    case done
  }

  private let server: FileDescriptor
  private var input = Input.open
  private var toServer: ArraySlice<UInt8> = []
  private var toOutput: ArraySlice<UInt8> = []

  /// - Parameter server: connected and non-blocking.
  init(server: consuming FileDescriptor) { self.server = server }

  /// Copies until the server ends its stream, and standard output has all that came before.
  /// - Returns: why it could not; nil at the server's end.
  mutating func run() -> SystemCallError? {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let readsInput = input == .open && toServer.isEmpty
      let serverEvents = (toOutput.isEmpty ? POLLIN : 0) | (toServer.isEmpty ? 0 : POLLOUT)
      var entries = [
        // A negative descriptor is passed over (poll(2)): what nobody asks about must not wake us when it hangs up.
        pollfd(fd: readsInput ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: serverEvents == 0 ? -1 : server.number, events: Int16(serverEvents), revents: 0),
        // A hang-up is reported in any case: nobody would read what the server says next.
        pollfd(fd: STDOUT_FILENO, events: Int16(toOutput.isEmpty ? 0 : POLLOUT), revents: 0),
      ]
      guard poll(&entries, nfds_t(entries.count), -1) > 0 else { continue }

      if Int32(entries[2].revents) & (POLLERR | POLLHUP) != 0 { return SystemCallError("write", code: EPIPE) }
      if Int32(entries[2].revents) & POLLOUT != 0, let error = writeOutput() { return error }
      if entries[0].revents != 0, let error = readInput(into: buffer) { return error }
      if !toServer.isEmpty { send() }
      if input == .ended && toServer.isEmpty {
        server.shutdownSending()
        input = .done
      }
      guard entries[1].revents != 0, toOutput.isEmpty else { continue }
      switch server.receive(into: buffer) {
      case .bytes(let count): toOutput = Array(buffer[..<count])[...]
      case .wouldBlock: continue
      case .ended: return nil
      case .failed(let error): return error
      }
    }
  }

  private mutating func readInput(into buffer: UnsafeMutableRawBufferPointer) -> SystemCallError? {
    let count = read(STDIN_FILENO, buffer.baseAddress, buffer.count)
    if count > 0 {
      toServer = Array(buffer[..<count])[...]
    } else if count == 0 {
      input = .ended
    } else if errno != EAGAIN && errno != EINTR {
      return SystemCallError("read")
    }
    return nil
  }

  private mutating func send() {
    switch toServer.withUnsafeBytes({ server.send($0) }) {
    case .bytes(let count): toServer = toServer.dropFirst(count)
    case .wouldBlock: return
    // What it said before, and how it ended, is still to be received.
    case .ended, .failed: (toServer, input) = ([], .done)
    }
  }

  private mutating func writeOutput() -> SystemCallError? {
    let count = toOutput.prefix(Self.writeBytes).withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    if count > 0 { toOutput = toOutput.dropFirst(count) }
    return count < 0 && errno != EAGAIN && errno != EINTR ? SystemCallError("write") : nil
  }
}
