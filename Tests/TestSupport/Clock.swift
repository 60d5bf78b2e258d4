import Glibc

/// Nanoseconds on the clock that never jumps.
package func monotonicNanoseconds() -> UInt64 { nanoseconds(of: CLOCK_MONOTONIC) ?? 0 }

/// Nanoseconds of CPU time that this process has used.
package func ownCPUNanoseconds() -> UInt64 { nanoseconds(of: CLOCK_PROCESS_CPUTIME_ID) ?? 0 }

/// Nil if there is no such clock, or none any more.
func nanoseconds(of clock: clockid_t) -> UInt64? {
  var time = timespec()
  guard clock_gettime(clock, &time) == 0 else { return nil }
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
