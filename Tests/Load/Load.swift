import ChatWire
import TestSupport

/// A load to measure: who is in the room, what is said there, and how fast.
package struct Load: Sendable, Equatable {
  /// What decides when the next line is sent.
  package enum Pace: Sendable, Equatable {
    /// As fast as it goes, with at most this many lines on their way: sent, and not yet heard by the slowest receiver.
    case window(Int)
    /// This many lines a second in all, evenly spaced, however long the server takes.
    case rate(Double)
  }

  package var address: Address
  package var dialect: Dialect
  /// Connections that hear the room.
  package var receivers: Int
  /// How many of the receivers also send. With Redis, where a subscriber may not publish, so many more connections.
  package var senders: Int
  /// Lines sent in all, shared out evenly among the senders.
  package var lines: Int
  /// Bytes of a line as the receivers see it, without the sender's name and with its newline.
  package var bytes: Int
  package var pace: Pace
  /// The server's process, where its CPU time and memory are wanted.
  package var process: Int32?
  /// The most seconds that connecting may take, and again that the lines may take.
  package var timeout: Double

  package static let standard = Load(
    address: .standard, dialect: .line, receivers: 100, senders: 1, lines: 20_000, bytes: 64, pace: .window(256),
    process: nil, timeout: 60)

  /// Bytes of a line's text: all but its newline.
  var textBytes: Int { bytes - 1 }

  /// Connections in all.
  package var connections: Int { dialect.sendersListen ? receivers : receivers + senders }

  /// Lines that receivers have to get in all; a sender does not hear its own.
  package var deliveries: Int { dialect.sendersListen ? lines * (receivers - 1) : lines * receivers }

  /// The lines of one sender.
  func share(ofSender sender: Int) -> Int { lines / senders + (sender < lines % senders ? 1 : 0) }

  /// The order of each sender's lines is kept for each receiver, in four bytes.
  package static let maximumPairs = 250_000_000

  /// What is wrong with this load, and what to do about it; nil if it can be run.
  package var problem: String? {
    if receivers < (dialect.sendersListen ? 2 : 1) { return "--receivers must be at least 2: nobody hears themselves." }
    if senders < 1 { return "--senders must be at least 1." }
    if dialect.sendersListen, senders > receivers {
      return "--senders may be at most --receivers (\(receivers)): the senders are some of the receivers."
    }
    if receivers.multipliedReportingOverflow(by: senders).overflow || receivers * senders > Self.maximumPairs {
      return "--receivers times --senders may be at most \(Self.maximumPairs)."
    }
    if lines < senders { return "--lines must be at least --senders (\(senders))." }
    if lines > Int(UInt32.max) { return "--lines may be at most \(UInt32.max)." }
    let mostBytes = dialect.maximumLineBytes
    if !(Stamp.bytes + 1...mostBytes).contains(bytes) {
      return "--bytes must be from \(Stamp.bytes + 1) to \(mostBytes)."
    }
    switch pace {
    case .window(let lines): if lines < 1 { return "--window must be at least 1." }
    case .rate(let rate): if !(rate > 0 && rate <= 1e8) { return "--rate must be over 0, and at most 100000000." }
    }
    if let process, process < 1 { return "--pid must be the number of a process." }
    if !(timeout > 0 && timeout <= 86_400) { return "--timeout must be over 0, and at most 86400 seconds." }
    return nil
  }
}

/// A run that could not be finished: why, and what to do about it.
package struct LoadFailure: Error, Equatable, CustomStringConvertible {
  package let description: String
  package init(description: String) { self.description = description }
}

/// Runs `load`. A failure once lines flow is part of the report.
/// - Throws: the reason why the load could not begin.
package func measure(_ load: Load, onProgress: @escaping (Progress) -> Void) throws(LoadFailure) -> Report {
  if let problem = load.problem { throw LoadFailure(description: problem) }
  let spare = 32
  let limit = raiseDescriptorLimit()
  guard load.connections <= limit - spare else {
    throw LoadFailure(
      description:
        "This load needs \(load.connections) connections, and this process may have \(limit) open files at most. "
        + "Ask for fewer --receivers, or raise the hard limit (ulimit -Hn).")
  }
  let server = load.process.flatMap { ProcessFigures(of: $0) }
  if let pid = load.process, server == nil {
    throw LoadFailure(description: "There is no process \(pid); give --pid the number of the server's.")
  }
  var run = try LoadRun(load, server: server, onProgress: onProgress)
  return try run.run()
}
