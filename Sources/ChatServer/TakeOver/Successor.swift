import CLinux
import ChatWire
import Glibc

/// The program that can go on in place of this one: what stands now at the path that this one was started by, with the same
/// arguments. `/proc/self/exe` would not do, as after an upgrade that is still the old file.
package struct Successor: Sendable {
  let path: String
  /// Each with its terminating zero. As they were given, because text need not be UTF-8.
  private let arguments: [[CChar]]

  /// In the environment: the descriptor of what a program goes on with.
  static let variable = "MYCHAT_TAKEOVER_FD"
  /// How a program is asked whether it could; the descriptor follows.
  package static let question = "--check-takeover"
  /// The line by which it says that it could. The status alone is not enough: most programs end with 0.
  package static let ready = "[TAKEOVER] ready"

  /// To be called at the start, while the path leads to this program.
  /// - Returns: nil if its file cannot be found.
  package static func ofThisProgram() -> Successor? {
    let arguments = (0..<Int(CommandLine.argc)).compactMap { index in
      CommandLine.unsafeArgv[index].map { Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1)) }
    }
    guard let first = CommandLine.arguments.first, let own = FileIdentity(following: "/proc/self/exe") else {
      return nil
    }
    var candidates: [String] = []
    if first.utf8.contains(UInt8(ascii: "/")) {
      candidates.append(absolute(first))
    } else if let path = getenv("PATH") {
      candidates += String(cString: path).split(separator: ":").map { absolute("\($0)/\(first)") }
    }
    candidates += fileOfThisProcess.map { [$0] } ?? []
    return candidates.first { FileIdentity(following: $0) == own }.map { Successor(path: $0, arguments: arguments) }
  }

  /// Links stay as they are: an upgrade may be another link.
  private static func absolute(_ path: String) -> String {
    guard !path.utf8.starts(with: "/".utf8), let directory = getcwd(nil, 0) else { return path }
    defer { free(directory) }
    return "\(String(cString: directory))/\(path)"
  }

  private static var fileOfThisProcess: String? {
    var target = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &target, target.count)
    return count > 0 ? String(decoding: target.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
  }

  // MARK: Becoming it

  /// Has this process be that program. Descriptors that are not closed on exec stay open. Returns only if that fails.
  func replaceThisProgram(handingOver state: MemoryFile) -> SystemCallError {
    let environment = Self.environment + ["\(Self.variable)=\(state.descriptor.number)".utf8CString.map { $0 }]
    return withPointers(to: arguments) { arguments in
      withPointers(to: environment) { environment in
        // Queues' threads block nearly all signals, and exec inherits that. The ones that both programs take stay blocked, and
        // so pending, until the next one takes them.
        var (mask, former) = (StopSignals.mask, sigset_t())
        pthread_sigmask(SIG_SETMASK, &mask, &former)
        execve(path, arguments, environment)
        let error = SystemCallError("execve")
        pthread_sigmask(SIG_SETMASK, &former, nil)
        return error
      }
    }
  }

  // MARK: Asking it

  /// Starts the program with what it would go on with, and lets it say whether it can.
  /// - Returns: why it cannot, as a sentence; nil if it can.
  func refusal(of state: MemoryFile, by deadline: Moment) -> String? {
    do throws(SystemCallError) {
      let pipe = try Pipe()
      let pid = try start(with: state, sayingTo: pipe.writeEnd)
      return judge(pid, saying: pipe.takeReadEnd(), by: deadline)
    } catch { return "'\(path)' cannot be started: \(error.reason)." }
  }

  private func judge(_ pid: pid_t, saying output: consuming FileDescriptor, by deadline: Moment) -> String? {
    let words = Self.read(output, by: deadline)
    guard let status = Self.wait(for: pid, by: deadline) else {
      return "'\(path)' has not said within \(Self.patienceSeconds) s whether it can."
    }
    let last = words.split(separator: "\n").last.map(String.init) ?? ""
    if status == 0 { return last == Self.ready ? nil : "'\(path)' is no mychatserver." }
    let prefix = "[ERROR] "
    if !last.isEmpty {
      return last.hasPrefix(prefix) ? String(last.dropFirst(prefix.count)) : "'\(path)' says: \(last)"
    }
    let signal = status & 0x7F
    return signal == 0
      ? "'\(path)' ended with status \(status >> 8 & 0xFF)."
      : "'\(path)' ended by signal \(signal) (\(String(cString: strsignal(signal))))."
  }

  static let patienceSeconds = 5
  /// Bytes of what it says that are looked at.
  private static let maximumWords = 4 << 10

  private func start(
    with state: MemoryFile, sayingTo output: borrowing FileDescriptor
  ) throws(SystemCallError) -> pid_t {
    var (actions, attributes) = (posix_spawn_file_actions_t(), posix_spawnattr_t())
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output.number, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output.number, STDERR_FILENO)
    // Last, as the number may be that of the output. All others are closed on exec.
    let number: CInt = 3
    posix_spawn_file_actions_adddup2(&actions, state.descriptor.number, number)
    // It is to be as killable as any program.
    var (all, none) = (sigset_t(), sigset_t())
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setsigmask(&attributes, &none)
    // POSIX_SPAWN_SETSIGDEF and _SETSIGMASK of <spawn.h>, which Swift's Glibc hides.
    posix_spawnattr_setflags(&attributes, 0x04 | 0x08)
    // Before its arguments, which may have a `--`.
    let question = [Self.question, "\(number)"].map { $0.utf8CString.map { $0 } }
    var pid: pid_t = 0
    let code = withPointers(to: arguments.prefix(1) + question + arguments.dropFirst()) { arguments in
      withPointers(to: Self.environment) { posix_spawn(&pid, path, &actions, &attributes, arguments, $0) }
    }
    guard code == 0 else { throw SystemCallError("posix_spawn", code: code) }
    return pid
  }

  private static func read(_ output: borrowing FileDescriptor, by deadline: Moment) -> String {
    var words: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: maximumWords)
    reading: while output.wait(for: POLLIN, until: deadline) {
      switch buffer.withUnsafeMutableBytes({ output.read(into: $0) }) {
      case .bytes(let count): words = (words + buffer[..<count]).suffix(maximumWords)
      case .wouldBlock: continue
      case .ended, .failed: break reading
      }
    }
    let lines = words.split(separator: UInt8(ascii: "\n"))
    return lines.map { String(decoding: SafeText.made(from: Array($0)), as: UTF8.self) }.joined(separator: "\n")
  }

  /// - Returns: how it ended, as wait(2) has it; nil if it had to be killed.
  private static func wait(for pid: pid_t, by deadline: Moment) -> CInt? {
    var status: CInt = 0
    while true {
      let found = waitpid(pid, &status, WNOHANG)
      if found == pid { return status }
      if found < 0, errno != EINTR { return 0xFF << 8 }
      if deadline.hasPassed { break }
      _ = poll(nil, 0, 5)
    }
    kill(pid, SIGKILL)
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return nil
  }

  // MARK: C strings

  /// This process's environment, each with its terminating zero.
  private static var environment: [[CChar]] {
    var variables: [[CChar]] = []
    guard var next = linux_environment() else { return [] }
    while let variable = next.pointee {
      variables.append(Array(UnsafeBufferPointer(start: variable, count: strlen(variable) + 1)))
      next += 1
    }
    return variables
  }

  private func withPointers<Result>(
    to strings: some Collection<[CChar]>, _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let pointers = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers)
  }
}
