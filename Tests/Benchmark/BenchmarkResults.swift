import ChatLoad
import TestSupport

/// The results of a benchmark: the runs of each server at each point, and what was left out and why.
struct BenchmarkResults {
  let plan: Benchmark
  let machine: Machine
  private var reports: [Contender: [Benchmark.Point: [Report]]] = [:]
  private(set) var skipped: [Contender: [Benchmark.Point: String]] = [:]

  init(plan: Benchmark, machine: Machine) {
    self.plan = plan
    self.machine = machine
  }

  mutating func add(_ report: Report, of peer: Contender, at point: Benchmark.Point) {
    reports[peer, default: [:]][point, default: []].append(report)
  }

  /// Leaves `points` out and drops their results: a server that fails in one round gets no figure.
  mutating func skip(_ peer: Contender, _ points: [Benchmark.Point], because reason: String) {
    for point in points {
      skipped[peer, default: [:]][point] = reason
      reports[peer]?[point] = nil
    }
  }

  /// The median of all rounds; of two in the middle the lower.
  private func median(_ peer: Contender, _ point: Benchmark.Point, _ value: (Report) -> Double?) -> Double? {
    let values = (reports[peer]?[point] ?? []).compactMap(value).sorted()
    return values.isEmpty ? nil : values[(values.count - 1) / 2]
  }

  private func cost(_ peer: Contender, _ room: Int) -> Double? {
    median(peer, .room(room), \.serverNanosecondsPerDelivery)
  }

  private func latency(_ peer: Contender, _ rate: Int, _ share: Double) -> Double? {
    median(peer, .rate(rate)) { Double($0.latency.percentile(share)) }
  }

  /// Whether the load tool, not the server, was the limit there in most rounds.
  private func isToolTheLimit(_ peer: Contender, _ point: Benchmark.Point) -> Bool {
    let runs = reports[peer]?[point] ?? []
    return runs.count { $0.isToolTheLimit } * 2 > runs.count
  }

  // MARK: Plots

  var costPlot: Plot {
    Plot(
      title: "Cost of a line for each who hears it",
      panels: [
        Plot.Panel(
          title: "", xLabel: "people in the room", yLabel: "server CPU time per delivery",
          xTicks: plan.rooms.map(Double.init), xText: { Report.grouped(Int($0)) }, yText: Self.nanoseconds,
          lines: Contender.allCases.map { peer in
            Plot.Line(
              name: peer.name, points: plan.rooms.compactMap { room in cost(peer, room).map { (Double(room), $0) } })
          })
      ])
  }

  var latencyPlot: Plot {
    let shares = [(0.5, "half of the lines (p50)"), (0.99, "all but 1 in 100 (p99)")]
    return Plot(
      title: "Time until a line is heard, in a room of \(Benchmark.pacedRoom)",
      panels: shares.map { share, title in
        Plot.Panel(
          title: title, xLabel: "lines said per second", yLabel: "latency", xTicks: plan.rates.map(Double.init),
          xText: { Report.grouped(Int($0)) }, yText: Self.nanoseconds,
          lines: Contender.allCases.map { peer in
            Plot.Line(
              name: peer.name,
              points: plan.rates.filter { !isToolTheLimit(peer, .rate($0)) }.compactMap { rate in
                latency(peer, rate, share).map { (Double(rate), $0) }
              })
          })
      })
  }

  private static func nanoseconds(_ value: Double) -> String { Report.duration(UInt64(value)) }

  // MARK: Tables

  var markdown: String {
    var text = "Measured on \(machine.description); median of \(plan.rounds) rounds.\n\n"
    text +=
      "Server CPU time per delivery, in ns: one sender, lines of \(Load.standard.bytes) bytes, bursts with at most "
    text += "\(Self.window) lines on their way.\n\n"
    text += table("people in the room", plan.rooms.map { (.room($0), Report.grouped($0)) }) { peer, point in
      median(peer, point, \.serverNanosecondsPerDelivery).map(Report.decimal)
    }
    text +=
      "\nLatency p50 / p99, from when a line is due until it has been read: a room of \(Benchmark.pacedRoom), one sender.\n\n"
    text += table("lines per second", plan.rates.map { (.rate($0), Report.grouped($0)) }) { peer, point in
      guard let half = median(peer, point, { Double($0.latency.percentile(0.5)) }),
        let most = median(peer, point, { Double($0.latency.percentile(0.99)) })
      else { return nil }
      let note = isToolTheLimit(peer, point) ? " *" : ""
      return "\(Self.nanoseconds(half)) / \(Self.nanoseconds(most))\(note)"
    }
    text += "\nMemory per connection that says nothing, in bytes.\n\n"
    text += table("people in the room", plan.rooms.filter { $0 >= 100 }.map { (.room($0), Report.grouped($0)) }) {
      peer, point in
      median(peer, point) { $0.bytesPerConnection.map(Double.init) }.map(Report.decimal)
    }
    text += notes
    return text
  }

  private static var window: String {
    if case .window(let window) = Load.standard.pace { return "\(window)" }
    return "?"
  }

  private func table(
    _ corner: String, _ rows: [(Benchmark.Point, String)], _ cell: (Contender, Benchmark.Point) -> String?
  ) -> String {
    var text = "| \(corner) | " + Contender.allCases.map(\.name).joined(separator: " | ") + " |\n"
    text += "|---:|" + Contender.allCases.map { _ in "---:|" }.joined() + "\n"
    for (point, label) in rows {
      text += "| \(label) | " + Contender.allCases.map { cell($0, point) ?? "–" }.joined(separator: " | ") + " |\n"
    }
    return text
  }

  /// What a reader has to know of single cells.
  private var notes: String {
    var notes: [String] = []
    for peer in Contender.allCases {
      let missing = plan.points.compactMap { point in skipped[peer]?[point].map { (point, $0) } }
      var reasons: [String] = []
      for (_, reason) in missing where !reasons.contains(reason) { reasons.append(reason) }
      for reason in reasons {
        let points = missing.filter { $0.1 == reason }.map { Benchmark.name($0.0) }
        notes.append("\(peer.name) was left out (\(points.joined(separator: ", "))): \(reason)")
      }
    }
    if Contender.allCases.contains(where: { peer in plan.rates.contains { isToolTheLimit(peer, .rate($0)) } }) {
      notes.append("\\* mychatload was the limit there, not the server; the plot leaves these out.")
    }
    return notes.isEmpty ? "" : "\n" + notes.map { "- \($0)\n" }.joined()
  }
}
