import ChatLoad
import ChatWire
import Glibc
import TestSupport
import TortureSupport

/// Measures a room of 1,000 on one to four servers, draws it, and reckons on to more than one machine can run.
struct GrowthBench {
  let directory: String
  static let members = 1000
  static let lines = 20_000

  func run() throws {
    let mkdir = try Program("/bin/mkdir", ["-p", directory], input: .nothing)
    guard try mkdir.waitForExit() == .status(0) else { throw TestFailure("cannot make the directory \(directory)") }
    var points: [GrowthPoint] = []
    for count in 0...4 {
      // Three rounds; the one in the middle by the servers' CPU time counts.
      let rounds = try (0..<3).map { _ in
        try GrowthPoint(servers: count, members: Self.members, lines: Self.lines)
      }
      let point = rounds.sorted { $0.nanosecondsPerDelivery < $1.nanosecondsPerDelivery }[1]
      print(point.description)
      fflush(nil)
      points.append(point)
    }
    try write(plot(points).svg, to: "\(directory)/growth.svg")
    let text = markdown(points)
    try write(text, to: "\(directory)/bench.md")
    print("\n\(text)\nThe results are in \(directory): bench.md, growth.svg")
  }

  private func plot(_ points: [GrowthPoint]) -> Plot {
    let shared = points.filter { $0.servers > 0 }
    func line(_ name: String, _ value: (GrowthPoint) -> Double) -> Plot.Line {
      Plot.Line(name: name, points: shared.map { (Double($0.servers), value($0)) })
    }
    func panel(_ title: String, _ label: String, _ lines: [Plot.Line], _ text: @escaping (Double) -> String)
      -> Plot.Panel
    {
      Plot.Panel(
        title: title, xLabel: "servers", yLabel: label, xTicks: [1, 2, 3, 4], xText: { "\(Int($0))" }, yText: text,
        lines: lines)
    }
    return Plot(
      title: "A room of \(Report.grouped(Self.members)) on one to four servers",
      panels: [
        panel(
          "", "deliveries a second in all",
          [
            line("a core each") { $0.possibleDeliveriesPerSecond },
            line("this machine") { $0.deliveriesPerSecond },
          ]
        ) { Report.grouped(Int($0)) }
      ])
  }

  private func markdown(_ points: [GrowthPoint]) -> String {
    let machine = Machine.current
    var text =
      "Measured on \(machine.description), which Redis, all servers and the members share; the middle one of 3 rounds. "
    text +=
      "\(GrowthPoint.talkers) members say \(Report.grouped(Self.lines)) lines of \(GrowthPoint.lineBytes) bytes as fast as "
    text += "it goes, and \(Report.grouped(Self.members)) hear them.\n\n"
    text +=
      "| servers | deliveries/s in all | server CPU a delivery | with a core for each server | Redis CPU a line | lines an entry |\n"
    text += "|---:|---:|---:|---:|---:|---:|\n"
    for point in points {
      let redis = point.servers == 0 ? "–" : Report.duration(UInt64(point.redisNanosecondsPerLine))
      let entry = point.entries == 0 ? "–" : (Double(point.lines) / Double(point.entries)).rounded(to: 0)
      text +=
        "| \(point.servers == 0 ? "1, without Redis" : "\(point.servers)") | \(Report.grouped(Int(point.deliveriesPerSecond))) | "
      text += "\(Report.duration(UInt64(point.nanosecondsPerDelivery))) | "
      text += "\(Report.grouped(Int(point.possibleDeliveriesPerSecond))) | \(redis) | \(entry) |\n"
    }
    return text + "\n" + reckoned(points.filter { $0.servers > 0 })
  }

  /// What follows for more servers than this machine can run.
  private func reckoned(_ points: [GrowthPoint]) -> String {
    // Each server reads every line of Redis once, and each line is appended once.
    let perReader = max(0, slope(points.map { (Double($0.servers), $0.redisNanosecondsPerLine) }))
    let mean = points.reduce(0) { $0 + $1.redisNanosecondsPerLine } / Double(points.count)
    let appended = max(0, mean - perReader * points.reduce(0) { $0 + Double($1.servers) } / Double(points.count))
    let cost = points.last?.nanosecondsPerDelivery ?? 0
    var text = "Reckoned from these: a line costs Redis \(Report.duration(UInt64(appended))) and "
    text += "\(Report.duration(UInt64(perReader))) for each server that reads it, and a server "
    text += "\(Report.duration(UInt64(cost))) for each of its members.\n\n"
    text +=
      "| servers | members | lines/s that fill a core of each server | Redis at that, of a core |\n|---:|---:|---:|---:|\n"
    for (servers, members) in [(1, 5000), (2, 10_000), (4, 20_000), (10, 50_000), (20, 100_000)] {
      let lines = 1e9 / (cost * Double(members) / Double(servers))
      let redis = lines * (appended + perReader * Double(servers)) / 1e9
      text += "| \(servers) | \(Report.grouped(members)) | \(Report.grouped(Int(lines))) | \(Report.percent(redis)) |\n"
    }
    text +=
      "\nThat is what lines and deliveries cost. Waking up costs besides: each server that says something all the time "
    text += "appends and reads up to a thousand times a second.\n"
    text +=
      "\nOne room has one stream, and so one Redis; its keys have the tag `{mychat:ROOM}`. Many rooms share a Redis Cluster: "
    text += "each is on the node that its tag hashes to, so that N nodes carry N times as many rooms.\n"
    return text
  }
}
