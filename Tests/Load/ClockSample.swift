import TestSupport

/// The state of all clocks at one moment.
struct ClockSample {
  let time: UInt64
  private let serverCPU: UInt64?
  private let ownCPU: UInt64

  init(_ server: ProcessFigures?) {
    serverCPU = server?.cpuNanoseconds
    ownCPU = ownCPUNanoseconds()
    time = monotonicNanoseconds()
  }

  func since(_ earlier: ClockSample) -> Elapsed {
    Elapsed(
      nanoseconds: time - earlier.time, ownCPU: ownCPU - earlier.ownCPU,
      serverCPU: serverCPU.flatMap { now in earlier.serverCPU.map { now - $0 } })
  }
}

/// What went by between two moments, in nanoseconds.
package struct Elapsed: Sendable {
  package var nanoseconds: UInt64 = 0
  /// CPU time of this process.
  package var ownCPU: UInt64 = 0
  /// CPU time of the server's process; nil if none is known.
  package var serverCPU: UInt64?
}
