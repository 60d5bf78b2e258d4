import ChatLoad
import ChatWire
import Glibc
import TestSupport

/// Puts the same loads on our server and on others: measures what a delivery costs in rooms of several sizes, and latency as
/// more lines are said.
struct Benchmark: Sendable {
  /// One load, by what varies.
  enum Point: Hashable {
    /// Bursts of one sender in a room of so many.
    case room(Int)
    /// So many lines a second, in a room of `pacedRoom`.
    case rate(Int)
  }

  var rounds = 3
  var rooms = [2, 10, 100, 1000, 5000]
  var rates = [100, 300, 1000, 3000, 10_000, 30_000]
  /// Deliveries that a burst makes, as far as its lines can be shared out so.
  var deliveries = 1_500_000
  /// How long a paced load goes on, in seconds.
  var pacedSeconds = 2.0
  /// The most seconds that connecting, and then the lines, may take one server.
  var timeout = 30.0
  /// Where results go.
  var directory: String
  /// The program that is our server.
  var server: String

  /// Connections in a room where lines are paced.
  static let pacedRoom = 100

  init(directory: String, server: String) {
    self.directory = directory
    self.server = server
  }

  var points: [Point] { rooms.map(Point.room) + rates.map(Point.rate) }

  /// Measures everything, tells of each load on the way, and writes `bench.md`, the plots and `runs.jsonl`.
  /// - Returns: whether our own server came through all of it without a flaw.
  func run(say: (String) -> Void, onProgress: @escaping (Progress) -> Void) throws(LoadFailure) -> Bool {
    let mkdir = try? Program("/bin/mkdir", ["-p", "\(directory)/work"], input: .nothing)
    guard let mkdir, (try? mkdir.waitForExit()) == .status(0) else {
      throw LoadFailure(description: "Cannot make the directory \(directory): \(mkdir?.errorLines.first ?? "no mkdir")")
    }
    var results = BenchmarkResults(plan: self, machine: .current)
    var lines = ""
    for round in 1...rounds {
      for point in points {
        // Every server gets its turn before any gets a second one, so that a disturbance of the machine hits all of them.
        for peer in Contender.allCases where results.skipped[peer]?[point] == nil {
          guard let path = peer == .mychat ? server : try? Program.found(peer.program) else {
            let hint = peer.package.map { " (apt-get install \($0))" } ?? ""
            skip(peer, from: points, "not installed\(hint)", in: &results, say: say)
            continue
          }
          do throws(LoadFailure) {
            let report = try measure(point, on: peer, path: path, onProgress: onProgress)
            lines += report.json + "\n"
            if report.isClean {
              results.add(report, of: peer, at: point)
              say("\(round)/\(rounds)  \(pad(peer.name, 14))  \(pad(Self.name(point), 22))  \(Self.summary(report))")
              if let reason = overload(report) {
                skip(peer, from: Array(larger(point).dropFirst()), reason, in: &results, say: say)
              }
            } else {
              skip(peer, from: larger(point), Self.flaw(report), in: &results, say: say)
            }
          } catch {
            skip(peer, from: larger(point), error.description, in: &results, say: say)
          }
        }
      }
    }
    try write(lines, to: "runs.jsonl")
    try write(results.costPlot.svg, to: "cost.svg")
    try write(results.latencyPlot.svg, to: "latency.svg")
    try write(results.markdown, to: "bench.md")
    return results.skipped[.mychat, default: [:]].isEmpty
  }

  /// The reason to try no higher rate: delivery took more than twice as long as saying the lines, so that latency would only
  /// show the length of the queue.
  private func overload(_ report: Report) -> String? {
    guard case .rate(let rate) = report.load.pace, Double(report.elapsed.nanoseconds) > pacedSeconds * 2e9 else {
      return nil
    }
    return "it did not keep up with \(Report.grouped(Int(rate))) lines/s"
  }

  /// The load at `point`.
  func load(_ point: Point, dialect: Dialect, port: UInt16, process: Int32?) -> Load {
    var load = Load.standard
    load.address = .internet(host: "127.0.0.1", port: port)
    load.dialect = dialect
    load.process = process
    load.timeout = timeout
    switch point {
    case .room(let size):
      load.receivers = size
      load.lines = min(150_000, max(500, deliveries / size))
    case .rate(let rate):
      load.receivers = Self.pacedRoom
      load.lines = max(1, Int(Double(rate) * pacedSeconds))
      load.pace = .rate(Double(rate))
    }
    return load
  }

  private func measure(
    _ point: Point, on peer: Contender, path: String, onProgress: @escaping (Progress) -> Void
  ) throws(LoadFailure) -> Report {
    let work = "\(directory)/work"
    let process = try ServerProcess(path: path, log: "\(work)/\(peer.rawValue).log") { port throws(LoadFailure) in
      if let settings = peer.settings(port: port) { try write(settings.text, to: "work/\(settings.name)") }
      return peer.arguments(port: port, directory: work)
    }
    try process.waitUntilListening()
    let load = load(point, dialect: peer.dialect, port: process.port, process: process.pid)
    do throws(LoadFailure) {
      return try ChatLoad.measure(load, onProgress: onProgress)
    } catch {
      throw process.hasEnded ? LoadFailure(description: "It ended under this load.") : error
    }
  }

  /// The points that are left out with `point`: a room or a rate that is too much makes larger ones too much.
  private func larger(_ point: Point) -> [Point] {
    switch point {
    case .room(let size): rooms.filter { $0 >= size }.map(Point.room)
    case .rate(let rate): rates.filter { $0 >= rate }.map(Point.rate)
    }
  }

  private func skip(
    _ peer: Contender, from points: [Point], _ reason: String, in results: inout BenchmarkResults, say: (String) -> Void
  ) {
    guard let first = points.first else { return }
    results.skip(peer, points, because: reason)
    say("[SKIPPED] \(peer.name), from \(Self.name(first)) on: \(reason)")
  }

  static func name(_ point: Point) -> String {
    switch point {
    case .room(let size): "room of \(Report.grouped(size))"
    case .rate(let rate): "\(Report.grouped(rate)) lines/s"
    }
  }

  private static func summary(_ report: Report) -> String {
    let cost = report.serverNanosecondsPerDelivery.map { "\(Report.decimal($0)) ns per delivery, " } ?? ""
    return cost + "p50 \(Report.duration(report.latency.percentile(0.5))), "
      + "p99 \(Report.duration(report.latency.percentile(0.99))), mychatload busy \(Report.percent(report.ownBusyShare))"
  }

  private static func flaw(_ report: Report) -> String {
    let flaws = report.flaws
    return report.failure ?? "\(Report.grouped(flaws.lost)) lines lost, \(Report.grouped(flaws.doubled)) doubled, "
      + "\(Report.grouped(flaws.torn)) torn, \(Report.grouped(flaws.outOfOrder)) out of order"
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  // MARK: Files

  private func write(_ text: String, to name: String) throws(LoadFailure) {
    let path = "\(directory)/\(name)"
    let number = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard number >= 0 else {
      throw LoadFailure(description: "Cannot write \(path): \(SystemCallError("open").reason).")
    }
    let file = FileDescriptor(owning: number)
    StandardOutput.write(text, to: file.number)
  }
}
