import Glibc

/// What the kernel reports about another process: CPU time of all its threads, memory and descriptors.
package struct ProcessFigures: Sendable {
  private let pid: pid_t
  /// The process's CPU-time clock: nanoseconds in user and kernel mode, threads that have ended included, which the sum over
  /// /proc/PID/task would miss (clock_getcpuclockid(3)).
  private let clock: clockid_t

  /// The most that Linux ever gives (proc(5), pid_max).
  private static let largestPID: pid_t = 1 << 22

  /// Nil if there is no such process.
  package init?(of pid: pid_t) {
    var clock = clockid_t()
    // The clock's number would wrap, and be that of another process.
    guard (1...Self.largestPID).contains(pid), clock_getcpuclockid(pid, &clock) == 0 else { return nil }
    self.pid = pid
    self.clock = clock
  }

  /// Nanoseconds of CPU time so far; nil if the process has ended.
  package var cpuNanoseconds: UInt64? { nanoseconds(of: clock) }

  /// KiB in memory now, and at most so far: the process's own, not the kernel's socket buffers. Nil if it has ended.
  package var residentKiB: Int? { status("VmRSS:").flatMap { Int($0) } }
  package var peakKiB: Int? { status("VmHWM:").flatMap { Int($0) } }

  package var isAlive: Bool { (status("State:") ?? "Z") != "Z" }

  /// What follows `name` in /proc/PID/status (proc(5)).
  private func status(_ name: String) -> Substring? {
    let line = text(ofFile: "/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix(name) }
    return line?.split { $0 == " " || $0 == "\t" }.dropFirst().first
  }

  /// The targets of the links in /proc/PID/fd, one for each descriptor (proc(5)): `socket:[…]` or a path.
  package var openFiles: [String] {
    guard let directory = opendir("/proc/\(pid)/fd") else { return [] }
    defer { closedir(directory) }
    var files: [String] = []
    var target = [CChar](repeating: 0, count: Int(PATH_MAX))
    while let entry = readdir(directory) {
      let count = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { readlinkat(dirfd(directory), $0, &target, target.count) }
      }
      // `.` and `..` are no links.
      if count >= 0 { files.append(String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)) }
    }
    return files
  }
}

/// A TCP socket of this machine, as /proc/net/tcp lists it (proc(5)).
package struct ListedSocket {
  package let localPort: UInt16
  package let remotePort: UInt16
  package let isListening: Bool
  /// Bytes in the send queue that the other end has not acknowledged.
  package let unacknowledged: Int

  package static var all: [ListedSocket] {
    ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { text(ofFile: $0).split(separator: "\n").dropFirst() }.compactMap {
      line in
      // "12: LOCAL:PORT REMOTE:PORT STATE SENDING:RECEIVING", all in hexadecimal; state 0A listens.
      let words = line.split(separator: " ", maxSplits: 5)
      guard words.count > 4, let local = number(words[1].suffix(4)), let remote = number(words[2].suffix(4)),
        let unacknowledged = number(words[4].prefix(8))
      else { return nil }
      return ListedSocket(
        localPort: UInt16(local), remotePort: UInt16(remote), isListening: words[3] == "0A",
        unacknowledged: unacknowledged)
    }
  }

  private static func number(_ digits: Substring) -> Int? { Int(digits, radix: 16) }
}
