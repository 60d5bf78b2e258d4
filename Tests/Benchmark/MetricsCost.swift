import ArgumentParser
import ChatLoad
import ChatWire
import Dispatch
import Glibc
import Synchronization
import TestSupport

struct MetricsCost: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics",
    abstract: "Measures what it costs a busy server to be asked for its metrics.",
    discussion: """
      Puts loads on mychatserver. In one half second it is asked for its metrics \(Self.asksPerSecond) times a second, and in \
      the next a second server, where nobody is, so that whoever asks disturbs the machine in the same way. Prints the CPU \
      time of a delivery in the first as a ratio to that in the second: the median of all pairs, and from it what it \
      costs to be asked once a second. Takes about three minutes; leave the machine alone meanwhile.
      """)

  /// So many that it shows: what once a second costs is lost in what the machine itself varies by.
  static let asksPerSecond = 50

  @Option(help: ArgumentHelp("The mychatserver to measure. (default: the one beside this program)", valueName: "path"))
  var server: String?

  func run() throws {
    let path = try server ?? Program.built("mychatserver")
    let bar = ProgressBar()
    do throws(LoadFailure) {
      for load in Self.loads {
        let ratios = try Self.ratios(under: load, of: path, onProgress: bar.show)
        bar.clear()
        let ratio = median(ratios)
        let once = 1 + (ratio - 1) / Double(Self.asksPerSecond)
        StandardOutput.write(
          "room of \(load.receivers), \(load.senders) talking: \(ratios.count) pairs, asked \(Self.asksPerSecond) times a second "
            + "\(thousandths(ratio)), so once a second \(thousandths(once))\n")
      }
    } catch {
      bar.clear()
      StandardOutput.report(error: "\(error)")
      throw ExitCode.failure
    }
  }

  private static var loads: [Load] {
    [(2, 1, 256, 80_000_000), (8, 2, 256, 56_000_000), (100, 1, 256, 6_000_000), (1000, 1000, 4000, 800_000)].map {
      receivers, senders, window, lines in
      var load = Load.standard
      (load.receivers, load.senders, load.pace, load.lines) = (receivers, senders, .window(window), lines)
      load.timeout = 600
      return load
    }
  }

  /// The CPU time of a delivery while the server is asked, for each while it is not.
  private static func ratios(
    under load: Load, of path: String, onProgress: @escaping (Progress) -> Void
  ) throws(LoadFailure) -> [Double] {
    guard let directory = try? TemporaryDirectory() else { throw LoadFailure(description: "Cannot write in /tmp.") }
    let sockets = ["busy", "idle"].map { directory.file($0) }
    var servers: [ServerProcess] = []
    for socket in sockets {
      servers.append(
        try ServerProcess(path: path, log: "/dev/null") { port in ["\(port)", "--metrics", "unix:\(socket)"] })
    }
    for server in servers { try server.waitUntilListening() }

    var load = load
    load.address = .internet(host: "127.0.0.1", port: servers[0].port)
    load.process = servers[0].pid
    guard let figures = ProcessFigures(of: servers[0].pid) else { throw LoadFailure(description: "The server ended.") }

    let collector = Collector(of: sockets.map { .unix(path: $0) })
    var turns = Turns()
    let result = Result { () throws(LoadFailure) in
      try measure(load) { progress in
        onProgress(progress)
        guard case .lines(let deliveries, _, let time) = progress, let cpu = figures.cpuNanoseconds else { return }
        if let isBusyAsked = turns.next(deliveries: deliveries, time: time, cpu: cpu) {
          collector.ask(isBusyAsked ? 0 : 1)
        }
      }
    }
    let failures = collector.stop()
    let report = try result.get()
    if let failure = report.failure { throw LoadFailure(description: failure) }
    if failures > 0 { throw LoadFailure(description: "Metrics were asked for \(failures) times without an answer.") }
    guard report.isClean else { throw LoadFailure(description: "The server lost, doubled or tore lines.") }
    guard !turns.ratios.isEmpty else { throw LoadFailure(description: "It was over too soon to measure anything.") }
    return turns.ratios
  }

  private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  private func thousandths(_ value: Double) -> String {
    let number = Int((value * 1000).rounded())
    return "\(number / 1000).\(String(number % 1000 + 1000).dropFirst())"
  }
}

/// Half seconds in which the busy server is asked and those in which it is not, in pairs: the first of one pair is as the second of
/// the one before, so that a drift of the machine weighs on both alike.
private struct Turns {
  private static let nanoseconds: UInt64 = 500_000_000

  /// The cost of a delivery when asked for that when not, one for each pair.
  private(set) var ratios: [Double] = []
  private var count = 0
  private var isBusyAsked = false
  private var start: (deliveries: Int, time: UInt64, cpu: UInt64)?
  private var firstCost = 0.0

  /// - Parameters:
  ///   - deliveries: of the load until now.
  ///   - time: since its first line, in nanoseconds.
  ///   - cpu: the busy server's CPU time until now, in nanoseconds.
  /// - Returns: whether the busy server is asked from now on, when a turn begins.
  mutating func next(deliveries: Int, time: UInt64, cpu: UInt64) -> Bool? {
    if let start {
      guard time - start.time >= Self.nanoseconds, deliveries > start.deliveries else { return nil }
      let cost = Double(cpu - start.cpu) / Double(deliveries - start.deliveries)
      count += 1
      if count.isMultiple(of: 2) {
        ratios.append(isBusyAsked ? cost / firstCost : firstCost / cost)
      } else {
        firstCost = cost
        isBusyAsked.toggle()
      }
    }
    start = (deliveries, time, cpu)
    return isBusyAsked
  }
}

/// Asks one of several servers for its metrics, again and again.
private final class Collector: Sendable {
  /// The index of the server that is asked; nil to end.
  private let asked = Mutex<Int?>(0)
  private let failures = Atomic(0)
  private let queue = DispatchQueue(label: "mychatload.collector")

  init(of addresses: [Address]) {
    queue.async {
      while let index = self.asked.withLock({ $0 }) {
        if !Self.ask(addresses[index]) { self.failures.add(1, ordering: .relaxed) }
        usleep(1_000_000 / UInt32(MetricsCost.asksPerSecond))
      }
    }
  }

  /// Asks the server at this index from now on.
  func ask(_ index: Int) { asked.withLock { $0 = index } }

  /// Ends, and says how often there was no answer.
  func stop() -> Int {
    asked.withLock { $0 = nil }
    return queue.sync { failures.load(ordering: .relaxed) }
  }

  /// Whether it answered.
  private static func ask(_ address: Address) -> Bool {
    do {
      let dialogue = try Dialogue(connectingTo: address)
      try dialogue.send("GET /metrics HTTP/1.0\r\n\r\n")
      return String(decoding: try dialogue.receiveAll(), as: UTF8.self).contains("mychat_members")
    } catch { return false }
  }
}
