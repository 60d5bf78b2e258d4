import ChatLoad
import ChatWire
import Glibc
import TestSupport
import TortureSupport

/// Measures a room of 1,000 on one to four servers, draws it, and reckons on to more than one machine can run.
struct GrowthBench {
  let directory: String
  static let members = 1000
  static let lines = 60_000

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
    let busy = try [1, 2, 3, 4, 6, 8].map { try WakingPoint(servers: $0, seconds: 4) }
    try write(plot(points).svg, to: "\(directory)/growth.svg")
    try write(plot(busy).svg, to: "\(directory)/redis.svg")
    let text = markdown(points) + "\n" + markdown(busy) + "\n" + reckoned(points.filter { $0.servers > 0 }, busy)
    try write(text, to: "\(directory)/bench.md")
    print("\n\(text)\nThe results are in \(directory): bench.md, growth.svg, redis.svg")
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
          "", "million deliveries a second in all",
          [
            line("a core each") { $0.possibleDeliveriesPerSecond / 1e6 },
            line("this machine") { $0.deliveriesPerSecond / 1e6 },
          ]
        ) { "\(Int($0))" }
      ])
  }

  private func plot(_ busy: [WakingPoint]) -> Plot {
    Plot(
      title: "Redis, when every server says something all the time",
      panels: [
        Plot.Panel(
          title: "", xLabel: "servers", yLabel: "of a core", xTicks: busy.map { Double($0.servers) },
          xText: { "\(Int($0))" }, yText: { "\(Int($0)) %" },
          lines: [Plot.Line(name: "Redis", points: busy.map { (Double($0.servers), $0.redisShare * 100) })])
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
    return text
  }

  private func markdown(_ busy: [WakingPoint]) -> String {
    var text =
      "Each server has one member who says \(Report.grouped(WakingPoint.linesPerSecond)) lines a second, so that it sends "
    text += "turns and reads as often as it may.\n\n| servers | turns/s in all | Redis, of a core |\n|---:|---:|---:|\n"
    for point in busy {
      text +=
        "| \(point.servers) | \(Report.grouped(Int(point.turnsPerSecond))) | \(Report.percent(point.redisShare)) |\n"
    }
    return text
  }

  /// What follows for more servers than this machine can run.
  private func reckoned(_ points: [GrowthPoint], _ busy: [WakingPoint]) -> String {
    let line = points.reduce(0) { $0 + $1.redisNanosecondsPerLine } / Double(points.count)
    let delivery = points.last?.nanosecondsPerDelivery ?? 0
    // A server's own turns and reads cost the same however many there are; what it reads of the others grows with them.
    let (each, pair) = fit(busy.map { (Double($0.servers), $0.redisShare) })
    var text =
      "Reckoned from these: a delivery takes a server \(Report.duration(UInt64(delivery))), and a line takes Redis "
    text += "\(Report.duration(UInt64(line))), in large turns. A server that says something all the time takes "
    text += "\((each * 100).rounded(to: 1)) % of Redis's core"
    text += pair > 0 ? ", and \((pair * 100).rounded(to: 2)) % more for each server.\n\n" : ".\n\n"
    text +=
      "| servers | members | lines/s that fill a core of each server | Redis for so many lines | for so many busy servers |\n"
    text += "|---:|---:|---:|---:|---:|\n"
    for (servers, members) in [(1, 5000), (2, 10_000), (4, 20_000), (10, 50_000), (20, 100_000)] {
      let lines = 1e9 / (delivery * Double(members) / Double(servers))
      let waking = each * Double(servers) + pair * Double(servers * servers)
      text +=
        "| \(servers) | \(Report.grouped(members)) | \(Report.grouped(Int(lines))) | \(Report.percent(lines * line / 1e9)) | "
      text += "\(Report.percent(waking)) |\n"
    }
    text += "\nA Redis that has no more time answers later; then turns are fewer and larger, and lines take longer.\n"
    text +=
      "\nOne room has one stream, and so one Redis; its keys have the tag `{mychat:ROOM}`. Many rooms share a Redis Cluster: "
    text += "each is on the node that its tag hashes to, so that N nodes carry N times as many rooms.\n"
    return text
  }

  /// The least-squares `a` and `b` of `y = a x + b x²`.
  private func fit(_ points: [(x: Double, y: Double)]) -> (a: Double, b: Double) {
    func sum(_ value: (Double, Double) -> Double) -> Double { points.reduce(0) { $0 + value($1.x, $1.y) } }
    let (xx, xxx, xxxx) = (sum { x, _ in x * x }, sum { x, _ in x * x * x }, sum { x, _ in x * x * x * x })
    let (xy, xxy) = (sum { x, y in x * y }, sum { x, y in x * x * y })
    let b = (xxy * xx - xy * xxx) / (xxxx * xx - xxx * xxx)
    return b > 0 ? ((xy - b * xxx) / xx, b) : (xy / xx, 0)
  }
}
