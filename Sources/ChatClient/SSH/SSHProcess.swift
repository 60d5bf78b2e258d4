import ChatWire
import Dispatch
import Glibc
import Synchronization

/// The person's own ssh, which runs a relay at the other end. It has their keys, their settings, and the controlling terminal,
/// on which it asks its questions. Any thread may use it.
final class SSHProcess: Sendable {
  /// Who waits for ssh to connect.
  enum Manner: Sendable {
    /// A person, who is asked what has to be asked, and gives up by Ctrl-C.
    case person
    /// A script. A person beside it may be asked.
    case script
    /// Nobody: a broken connection is made again, perhaps in the middle of a line that is typed.
    case nobody

    fileprivate var options: [String] {
      switch self {
      case .person: []
      case .script: ["-o", "ConnectTimeout=10"]
      case .nobody: ["-o", "ConnectTimeout=10", "-o", "BatchMode=yes"]
      }
    }
  }

  enum Exit: Equatable, Sendable {
    case status(CInt)
    case signal(CInt)
  }

  /// How long ssh may take to end once its streams have.
  private static let endTime = Duration.seconds(2)
  /// Seconds without a word from the host after which ssh asks it, and the number of questions without an answer after which it
  /// gives up.
  private static let (aliveInterval, aliveCount) = (15, 2)
  /// How long ssh may go on with a host that has vanished: the interval before the first question too.
  static let silenceTime = Duration.seconds(aliveInterval * (aliveCount + 1))

  /// What of a person's ssh_config would keep the relay from its streams, or do what nobody expects of a chat, is overruled.
  /// ControlMaster too, because a master stays until others that use its connection have ended; an existing one is used.
  private static let fixedOptions =
    ["-T", "-a", "-x"]
    + [
      "RemoteCommand=none", "RequestTTY=no", "ClearAllForwardings=yes", "SessionType=default", "StdinNull=no",
      "ForkAfterAuthentication=no", "PermitLocalCommand=no", "Tunnel=no", "ControlMaster=no",
      "ServerAliveInterval=\(aliveInterval)", "ServerAliveCountMax=\(aliveCount)",
    ].flatMap { ["-o", $0] }

  /// What it and the host say on standard error.
  let words: SSHWords
  private let pid: pid_t
  /// Nil while it runs.
  private let exit = Mutex<Exit?>(nil)
  /// Called once, at its end.
  private let ended: Wakeup

  /// Starts ssh.
  /// - Parameters:
  ///   - stream: becomes its standard input and output. Others may not have it open once ssh runs.
  /// - Throws: `ENOENT` where no ssh is installed.
  init(to address: SSHAddress, _ manner: Manner, stream: borrowing FileDescriptor) throws(SystemCallError) {
    let pipe = try Pipe()
    ended = try Wakeup()
    pid = try Self.spawn(Self.arguments(for: address, manner), stream: stream.number, errors: pipe.writeEnd.number)
    words = try SSHWords(pipe.takeReadEnd())
    DispatchQueue(label: "mychat.ssh").async { self.awaitEnd() }
  }

  private static func arguments(for address: SSHAddress, _ manner: Manner) -> [String] {
    let target = (address.port.map { ["-p", String($0)] } ?? []) + (address.user.map { ["-l", $0] } ?? [])
    let command = "mychatclient --relay" + (address.path.map { " \($0)" } ?? "")
    return ["ssh"] + fixedOptions + manner.options + target + ["--", address.host, command]
  }

  private static func spawn(_ arguments: [String], stream: CInt, errors: CInt) throws(SystemCallError) -> pid_t {
    // Ctrl-C is for the client, which ends ssh if that is what it means. Blocked and not ignored, because only the mask can be
    // given to a child without changing our own.
    try ChildProcess.start(
      arguments, streams: [(stream, STDIN_FILENO), (stream, STDOUT_FILENO), (errors, STDERR_FILENO)],
      blocking: [SIGINT])
  }

  private func awaitEnd() {
    var information = siginfo_t()
    // It is reaped under the lock, so that no signal can go to another process that has got the number.
    while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
    exit.withLock { exit in
      var status: CInt = 0
      _ = waitpid(pid, &status, 0)
      exit = status & 0x7F == 0 ? .status(status >> 8 & 0xFF) : .signal(status & 0x7F)
    }
    ended.call()
  }

  /// Asks it to end, as Ctrl-C would: it gives the terminal back.
  func terminate() { send(SIGTERM) }

  private func send(_ signal: CInt) { exit.withLock { if $0 == nil { kill(pid, signal) } } }

  /// Waits for its end, which is near: its streams have ended, or it was asked to end.
  func waitForExit() -> Exit {
    if !ended.isCalled(by: .now + Self.endTime) {
      send(SIGKILL)
      _ = ended.isCalled(by: .never)
    }
    return exit.withLock { $0 } ?? .signal(SIGKILL)
  }
}
