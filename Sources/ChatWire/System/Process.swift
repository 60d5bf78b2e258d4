import Glibc

/// Ends the habit of a process to die when it writes to a peer that has gone: the write fails instead.
package func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

/// Opens `/dev/null` where a standard stream is closed: its number would go to a connection, and what is meant for people to
/// a peer. What stands in for an output takes nothing, so that a write fails as it would have.
package func occupyStandardStreams() {
  for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) < 0 {
    _ = open("/dev/null", O_RDONLY)
  }
}

/// Allows this process all the descriptors that its hard limit grants.
/// - Returns: the number of descriptors it may have open.
@discardableResult
package func raiseDescriptorLimit() -> Int {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
  limit.rlim_cur = limit.rlim_max
  _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
  return Int(clamping: limit.rlim_cur)
}
