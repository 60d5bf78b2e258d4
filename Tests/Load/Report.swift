import TestSupport

/// What a run found, for people as a table and for programs as JSON.
package struct Report: Sendable {
  package let load: Load
  /// Why the run could not be finished; nil if it was.
  package var failure: String?
  package var deliveries = 0
  package var flaws = Flaws()
  /// Lines that the server itself said in the meantime.
  package var notices = 0
  package var latency = Histogram()
  /// From the first connection until everybody was known to be in the room.
  package var connecting = Elapsed()
  /// From the first line sent until the last was received.
  package var elapsed = Elapsed()
  /// How much of `elapsed` this process waited for the server, or for the next line to be due, with nothing to do.
  package var waitedNanoseconds: UInt64 = 0
  /// The server's memory in KiB: before the first connection, with all in the room, and after the last line.
  package var emptyKiB: Int?
  package var idleKiB: Int?
  package var endKiB: Int?

  init(load: Load) { self.load = load }

  /// Whether every line arrived once, whole and in order.
  package var isClean: Bool { failure == nil && flaws.total == 0 }

  package var deliveriesPerSecond: Double { Self.ratio(Double(deliveries) * 1e9, elapsed.nanoseconds) }

  /// The server's CPU time for one line at one receiver, in nanoseconds: user and kernel, all threads.
  package var serverNanosecondsPerDelivery: Double? {
    elapsed.serverCPU.map { Double($0) / Double(max(1, deliveries)) }
  }

  /// How many processors the server kept busy.
  package var serverCores: Double? { elapsed.serverCPU.map { Self.ratio(Double($0), elapsed.nanoseconds) } }

  /// The server's CPU time for one connection, entering the room included, in microseconds.
  package var serverMicrosecondsPerConnection: Double? {
    connecting.serverCPU.map { Double($0) / 1000 / Double(load.connections) }
  }

  /// This process's CPU time for one delivery, in nanoseconds, without what it spent on waiting. Waiting is asking again
  /// and again, so the CPU time is spent as the time is.
  package var ownNanosecondsPerDelivery: Double {
    Double(elapsed.ownCPU) * ownBusyShare / Double(max(1, deliveries))
  }

  /// The share of the time in which this process had something to do.
  package var ownBusyShare: Double { 1 - min(1, Self.ratio(Double(waitedNanoseconds), elapsed.nanoseconds)) }

  /// Whether this process, and not the server, set the pace: it had something to do all the time, and the server had not.
  package var isToolTheLimit: Bool { ownBusyShare > 0.9 && (serverCores ?? 0) < 0.9 }

  /// Bytes of the server's memory for one connection that says nothing.
  package var bytesPerConnection: Int? {
    guard let emptyKiB, let idleKiB else { return nil }
    return max(0, idleKiB - emptyKiB) * 1024 / load.connections
  }

  /// What a reader has to know before trusting the figures.
  package var warnings: [String] {
    var warnings: [String] = []
    if isToolTheLimit {
      warnings.append(
        "mychatload itself was busy \(Self.percent(ownBusyShare)) of the time, and may have set the pace: deliveries/s and "
          + "latency may be its own, not the server's.")
    }
    if let cores = serverCores, cores > 0, elapsed.nanoseconds > 0, elapsed.nanoseconds < 100_000_000 {
      warnings.append(
        "The lines took only \(Self.duration(elapsed.nanoseconds)); send more --lines for steady figures.")
    }
    return warnings
  }

  private static func ratio(_ part: Double, _ whole: UInt64) -> Double { whole == 0 ? 0 : part / Double(whole) }
}
