/// The state of all clocks at one moment.
struct Moment {
  let time: UInt64
  private let serverCPU: UInt64?
  private let ownCPU: UInt64

  init(_ server: ServerProcess?) {
    serverCPU = server?.cpuNanoseconds
    ownCPU = ownCPUNanoseconds()
    time = monotonicNanoseconds()
  }

  func since(_ earlier: Moment) -> Elapsed {
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

/// Keeps account of the time that this process waits with nothing to do, asking for events that do not come.
struct Idling {
  private(set) var total = Elapsed()
  private var since: Moment?

  /// Called after each time of asking. The clocks are read only where waiting begins and ends.
  @inline(__always)
  mutating func found(_ something: Bool) {
    if something == (since != nil) { change() }
  }

  @inline(never)
  private mutating func change() {
    let now = Moment(nil)
    if let since {
      let waited = now.since(since)
      total.nanoseconds += waited.nanoseconds
      total.ownCPU += waited.ownCPU
      self.since = nil
    } else {
      since = now
    }
  }
}
