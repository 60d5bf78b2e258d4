import ChatWire
import Glibc
import TestSupport
import Testing

/// Debian's Prometheus and node_exporter, which really ask a server. `make metrics-test` installs them.
@Suite(
  .timeLimit(.minutes(10)),
  .enabled(if: areCollectorsInstalled, "Prometheus or its node exporter is not installed; `make metrics-test` does it"))
struct PrometheusTests {
  private let directory: TemporaryDirectory
  private let server: ServerProgram
  private let nodeExporter: Program
  private let prometheus: Program
  private let prometheusAddress: Address

  /// A server that gives its counters both ways, and a Prometheus that collects both.
  init() throws {
    directory = try TemporaryDirectory()
    mkdir(directory.file("textfiles"), 0o755)
    server = try ServerProgram(
      options: ["--metrics", "0", "--metrics-file", directory.file("textfiles/lab.prom")])
    let line = try server.program.waitForLine("a [METRICS] line") { $0.hasPrefix("[METRICS] ") }
    let metrics = try #require(line.split(separator: "/").dropLast().last)
    nodeExporter = try Program(
      try Program.found("prometheus-node-exporter"),
      [
        "--web.listen-address=127.0.0.1:0", "--collector.disable-defaults", "--collector.textfile",
        "--collector.textfile.directory=\(directory.file("textfiles"))",
      ])
    let configuration = directory.file("prometheus.yml")
    try write(
      """
      global:
        scrape_interval: 1s
      scrape_configs:
        - job_name: mychat
          static_configs:
            - targets: ['\(metrics)']
        - job_name: node
          static_configs:
            - targets: ['\(try Self.address(of: nodeExporter))']
      """, to: configuration)
    prometheus = try Program(
      try Program.found("prometheus"),
      [
        "--config.file=\(configuration)", "--storage.tsdb.path=\(directory.file("data"))",
        "--web.listen-address=127.0.0.1:0",
      ])
    prometheusAddress = try Self.address(of: prometheus)
  }

  /// Where a program of Prometheus says that it listens.
  private static func address(of program: Program) throws -> Address {
    var found: Substring?
    try eventually("\(program.name) to listen; it says \(program.errorLines)") {
      program.readWhatIsThere()
      let line = program.errorLines.first { $0.contains("msg=\"Listening on\"") }
      found = line?.split(separator: " ").last { $0.hasPrefix("address=") }?.dropFirst("address=".count)
      return found != nil
    }
    return try Address(parsing: String(try #require(found)))
  }

  /// What Prometheus's own interface answers to an expression, as JSON.
  private func answer(to expression: String) throws -> String {
    let query = expression.utf8.reduce(into: "") { $0 += "%\($1 < 16 ? "0" : "")\(String($1, radix: 16))" }
    let dialogue = try Dialogue(connectingTo: prometheusAddress)
    try dialogue.send("GET /api/v1/query?query=\(query) HTTP/1.0\r\nHost: localhost\r\n\r\n")
    return String(decoding: try dialogue.receiveAll(), as: UTF8.self)
  }

  /// Waits until the answer to an expression is one value, and it is `value`.
  private func expect(_ expression: String, _ value: Int) throws {
    var last = ""
    try eventually("\(expression) to be \(value); Prometheus says \(last)") {
      last = try answer(to: expression)
      return last.contains(",\"\(value)\"]}]}}")
    }
  }

  /// What the dashboard asks for, with all that can be chosen in it.
  private static var expressionsOfDashboard: [String] {
    let package = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
    let start = "\"expr\": \""
    let lines = text(ofFile: package + "/.packaging/grafana/mychat.json").split(separator: "\n")
    return lines.compactMap { (line: Substring) -> String? in
      guard let range: Range<Substring.Index> = line.firstRange(of: start) else { return nil }
      let quoted: Substring = line.suffix(from: range.upperBound).dropLast("\",".count)
      return String(quoted).replacing("\\\"", with: "\"").replacing("$instance", with: ".*")
        .replacing("$server", with: ".*").replacing("$__rate_interval", with: "1m")
    }
  }

  @Test func `Prometheus has what happened in the room, from the server itself and from its file`() throws {
    let members = try [server.join(), server.join()]
    try members[0].send("one\ntwo\n")
    try members[1].expect("\(members[0].localPort): one")
    try members[1].expect("\(members[0].localPort): two")
    try members[1].send("exit\n")
    try members[1].expectClosed()
    for job in ["mychat", "node"] {
      try expect("up{job=\"\(job)\"}", 1)
      let labels = "{job=\"\(job)\",server=\"\(server.address)\"}"
      for (name, value) in [
        ("mychat_lines_said_total", 2), ("mychat_connections_accepted_total", 2), ("mychat_connections_left_total", 1),
        ("mychat_members", 1), ("mychat_connections_lost_total", 0), ("mychat_build_info", 1),
      ] {
        try expect(name + labels, value)
      }
    }
    try expect("node_textfile_scrape_error", 0)
    let expressions = Self.expressionsOfDashboard
    #expect(expressions.count >= 8)
    for expression in expressions {
      let isOfRedis = expression.contains("redis")
      var last = ""
      try eventually("the dashboard's \(expression) to give something; Prometheus says \(last)") {
        last = try answer(to: expression)
        return isOfRedis ? last.contains("\"result\":[]") : last.contains("\"result\":[{")
      }
      #expect(last.contains("\"status\":\"success\""), "\(expression): \(last)")
    }
    try server.stop()
  }
}

private let areCollectorsInstalled =
  (try? Program.found("prometheus")) != nil && (try? Program.found("prometheus-node-exporter")) != nil
