import ChatWire
import Glibc

/// A server that this process started, and ends when it lets go of it.
struct ChildProcess: ~Copyable {
  let pid: pid_t
  /// Set once the kernel has said that it ended: its number may belong to another process from then on.
  private var isOver = false

  /// Starts the program at `path`; all that it says goes to the file `log`.
  init(path: String, arguments: [String], log: String) throws(LoadFailure) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var pid: pid_t = 0
    let result = posix_spawn(&pid, path, &actions, nil, words, environ)
    guard result == 0 else {
      throw LoadFailure(description: "Cannot start \(path): \(SystemCallError("posix_spawn", code: result).reason).")
    }
    self.pid = pid
  }

  /// Ends it at once: it has nothing to keep.
  deinit {
    guard !isOver else { return }
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
  }

  /// Whether it has ended.
  mutating func hasEnded() -> Bool {
    isOver = isOver || waitpid(pid, nil, WNOHANG) != 0
    return isOver
  }

  /// Waits until it listens on TCP port `port`: 10 s at most. It is not connected to, as some take that amiss.
  mutating func waitUntilListening(on port: UInt16) throws(LoadFailure) {
    for _ in 0..<1000 {
      if Self.isListening(on: port) { return }
      if hasEnded() { throw LoadFailure(description: "It ended at once.") }
      usleep(10_000)
    }
    throw LoadFailure(description: "It did not listen on port \(port) within 10 s.")
  }

  /// Looks through the kernel's table of sockets (proc(5), /proc/net/tcp): local address in hexadecimal, and state 0A.
  private static func isListening(on port: UInt16) -> Bool {
    let digits = String(port, radix: 16, uppercase: true)
    let suffix = ":" + String(repeating: "0", count: 4 - digits.count) + digits
    return ["/proc/net/tcp", "/proc/net/tcp6"].contains { path in
      (readSmallFile(path) ?? "").split(separator: "\n").contains { line in
        let fields = line.split(separator: " ")
        return fields.count > 3 && fields[1].hasSuffix(suffix) && fields[3] == "0A"
      }
    }
  }
}

/// A port of 127.0.0.1 that nobody uses, below those that the kernel gives to outgoing connections.
func freePort() throws(LoadFailure) -> UInt16 {
  for _ in 0..<100 {
    let port = UInt16.random(in: 20_000..<30_000)
    let address = Address.internet(host: "127.0.0.1", port: port)
    do {
      guard let resolved = try address.resolved().first else { continue }
      try FileDescriptor.socket(for: resolved).bind(to: resolved)
      return port
    } catch { continue }
  }
  throw LoadFailure(description: "No free port was found from 20000 to 29999.")
}

/// Where a program is: in the directories of PATH, or where Debian puts servers, which PATH may lack.
func findProgram(_ name: String) -> String? {
  let path = getenv("PATH").map { String(cString: $0) } ?? ""
  let directories = path.split(separator: ":").map(String.init) + ["/usr/local/sbin", "/usr/sbin"]
  return directories.lazy.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
}
