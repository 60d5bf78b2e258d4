import ChatWire
import Glibc

/// One posix_spawn(3): what the new program's standard streams are, then the start. Built up and used by `Program` only.
struct Spawn: ~Copyable {
  private var actions = posix_spawn_file_actions_t()
  private var attributes = posix_spawnattr_t()
  /// The program's ends of its pipes, kept open until it has them.
  private var ends: [CInt] = []
  private var hasTerminal = false

  init() {
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
  }

  deinit {
    var (actions, attributes) = (actions, attributes)
    posix_spawn_file_actions_destroy(&actions)
    posix_spawnattr_destroy(&attributes)
    for end in ends { close(end) }
  }

  /// Makes `stream` the program's descriptor `number`.
  /// - Returns: this process's end of it, where that is a pipe; it does not block.
  mutating func connect(_ stream: Program.Stream, to number: CInt) throws -> FileDescriptor? {
    let isInput = number == STDIN_FILENO
    switch stream {
    case .nothing:
      posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
    case .file(let path):
      let flags = isInput ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND
      posix_spawn_file_actions_addopen(&actions, number, path, flags, 0o600)
    case .terminal(let pty):
      // The first terminal that the leader of a session opens becomes its controlling terminal.
      posix_spawn_file_actions_addopen(&actions, number, pty.path, O_RDWR, 0)
      hasTerminal = true
    case .pipe:
      var numbers: [CInt] = [-1, -1]
      guard pipe(&numbers) == 0 else { throw SystemCallError("pipe") }
      let (own, theirs) = isInput ? (numbers[1], numbers[0]) : (numbers[0], numbers[1])
      ends.append(theirs)
      for end in numbers { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      posix_spawn_file_actions_adddup2(&actions, theirs, number)
      let end = FileDescriptor(owning: own)
      try end.setBlocking(false)
      return end
    }
    return nil
  }

  /// Starts the program. With a terminal it gets its own session; without, Ctrl-C ends it together with this process.
  mutating func run(_ path: String, _ arguments: [String], _ environment: [String]) throws -> pid_t {
    try closeEverythingElse()
    // Ignored signals stay ignored across an exec: the program has to start with none.
    var all = sigset_t()
    var none = sigset_t()
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setsigmask(&attributes, &none)
    // POSIX_SPAWN_SETSIGDEF, _SETSIGMASK and _SETSID of <spawn.h>, which Swift's Glibc hides.
    posix_spawnattr_setflags(&attributes, 0x04 | 0x08 | (hasTerminal ? 0x80 : 0))

    var pid: pid_t = 0
    let arguments = arguments.map { strdup($0) } + [nil]
    let environment = environment.map { strdup($0) } + [nil]
    defer { for text in arguments + environment { free(text) } }
    let code = posix_spawn(&pid, path, &actions, &attributes, arguments, environment)
    guard code == 0 else {
      throw TestFailure("cannot start \(path): \(SystemCallError("posix_spawn", code: code).reason)")
    }
    return pid
  }

  /// Tests run in parallel in this process: a socket of another test that this program inherited would stay open.
  private mutating func closeEverythingElse() throws {
    typealias CloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, CInt) -> CInt
    guard let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") else {
      throw TestFailure("this C library has no posix_spawn_file_actions_addclosefrom_np; glibc 2.34 or newer is needed")
    }
    _ = unsafeBitCast(symbol, to: CloseFrom.self)(&actions, 3)
  }
}
