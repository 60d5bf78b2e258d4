import ChatWire
import Glibc
import TestSupport
import Testing

/// How the server's counters get to Prometheus.
@Suite(.timeLimit(.minutes(10))) struct MetricsTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// A server, and where its metrics are.
  private func server(_ options: [String] = []) throws -> (server: ServerProgram, metrics: Address) {
    let server = try ServerProgram(options: ["--metrics", "0"] + options)
    let prefix = "[METRICS] Metrics are at http://"
    let line = try server.program.waitForLine("a [METRICS] line") { $0.hasPrefix(prefix) }
    #expect(line.hasSuffix("/metrics"))
    return (server, try Address(parsing: String(line.dropFirst(prefix.count).dropLast("/metrics".count))))
  }

  /// The values of metrics by their names.
  private func values(in text: String) -> [String: Int] {
    var values: [String: Int] = [:]
    for line in text.split(separator: "\n") where line.hasPrefix("mychat_") {
      values[String(line.prefix { $0 != "{" })] = line.split(separator: " ").last.flatMap { Int($0) }
    }
    return values
  }

  /// What a collector gets that asks there.
  private func metrics(at address: Address) throws -> [String: Int] {
    let collector = try Dialogue(connectingTo: address)
    try collector.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    let answer = String(decoding: try collector.receiveAll(), as: UTF8.self)
    #expect(answer.hasPrefix("HTTP/1.0 200 OK\r\n"), "\(answer)")
    return values(in: answer)
  }

  @Test func `Whoever asks for the metrics gets what is so at that moment`() throws {
    let (server, address) = try server()
    #expect(try metrics(at: address)["mychat_members"] == 0)
    let member = try server.join()
    try member.send("hi\n")
    _ = try server.program.waitForLine("the message") { $0.hasSuffix(": hi") }
    let values = try metrics(at: address)
    for name in ["mychat_members", "mychat_lines_said_total", "mychat_connections_accepted_total"] {
      #expect(values[name] == 1, "\(values)")
    }
    try server.stop()
  }

  @Test func `Peers that ask slowly, or for nothing, are closed after a while, and those behind them are answered`()
    throws
  {
    let (server, address) = try server()
    let idle = try (0..<12).map { _ in try Dialogue(connectingTo: address) }
    for (index, peer) in idle.enumerated() where index % 2 == 0 { try peer.send("GET /met") }
    #expect(try metrics(at: address)["mychat_members"] == 0)
    for peer in idle { try peer.expectClosed() }
    try server.stop()
  }

  @Test func `Peers that break off, ask for something else or send without end do no harm`() throws {
    let (server, address) = try server()
    for round in 0..<50 {
      let peer = try Dialogue(connectingTo: address)
      try peer.send(round % 2 == 0 ? "GET /metrics HTTP/1.1\r\n\r\n" : "GET /met")
      try peer.reset()
    }
    let other = try Dialogue(connectingTo: address)
    try other.send("POST /metrics HTTP/1.1\r\n\r\n")
    #expect(String(decoding: try other.receiveAll(), as: UTF8.self).hasPrefix("HTTP/1.0 405 "))
    let endless = try Dialogue(connectingTo: address)
    let junk = [UInt8](repeating: UInt8(ascii: "x"), count: 65_536)
    try eventually("the one that sends without end to be closed") {
      do { while try endless.sendWithoutWaiting(junk[...]) > 0 {} } catch { return true }
      return false
    }
    #expect(try metrics(at: address)["mychat_members"] == 0)
    try server.stop()
  }

  @Test func `Metrics on a Unix socket are there until the stop, and then the socket's file is gone`() throws {
    let address = Address.unix(path: directory.file("metrics.sock"))
    let server = try ServerProgram(options: ["--metrics", "\(address)"])
    try server.program.waitForLine("[METRICS] Metrics are at \(address)")
    #expect(try metrics(at: address)["mychat_members"] == 0)
    // Somebody who is still asking holds up nothing.
    let asking = try Dialogue(connectingTo: address)
    try asking.send("GET")
    try server.stop()
    #expect(!exists(directory.file("metrics.sock")))
    #expect(!exists(directory.file("metrics.sock.lock")))
  }

  @Test func `Metrics that others could reach are refused, and so is an address that is taken`() throws {
    for address in ["0.0.0.0:0", "[::]:0", "203.0.113.1:9464"] {
      let refused = try Program(built: "mychatserver", ["0", "--metrics", address])
      #expect(try refused.waitForExit() == .status(64))
      #expect(refused.errorLines.count == 1)
      #expect(refused.errorLines.first?.contains("only this machine can reach") == true)
    }
    let (server, address) = try server()
    #expect(try ServerProgram.refusal(of: ["--metrics", "\(address)"]).contains("the port is in use"))
    try server.stop()
  }

  @Test func `A metrics file is there soon, for everybody to read, and tells at the end how it ended`() throws {
    let path = directory.file("lab.prom")
    let server = try ServerProgram(options: ["--metrics-file", path])
    try eventually("the file") { values(in: text(ofFile: path))["mychat_members"] == 0 }
    let member = try server.join()
    try member.send("hi\nexit\n")
    try member.expectClosed()
    try server.stop()
    let metrics = text(ofFile: path)
    for (name, value) in [("mychat_members", 0), ("mychat_lines_said_total", 1), ("mychat_connections_left_total", 1)] {
      #expect(values(in: metrics)[name] == value, "\(metrics)")
    }
    #expect(metrics.contains("\nmychat_members{server=\"\(server.address)\"} 0\n"))
    #expect(metrics.hasSuffix("\n"))
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o644)
    #expect(names(in: directory.path) == ["lab.prom"])
  }

  /// The names of all files in a directory.
  private func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      names.append(withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names.filter { $0 != "." && $0 != ".." }
  }

  @Test func `A metrics file is for everybody to read, whatever the umask`() throws {
    let path = directory.file("lab.prom")
    let script = "umask 077; exec \"$0\" 0 --metrics-file \"$1\""
    let server = try Program("/bin/sh", ["-c", script, try Program.built("mychatserver"), path])
    try eventually("the file") { exists(path) }
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o644)
    server.signal(SIGTERM)
    #expect(try server.waitForExit() == .status(0))
  }

  @Test func `A file that node_exporter would not collect is refused, and so no other file is replaced`() throws {
    let transcript = directory.file("transcript")
    try write("2026-11-23T21:03:05Z 1234: before\n", to: transcript)
    let server = try Program(built: "mychatserver", ["0", "--transcript", transcript, "--metrics-file", transcript])
    #expect(try server.waitForExit() == .status(64))
    #expect(server.errorLines.count == 1)
    #expect(server.errorLines.first?.contains("a file that ends in .prom") == true)
    #expect(text(ofFile: transcript) == "2026-11-23T21:03:05Z 1234: before\n")
  }

  @Test func `A metrics file that cannot be made is refused, and nothing else is replaced`() throws {
    #expect(
      try ServerProgram.refusal(of: ["--metrics-file", directory.file("none/lab.prom")])
        == "[ERROR] Cannot use '\(directory.file("none/lab.prom"))' for the metrics: there is no such file or directory. Make it "
        + "first, or choose another path.")
    mkdir(directory.file("dir.prom"), 0o700)
    #expect(try ServerProgram.refusal(of: ["--metrics-file", directory.file("dir.prom")]).contains("no regular file"))
  }
}
