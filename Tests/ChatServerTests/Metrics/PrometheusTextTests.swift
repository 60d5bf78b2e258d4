import TestSupport
import Testing

@testable import ChatServer

/// The counters as Prometheus takes them.
@Suite(.timeLimit(.minutes(10))) struct PrometheusTextTests {
  private func text(isRedisUp: Bool? = nil) -> String {
    var counters = Counters()
    (counters.members, counters.said, counters.isRedisUp) = (3, 14, isRedisUp)
    counters.address = .unix(path: "/tmp/a \"lab\"\\\n")
    return PrometheusText.text(of: counters, version: "1.2.3")
  }

  @Test func `Each metric has its help and its type before it, and counters end in total`() {
    let lines = text(isRedisUp: true).split(separator: "\n")
    #expect(lines.count % 3 == 0)
    for start in stride(from: 0, to: lines.count, by: 3) {
      let name = lines[start + 2].prefix { $0 != " " && $0 != "{" }
      #expect(lines[start].hasPrefix("# HELP \(name) "))
      #expect(lines[start + 1] == "# TYPE \(name) \(name.hasSuffix("_total") ? "counter" : "gauge")")
    }
    let server = #"server="unix:/tmp/a \"lab\"\\\n""#
    #expect(lines.contains("mychat_members{\(server)} 3") && lines.contains("mychat_lines_said_total{\(server)} 14"))
    #expect(lines.contains("mychat_build_info{\(server),version=\"1.2.3\"} 1"))
  }

  @Test func `Whether Redis is there is told only where a room is shared`() {
    #expect(!text().contains("redis"))
    for (isUp, value) in [(true, " 1\n"), (false, " 0\n")] {
      let text = text(isRedisUp: isUp)
      #expect(text.contains("\nmychat_redis_up{") && text.hasSuffix(value))
    }
  }

  @Test(.enabled(if: (try? Program.found("promtool")) != nil, "promtool is not installed (Debian: prometheus)"))
  func `Prometheus's own tool accepts it`() throws {
    let tool = try Program(try Program.found("promtool"), ["check", "metrics"])
    try tool.write(text(isRedisUp: true))
    tool.closeInput()
    #expect(try tool.waitForExit() == .status(0), "\(tool.outputLines) \(tool.errorLines)")
    #expect(tool.outputLines + tool.errorLines == [])
  }

  @Test func `The dashboard shows nothing that the server does not tell`() throws {
    let path = #filePath.split(separator: "/").dropLast(4).reduce("") { "\($0)/\($1)" }
    let dashboard = TestSupport.text(ofFile: path + "/.packaging/grafana/mychat.json")
    let known = Set(text(isRedisUp: true).split(separator: "\n").map { String($0.prefix { $0 != " " && $0 != "{" }) })
    var shown: Set<String> = []
    for word in dashboard.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" }) {
      if word.hasPrefix("mychat_") { shown.insert(String(word)) }
    }
    #expect(shown.count >= 8)
    #expect(shown.subtracting(known) == [])
    let reader = try Program(try Program.found("python3"), ["-m", "json.tool"])
    try reader.write(dashboard)
    reader.closeInput()
    #expect(try reader.waitForExit() == .status(0), "\(reader.errorLines)")
  }
}
