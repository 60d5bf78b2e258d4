/// How long the link waits for what, and how much it sends.
package struct LinkLimits: Sendable {
  /// How long connecting to one address may take.
  package var connecting = Duration.seconds(2)
  /// How long Redis may take to answer what is asked on the connection that appends.
  package var answering = Duration.seconds(2)
  /// How long Redis waits for something to come before it answers a read without anything.
  package var reading = Duration.seconds(2)
  /// How long the answer to a read may take. Longer than `reading`, for a Redis that is busy at that moment.
  package var answeringRead = Duration.milliseconds(4500)
  /// Time between two beats. A server that was not heard for 6 s is taken off by the others.
  package var beating = Duration.seconds(2)
  /// How long there may be no link before those who wait are told.
  package var silence = Duration.seconds(2)
  /// Time between two turns, and between two reads. Each costs Redis and every server a wake-up, whatever is in it, so a busy
  /// room goes in fewer and larger ones.
  package var appendPace = Duration.microseconds(1100)
  package var readPace = Duration.microseconds(1100)
  /// Turns that are sent and not answered, at most. With one alone, each would wait for a round trip.
  package var window = 2
  /// Bytes that are submitted and not sent, above which nobody may submit another line.
  package var backlog = 64 << 10
  /// Waits between attempts to connect.
  package var shortestWait = Duration.milliseconds(50)
  package var longestWait = Duration.seconds(2)

  package init() {}
}

/// The waits between attempts to connect: each twice the one before, up to the longest, and each drawn at random around that, so
/// that many servers do not come back all at once.
struct ConnectBackoff {
  private let shortest: Duration
  private let longest: Duration
  private var wait: Duration

  init(_ limits: LinkLimits) {
    shortest = limits.shortestWait
    longest = limits.longestWait
    wait = shortest
  }

  mutating func next(using random: inout some RandomNumberGenerator) -> Duration {
    defer { wait = min(longest, wait * 2) }
    return wait * Double.random(in: 0.75...1, using: &random)
  }

  mutating func reset() { wait = shortest }
}
