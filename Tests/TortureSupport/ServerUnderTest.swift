import ChatWire
import Glibc
import Synchronization
import TestSupport

/// The built server as a process, and what the kernel reports about it.
package final class ServerUnderTest {
  /// The server to run; nil for the one beside this program.
  package static let path = Mutex<String?>(nil)

  private let program: Program
  private let figures: ProcessFigures
  private let directory = Result { try TemporaryDirectory() }
  package let log: String
  package let port: UInt16
  package var pid: pid_t { program.pid }
  package var address: Address { address(host: "127.0.0.1") }
  package func address(host: String) -> Address { .internet(host: host, port: port) }
  /// Sockets that it has open without a single member: those that it listens on.
  private let idleSockets: Int

  /// - Parameters:
  ///   - descriptors: the most descriptors it may have; nil for what this process may have.
  ///   - listening: where it listens.
  ///   - program: the path by which it is started; nil for the one as built.
  package init(
    _ arguments: [String] = [], listening: String = "127.0.0.1:0", descriptors: Int? = nil,
    environment: [String: String] = [:], program path: String? = nil
  ) throws {
    raiseDescriptorLimit()
    let path = try path ?? Self.programPath()
    log = try directory.get().file("log")
    let limit = descriptors.map { "ulimit -n \($0) && " } ?? ""
    program = try Program(
      "/bin/sh", ["-c", "\(limit)exec \"$0\" \"$@\"", path, listening] + arguments, environment: environment,
      input: .nothing, output: .file(log), errors: .file(log))
    var found: UInt16?
    let log = log
    try eventually("the server to listen; it says \(shown(contents(of: log, atMost: 300)))") {
      let text = String(decoding: contents(of: log, atMost: 600), as: UTF8.self)
      // A line without an end has perhaps not come whole; a warning or a word on a file may come first.
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      let others = ["[WARNING]", "[TRANSCRIPT]", "[REDIS]"]
      guard let line = lines.first(where: { line in !others.contains { line.hasPrefix($0) } }) else { return false }
      guard line.hasPrefix("[LISTENING]") else { throw TestFailure("the server does not start: \(line)") }
      found = line.split(separator: ":").last.flatMap { UInt16($0) }
      return true
    }
    port = found ?? 0
    guard let figures = ProcessFigures(of: program.pid) else { throw TestFailure("the server is gone") }
    self.figures = figures
    idleSockets = figures.openFiles.count { $0.hasPrefix("socket:") }
  }

  /// The path of the server to run.
  package static func programPath() throws -> String {
    try path.withLock { $0 } ?? Program.built("mychatserver")
  }

  package var isAlive: Bool { figures.isAlive }
  /// KiB in memory now, and at most so far.
  package var memory: Int { figures.residentKiB ?? 0 }
  package var peakMemory: Int { figures.peakKiB ?? 0 }
  /// Descriptors of any kind. Compare counts only after a line has been relayed: libdispatch opens its own descriptors on
  /// another thread, some of them after the server listens.
  package var descriptors: Int { figures.openFiles.count }
  /// Members and others that are connected.
  package var connections: Int { figures.openFiles.count { $0.hasPrefix("socket:") } - idleSockets }

  /// Its share of one processor, in per cent, while `body` runs.
  package func load(during body: () throws -> Void) rethrows -> Double {
    let (start, used) = (monotonicNanoseconds(), figures.cpuNanoseconds ?? 0)
    try body()
    return 100 * Double((figures.cpuNanoseconds ?? used) - used) / Double(monotonicNanoseconds() - start)
  }

  /// Waits until exactly `count` connections are open in the server.
  package func settle(at count: Int, within limit: Duration = generousLimit) throws {
    try eventually("\(count) connections; there are \(connections)", within: limit) { connections == count }
  }

  /// How often the log has `text` in it.
  package func logged(_ text: String) -> Int {
    occurrences(of: Array(text.utf8), in: contents(of: log, atMost: 256 << 20))
  }

  /// The port of the member that came first.
  package func portOfFirstMember() throws -> UInt16 {
    let start = "[NEW CONNECTION] ('127.0.0.1', "
    var port: UInt16?
    try eventually("a [NEW CONNECTION] line") {
      let lines = String(decoding: contents(of: log, atMost: 1000), as: UTF8.self).split(separator: "\n")
      port = lines.first { $0.hasPrefix(start) }.flatMap { UInt16($0.dropFirst(start.count).prefix { $0 != ")" }) }
      return port != nil
    }
    return port ?? 0
  }

  /// Bytes that the kernel holds for the member at `port` of 127.0.0.1; nil if it is not there.
  package func heldByKernel(for member: UInt16) -> Int? {
    ListedSocket.all.first { $0.localPort == port && $0.remotePort == member }?.unacknowledged
  }

  package func signal(_ signal: CInt) { program.signal(signal) }

  /// Waits for its end.
  package func waitForExit(within limit: Duration = generousLimit) throws -> Program.Exit {
    program.limit = limit
    return try program.waitForExit()
  }

  /// Changes the most descriptors that the running server may have, up to what it began with (prlimit(1)).
  package func limitDescriptors(to count: Int) throws {
    let program = try Program("/usr/bin/prlimit", ["--pid", "\(pid)", "--nofile=\(count):"], input: .nothing)
    guard try program.waitForExit() == .status(0) else { throw Skipped(reason: "prlimit: \(program.errorLines)") }
  }
}

/// Waits for a while: what a row measures goes on meanwhile.
package func pass(_ duration: Duration) { _ = poll(nil, 0, CInt(duration / .milliseconds(1))) }

package func occurrences(of needle: [UInt8], in bytes: [UInt8]) -> Int {
  bytes.withUnsafeBytes { all in
    var (count, index) = (0, 0)
    while index + needle.count <= all.count, let start = all.baseAddress,
      let found = memchr(start + index, CInt(needle[0]), all.count - index - needle.count + 1)
    {
      let matches = memcmp(found, needle, needle.count) == 0
      if matches { count += 1 }
      index = UnsafeRawPointer(found) - start + (matches ? needle.count : 1)
    }
    return count
  }
}
