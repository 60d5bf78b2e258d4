import ChatWire
import Glibc

/// How a connection over ssh begins: ssh is started, and the relay at the other end says that it is ready. All that is said
/// before, by ssh or by what a login at the host prints, is for the person.
struct SSHBeginning: ~Copyable {
  enum Outcome {
    case ready
    /// ssh has ended, or the host has ended the stream.
    case ended(SSHProcess.Exit)
    case stopped
  }

  private let socket: FileDescriptor
  private let ssh: SSHProcess
  /// What has come of a line.
  private var line: [UInt8] = []

  /// Starts ssh.
  /// - Throws: `ENOENT` where none is installed.
  init(_ address: SSHAddress, _ manner: SSHProcess.Manner) throws(SystemCallError) {
    let pair = try SocketPair()
    try pair.near.setBlocking(false)
    ssh = try SSHProcess(to: address, manner, stream: pair.far)
    socket = pair.takeNear()
  }

  /// - Parameters:
  ///   - stop: a descriptor that ends the wait once it can be read.
  ///   - show: gets what is said, as whole lines that are safe to show.
  mutating func awaitRelay(until deadline: Moment, unless stop: CInt, show: ([UInt8]) -> Void) -> Outcome {
    while true {
      var entries = [socket.number, ssh.words.descriptor, stop].map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      let count = poll(&entries, nfds_t(entries.count), deadline.millisecondsForPoll)
      if count < 0 { continue }
      if count == 0 || entries[2].revents != 0 { return .stopped }
      let words = ssh.words.take()
      if !words.isEmpty { show(words) }
      guard entries[0].revents != 0 else { continue }
      switch hear(show) {
      case nil: continue
      case true?: return .ready
      case false?:
        let exit = ssh.waitForExit()
        let words = ssh.words.take(isLast: true)
        if !words.isEmpty { show(words) }
        return .ended(exit)
      }
    }
  }

  /// Receives as far as the end of a line, because what follows the relay's is the server's.
  /// - Returns: whether the relay is ready; false at the end of the stream, nil as long as neither is known.
  private mutating func hear(_ show: ([UInt8]) -> Void) -> Bool? {
    var piece = [UInt8](repeating: 0, count: 4096)
    let there = recv(socket.number, &piece, piece.count, CInt(MSG_PEEK))
    if there < 0 && (errno == EAGAIN || errno == EINTR) { return nil }
    let end = piece.prefix(max(0, there)).firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
    if there > 0 {
      let count = recv(socket.number, &piece, end ?? there, 0)
      line += piece.prefix(max(0, count))
      if end == nil && line.count < LineDecoder.maximumLineBytes { return nil }
    }
    defer { line = [] }
    if line.last == UInt8(ascii: "\n") { line.removeLast() }
    // What a login prints may have no newline, and then the relay's line continues it.
    let isReady = end != nil && line.suffix(Relay.readyLine.utf8.count).elementsEqual(Relay.readyLine.utf8)
    if isReady { line.removeLast(Relay.readyLine.utf8.count) }
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    if !line.isEmpty || (end != nil && !isReady) {
      var lines: [UInt8] = []
      SSHWords.append(line, to: &lines)
      show(lines)
    }
    return isReady ? true : there > 0 ? nil : false
  }

  /// Gives up. ssh has ended when this returns, and has given the terminal back.
  func giveUp() {
    ssh.terminate()
    _ = ssh.waitForExit()
  }

  /// The connection; the relay is ready.
  consuming func connection() -> ServerConnection { ServerConnection(socket, through: ssh) }
}
