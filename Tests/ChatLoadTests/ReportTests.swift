import ChatWire
import Foundation
import Testing

@testable import ChatLoad

@Suite(.timeLimit(.minutes(10)))
struct ReportTests {
  /// 1,000 deliveries in 10 ms, for which the server worked 0.5 ms; this process waited three quarters of the time.
  static var report: Report {
    var load = Load.standard
    (load.receivers, load.lines) = (11, 100)
    var report = Report(load: load)
    report.deliveries = 1000
    for latency in 1...100 { report.latency.record(UInt64(latency) * 1000) }
    report.elapsed = Elapsed(nanoseconds: 10_000_000, ownCPU: 10_000_000, serverCPU: 500_000)
    report.waitedNanoseconds = 7_500_000
    report.connecting = Elapsed(nanoseconds: 2_000_000, ownCPU: 0, serverCPU: 22_000)
    (report.emptyKiB, report.idleKiB, report.endKiB) = (1000, 1022, 1100)
    return report
  }

  @Test func `The JSON is what it has always been`() {
    #expect(
      Self.report.json == """
        {"address":"127.0.0.1:12345","protocol":"line","receivers":11,"senders":1,"lines":100,"bytes":64,"window":256,\
        "rate_per_s":null,"clean":true,"failure":null,"deliveries":1000,"deliveries_wanted":1000,"lost":0,"doubled":0,\
        "torn":0,"out_of_order":0,"notices":0,"seconds":0.01,"deliveries_per_s":100000.0,"latency_p50_us":50.048,\
        "latency_p99_us":99.072,"latency_max_us":100.0,"server_cpu_ns_per_delivery":500.0,"server_cores":0.05,\
        "server_empty_kib":1000,"server_idle_kib":1022,"server_end_kib":1100,"server_bytes_per_connection":2048,\
        "connecting_seconds":0.002,"server_cpu_us_per_connection":2.0,"own_cpu_ns_per_delivery":2500.0,\
        "own_busy_share":0.25,"warnings":["The lines took only 10 ms; send more --lines for steady figures."]}
        """)
  }

  @Test func `The JSON can be read whatever a server says`() throws {
    var report = Self.report
    report.failure = "It said: \"\\\u{1}\n\t\u{1F600}\u{7F}\""
    report.flaws = Flaws(lost: 1, doubled: 2, torn: 3, outOfOrder: 4)
    (report.elapsed.serverCPU, report.connecting.serverCPU, report.emptyKiB) = (nil, nil, nil)
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any])
    #expect(object["failure"] as? String == report.failure)
    #expect(object["clean"] as? Bool == false)
    #expect(object["out_of_order"] as? Int == 4)
    #expect(object["server_cpu_ns_per_delivery"] is NSNull)
    #expect(object["server_bytes_per_connection"] is NSNull)
  }

  @Test func `A run in which nothing happened is still valid JSON`() throws {
    let object = try JSONSerialization.jsonObject(with: Data(Report(load: .standard).json.utf8)) as? [String: Any]
    #expect(object?["deliveries_per_s"] as? Double == 0)
  }

  @Test func `The table says what was found in words and units`() {
    let table = Self.report.table
    for part in [
      "127.0.0.1:12345 (line): 11 receivers, 1 sending, 100 lines of 64 bytes, at most 256 on their way",
      "1,000 of 1,000: 0 lost, 0 doubled, 0 torn, 0 out of order", "100,000", "p50 50 µs, p99 99.1 µs, max 100 µs",
      "500 ns per delivery, 5 % of a core", "(2,048 bytes each)", "2,500 ns per delivery, busy 25 % of the time",
    ] { #expect(table.contains(part), "'\(part)' is missing in\n\(table)") }
  }

  @Test func `The tool warns when it was itself the limit, and not when the server was`() {
    var report = Self.report
    report.waitedNanoseconds = 100_000
    #expect(report.warnings.contains { $0.hasPrefix("mychatload itself was busy 99 %") })
    report.elapsed.serverCPU = 9_900_000
    #expect(!report.warnings.contains { $0.hasPrefix("mychatload itself") })
  }

  @Test(
    arguments: [
      (0, "0 ns"), (999, "999 ns"), (1000, "1 µs"), (62_540, "62.5 µs"), (1_234_567, "1.2 ms"), (250_000_000, "250 ms"),
      (90_000_000_000, "90 s"),
    ] as [(UInt64, String)])
  func `Durations are shown in the unit that suits`(nanoseconds: UInt64, text: String) {
    #expect(Report.duration(nanoseconds) == text)
  }

  @Test(arguments: [0, 1, 500, 1000])
  func `The bar fills the row it is given`(done: Int) {
    let bar = Progress.lines(deliveries: done, of: 1000, nanoseconds: 1_000_000_000).bar(columns: 80)
    #expect(bar.count <= 80)
    #expect(bar.contains(" \(done / 10)% "))
  }

  @Test func `An impossible load is refused with what to do about it`() {
    func problem(_ change: (inout Load) -> Void) -> String {
      var load = Load.standard
      change(&load)
      return load.problem ?? ""
    }
    #expect(problem { _ in } == "")
    #expect(problem { $0.receivers = 1 }.contains("--receivers must be at least 2"))
    #expect(problem { $0.senders = 101 }.contains("--senders may be at most --receivers (100)"))
    #expect(problem { ($0.dialect, $0.senders) = (.redis, 101) } == "")
    #expect(problem { $0.bytes = 32 }.contains("--bytes must be from 33 to 8192"))
    #expect(problem { ($0.dialect, $0.bytes) = (.irc, 401) }.contains("--bytes must be from 33 to 400"))
    #expect(problem { $0.pace = .window(0) }.contains("--window must be at least 1"))
    #expect(problem { $0.pace = .rate(.nan) }.contains("--rate must be over 0"))
    #expect(problem { $0.timeout = .infinity }.contains("--timeout"))
    #expect(problem { ($0.receivers, $0.senders) = (.max, 2) }.contains("times"))
  }
}
