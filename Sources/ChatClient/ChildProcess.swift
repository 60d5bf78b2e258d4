import CLinux
import ChatWire
import Glibc

/// Programs that the client starts.
enum ChildProcess {
  /// Starts a program, which is looked for in PATH and gets this environment.
  /// - Parameters:
  ///   - arguments: the first is its name.
  ///   - streams: which descriptor it has under which number, besides those that it inherits.
  ///   - blocked: signals that it does not get.
  /// - Throws: `ENOENT` where there is no such program.
  static func start(
    _ arguments: [String], streams: [(own: CInt, number: CInt)] = [], blocking blocked: [CInt] = []
  ) throws(SystemCallError) -> pid_t {
    // Where it is ignored, nobody is told how a child ended (wait(2)).
    signal(SIGCHLD, SIG_DFL)
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    for (own, number) in streams { posix_spawn_file_actions_adddup2(&actions, own, number) }
    var mask = Self.set(of: blocked)
    posix_spawnattr_setsigmask(&attributes, &mask)
    // What we ignore it would ignore as well.
    var defaults = Self.set(of: [SIGPIPE, SIGXFSZ, SIGINT, SIGQUIT])
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    // POSIX_SPAWN_SETSIGDEF and POSIX_SPAWN_SETSIGMASK of <spawn.h>, which Swift's Glibc hides.
    posix_spawnattr_setflags(&attributes, 0x04 | 0x08)

    var pid: pid_t = 0
    let texts = arguments.map { strdup($0) } + [nil]
    defer { for text in texts { free(text) } }
    let code = posix_spawnp(&pid, arguments.first ?? "", &actions, &attributes, texts, linux_environment())
    guard code == 0 else { throw SystemCallError("posix_spawnp", code: code) }
    return pid
  }

  private static func set(of signals: [CInt]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    return set
  }
}
