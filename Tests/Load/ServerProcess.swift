import ChatWire
import Glibc

/// What the kernel says of another process: the CPU time of all its threads, and its memory.
package struct ServerProcess: Sendable {
  private let pid: Int32
  /// The process's CPU-time clock: nanoseconds in user and kernel mode, threads that have ended included, which the sum over
  /// /proc/PID/task would miss (clock_getcpuclockid(3)).
  private let clock: clockid_t

  /// The most that Linux ever gives (proc(5), pid_max).
  private static let largestPID: Int32 = 1 << 22

  package init(pid: Int32) throws(LoadFailure) {
    var clock = clockid_t()
    // A larger number has no room in the number of its clock, which would be another process's.
    guard (1...Self.largestPID).contains(pid), clock_getcpuclockid(pid, &clock) == 0 else {
      throw LoadFailure(description: "There is no process \(pid); give --pid the number of the server's.")
    }
    self.pid = pid
    self.clock = clock
  }

  /// Nanoseconds of CPU time so far; nil if the process has ended.
  package var cpuNanoseconds: UInt64? {
    var time = timespec()
    guard clock_gettime(clock, &time) == 0 else { return nil }
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// KiB in memory now (VmRSS, proc(5)): the process's own, not the kernel's socket buffers. Nil if it has ended.
  package var residentKiB: Int? {
    guard let status = readSmallFile("/proc/\(pid)/status") else { return nil }
    for line in status.split(separator: "\n") where line.hasPrefix("VmRSS:") {
      return line.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int($0) }
    }
    return nil
  }
}

/// The first 64 KiB of a file, as the kernel's small ones are read; nil if there is none.
func readSmallFile(_ path: String) -> String? {
  let number = open(path, O_RDONLY | O_CLOEXEC)
  guard number >= 0 else { return nil }
  let file = FileDescriptor(owning: number)
  var text: [UInt8] = []
  withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { buffer in
    while text.count < 65536, case .bytes(let count) = file.read(into: buffer) {
      text.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }
  return String(decoding: text, as: UTF8.self)
}
