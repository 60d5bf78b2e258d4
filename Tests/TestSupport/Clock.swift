import ChatWire
import Glibc

/// Nanoseconds on the monotonic clock.
package func monotonicNanoseconds() -> UInt64 { Moment.now.nanoseconds }

/// Nanoseconds of CPU time that this process has used.
package func ownCPUNanoseconds() -> UInt64 { nanoseconds(of: CLOCK_PROCESS_CPUTIME_ID) ?? 0 }

/// Nanoseconds of CPU time that this thread has used: what takes longer because other programs run does not count.
package func threadNanoseconds() -> UInt64 { nanoseconds(of: CLOCK_THREAD_CPUTIME_ID) ?? 0 }

/// Nil if the clock does not exist, or its process has ended.
func nanoseconds(of clock: clockid_t) -> UInt64? {
  var time = timespec()
  guard clock_gettime(clock, &time) == 0 else { return nil }
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
