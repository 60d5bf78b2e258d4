import Glibc

/// Ignores SIGPIPE: writing to a peer that has gone then fails with `EPIPE`.
package func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

/// Ignores SIGXFSZ: writing to a file that may not grow any more then fails with `EFBIG`.
package func ignoreFileSizeLimit() { signal(SIGXFSZ, SIG_IGN) }

/// Opens `/dev/null` where a standard stream is closed. Otherwise the next socket would get its number, and what is meant for
/// people would be sent to a peer. It is opened for reading only, so that writes fail as they would have.
package func occupyStandardStreams() {
  for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) < 0 {
    _ = open("/dev/null", O_RDONLY)
  }
}

/// Ends a program that cannot see what it was told: Swift reads the arguments from /proc, and finds none, not even the program's
/// name, where that is not mounted.
package func demandArguments() {
  guard CommandLine.arguments.isEmpty else { return }
  StandardOutput.report(error: "The arguments cannot be read, because /proc is not mounted. Mount it first.")
  exit(EXIT_FAILURE)
}

/// Raises the soft limit of open descriptors to the hard limit.
/// - Returns: how many descriptors this process may have open.
@discardableResult
package func raiseDescriptorLimit() -> Int {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
  limit.rlim_cur = limit.rlim_max
  _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
  return Int(clamping: limit.rlim_cur)
}
